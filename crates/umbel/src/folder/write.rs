//! Files that appear whole or not at all, safetensors among them.

use std::fs;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, json};

use super::disk::{self, DiskFile};
use crate::error::{Error, Result};

/// A tensor to be written: its name, sizes and numbers.
pub type NamedTensor<'a> = (String, Vec<usize>, &'a [f32]);

/// Writes a file beside `path` and renames it to `path` once it is safely on disk.
///
/// # Errors
/// [`Error::Io`]; what was at `path` before is then still there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Writes a file as [`write_file`] does, piece by piece.
///
/// # Errors
/// [`Error::Io`]; what was at `path` before is then still there.
pub fn write_with(path: &Path, write: impl FnOnce(&mut BufWriter<DiskFile>) -> io::Result<()>) -> Result<()> {
    let mut file = PendingFile::create(path)?;
    write(file.file()).map_err(Error::io(path))?;
    file.commit()
}

/// A file that is written beside its place, and removed again unless it is committed.
pub struct PendingFile {
    path: PathBuf,
    temporary: PathBuf,
    // Invariant: there until the file is committed.
    file: Option<BufWriter<DiskFile>>,
}

impl PendingFile {
    /// Begins a file that is to be at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if `path` is a folder or a device, or its folder cannot be written to.
    pub fn create(path: &Path) -> Result<Self> {
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(Error::io(path)(io::Error::other(
                "expected a file or nothing there, found something else",
            )));
        }
        let temporary = beside(path);
        let file = DiskFile::create_new(&temporary).map_err(Error::io(path))?;
        let file = Some(BufWriter::with_capacity(1 << 20, file));
        Ok(Self { path: path.to_path_buf(), temporary, file })
    }

    /// Puts the file in its place once it is safely on disk.
    ///
    /// # Errors
    /// [`Error::Io`]; what was at the path before is then still there.
    pub fn commit(mut self) -> Result<()> {
        let file = self.file.take().expect("a file is committed once");
        let committed = self.put_in_place(file);
        if committed.is_err() {
            self.remove();
        }
        committed.map_err(Error::io(&self.path))
    }

    fn put_in_place(&self, file: BufWriter<DiskFile>) -> io::Result<()> {
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        disk::rename(&self.temporary, &self.path)?;
        disk::sync_folder(self.path.parent().unwrap_or(Path::new(""))) // The rename is on disk once the folder is.
    }

    fn file(&mut self) -> &mut BufWriter<DiskFile> {
        self.file.as_mut().expect("the file is not committed yet")
    }

    fn named(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }

    fn remove(&self) {
        // Whatever went wrong before is what counts.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Errors name the file.
impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes).map_err(|error| self.named(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush().map_err(|error| self.named(error))
    }
}

impl Seek for PendingFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file().seek(to).map_err(|error| self.named(error))
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        // A writer that is dropped would write what it holds; there is no use for that now.
        if let Some(file) = self.file.take() {
            drop(file.into_parts());
            self.remove();
        }
    }
}

/// A name in the same folder that nothing else uses, also no killed process that had our id, as in a container.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".{name}.{}.{count}.tmp", std::process::id()));
        if !temporary.exists() {
            return temporary;
        }
    }
}

/// Writes tensors as safetensors; the same tensors and metadata give the same bytes.
///
/// Tensors are laid out by name and written from where they are, without a copy in memory.
///
/// # Panics
/// If a shape does not hold as many numbers as its tensor has, or two tensors have one name.
///
/// # Errors
/// [`Error::Io`]; what was at `path` before is then still there.
pub fn write_safetensors(path: &Path, tensors: &[NamedTensor<'_>], metadata: &[(&str, &str)]) -> Result<()> {
    write_with(path, |file| write_safetensors_to(file, tensors, metadata))
}

/// Writes what [`write_safetensors`] writes to a file.
///
/// # Panics
/// As [`write_safetensors`].
///
/// # Errors
/// What the system said.
pub fn write_safetensors_to(
    file: &mut impl Write,
    tensors: &[NamedTensor<'_>],
    metadata: &[(&str, &str)],
) -> io::Result<()> {
    let mut sorted: Vec<&NamedTensor<'_>> = tensors.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let header = header(&sorted, metadata);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    sorted.iter().try_for_each(|(_, _, values)| file.write_all(bytemuck::cast_slice(values)))
}

fn header(sorted: &[&NamedTensor<'_>], metadata: &[(&str, &str)]) -> Vec<u8> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        let mut pairs = metadata.to_vec();
        pairs.sort_unstable();
        let pairs: Map<_, _> =
            pairs.into_iter().map(|(key, value)| (key.to_string(), value.into())).collect();
        header.insert("__metadata__".into(), pairs.into());
    }
    let mut start = 0;
    for (name, shape, values) in sorted {
        assert_eq!(
            shape.iter().product::<usize>(),
            values.len(),
            "`{name}`: shape {shape:?} must hold all values"
        );
        let end = start + size_of_val(*values);
        let info = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
        assert!(header.insert(name.clone(), info).is_none(), "two tensors are named `{name}`");
        start = end;
    }
    let mut bytes = serde_json::Value::Object(header).to_string().into_bytes();
    bytes.resize(bytes.len().next_multiple_of(8), b' '); // so that the numbers are aligned
    bytes
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::{Dtype, TensorView, serialize};

    use super::*;
    use crate::folder::Weights;

    fn names(dir: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(dir).unwrap().map(name).collect()
    }

    #[test]
    fn a_file_is_replaced_whole_or_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("umbel.json");
        write_file(&path, b"first").unwrap();
        let fails = |file: &mut BufWriter<DiskFile>| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        };
        assert!(write_with(&path, fails).unwrap_err().to_string().contains("umbel.json: disk full"));
        assert_eq!(
            (fs::read(&path).unwrap(), names(dir.path())),
            (b"first".to_vec(), vec!["umbel.json".to_string()])
        );
        write_file(&path, b"second").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), names(dir.path())),
            (b"second".to_vec(), vec!["umbel.json".to_string()])
        );
    }

    #[test]
    fn what_a_killed_process_with_our_id_left_is_not_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        for count in 0..1000 {
            let left = dir.path().join(format!(".umbel.json.{}.{count}.tmp", std::process::id()));
            fs::write(left, "half").unwrap();
        }
        write_file(&dir.path().join("umbel.json"), b"whole").unwrap();
        assert_eq!(fs::read(dir.path().join("umbel.json")).unwrap(), b"whole");
    }

    #[test]
    fn a_pending_file_is_patched_and_appears_when_it_is_committed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = PendingFile::create(&path).unwrap();
        file.write_all(b"?bc").unwrap();
        file.rewind().unwrap();
        file.write_all(b"a").unwrap();
        assert!(!path.exists());
        file.commit().unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(dir.path())), (b"abc".to_vec(), vec!["a".to_string()]));
        drop(PendingFile::create(&path).unwrap());
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn a_folder_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(PendingFile::create(dir.path()).is_err());
    }

    #[test]
    fn a_file_in_a_folder_that_is_absent_is_an_error() {
        assert!(matches!(write_file(Path::new("/nonexistent/a"), b""), Err(Error::Io { .. })));
    }

    #[test]
    fn tensors_are_written_as_the_safetensors_crate_writes_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        let (a, b) = ([1.0f32, 2.0, 3.0, 4.0], [5.0f32]);
        let tensors = [("b".to_string(), vec![1], &b[..]), ("a".to_string(), vec![2, 2], &a[..])];
        write_safetensors(&path, &tensors, &[("format", "pt")]).unwrap();

        let view = |shape, values| TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values)).unwrap();
        let views = [("a", view(vec![2, 2], &a[..])), ("b", view(vec![1], &b[..]))];
        let metadata = [("format".to_string(), "pt".to_string())].into();
        assert_eq!(fs::read(&path).unwrap(), serialize(views, Some(metadata)).unwrap());

        let weights = Weights::open(dir.path()).unwrap();
        assert_eq!(weights.tensor("a").unwrap().as_slice(), a);
        assert!(weights.tensor("a").unwrap().values.is_mapped());
    }

    #[test]
    fn the_same_metadata_in_any_order_gives_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, metadata: &[(&str, &str)]| {
            write_safetensors(&dir.path().join(name), &[], metadata).unwrap();
            fs::read(dir.path().join(name)).unwrap()
        };
        assert_eq!(
            write("1", &[("a", "1"), ("b", "2"), ("c", "3")]),
            write("2", &[("c", "3"), ("a", "1"), ("b", "2")])
        );
    }
}
