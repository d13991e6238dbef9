//! Folders that appear whole or not at all, sealed by a manifest with the SHA-256 of each file.

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::folder::disk::{self, DiskFile};

/// The file that is written last.
pub(super) const MANIFEST: &str = "manifest.json";
/// The version of the manifest's format.
const FORMAT: u32 = 1;

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// The folder that this one cannot do without, if there is one: its name, beside this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) needs: Option<String>,
    files: Vec<SealedFile>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SealedFile {
    path: String,
    bytes: u64,
    sha256: String,
}

/// Writes the bytes of a file.
pub(super) type Content<'a> = &'a dyn Fn(&mut Sealing) -> io::Result<()>;

/// Writes a folder beside `path`, each file synced and the manifest last, and renames it to `path`.
///
/// A folder that was there is replaced; the caller knows that nobody needs it.
///
/// # Errors
/// [`Error::Io`] with the file that could not be written.
pub(super) fn write(path: &Path, files: &[(&str, Content<'_>)], needs: Option<String>) -> Result<()> {
    let temporary = beside(path);
    remove(&temporary)?;
    let written = write_beside(&temporary, path, files, needs);
    if written.is_err() {
        let _ = remove(&temporary); // A full disk needs the room. What went wrong before is what counts.
    }
    written
}

fn write_beside(
    temporary: &Path,
    path: &Path,
    files: &[(&str, Content<'_>)],
    needs: Option<String>,
) -> Result<()> {
    disk::create_folder(temporary).map_err(Error::io(path))?;
    let mut manifest = Manifest { format: FORMAT, needs, files: Vec::new() };
    for (name, content) in files {
        let sealed = write_one(&temporary.join(name), *content).map_err(Error::io(path.join(name)))?;
        manifest.files.push(SealedFile { path: (*name).to_string(), ..sealed });
    }
    let json = serde_json::to_vec_pretty(&manifest).expect("plain values");
    write_one(&temporary.join(MANIFEST), &|file| file.write_all(&json))
        .map_err(Error::io(path.join(MANIFEST)))?;
    let put_in_place = || -> io::Result<()> {
        disk::sync_folder(temporary)?;
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        disk::rename(temporary, path)?;
        disk::sync_folder(path.parent().unwrap_or(Path::new("")))
    };
    put_in_place().map_err(Error::io(path))
}

/// Deletes a folder, which first loses its name, so that no half of it is ever taken for a whole one.
///
/// # Errors
/// [`Error::Io`] if it cannot be deleted.
pub(super) fn delete(path: &Path) -> Result<()> {
    if path.file_name().is_some_and(|name| is_temporary(&name.to_string_lossy())) {
        return remove(path);
    }
    let temporary = beside(path);
    remove(&temporary)?;
    disk::rename(path, &temporary).map_err(Error::io(path))?;
    remove(&temporary)
}

/// True of the name of what a killed process left half-written or half-deleted.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Checks every file of a folder by its SHA-256.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn check(path: &Path) -> Result<Manifest, String> {
    let manifest = read_manifest(path)?;
    for file in &manifest.files {
        let (bytes, sha256) =
            hash(&path.join(&file.path)).map_err(|error| format!("{}: {error}", file.path))?;
        if bytes != file.bytes {
            return Err(format!("{} has {bytes} bytes; {MANIFEST} says {}", file.path, file.bytes));
        }
        if sha256 != file.sha256 {
            return Err(format!("{} has the SHA-256 {sha256}; {MANIFEST} says {}", file.path, file.sha256));
        }
    }
    Ok(manifest)
}

/// The manifest of a folder whose files are not looked at.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn read_manifest(path: &Path) -> Result<Manifest, String> {
    let text = fs::read(path.join(MANIFEST)).map_err(|error| format!("{MANIFEST}: {error}"))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| format!("{MANIFEST}: {error}"))?;
    match manifest.format == FORMAT {
        true => Ok(manifest),
        false => Err(format!("{MANIFEST} has format {}; this version reads {FORMAT}", manifest.format)),
    }
}

/// A file that is hashed as it is written.
pub(super) struct Sealing {
    file: BufWriter<DiskFile>,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Sealing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn write_one(path: &Path, content: Content<'_>) -> io::Result<SealedFile> {
    let file = BufWriter::with_capacity(1 << 20, DiskFile::create_new(path)?);
    let mut sealing = Sealing { file, hasher: Sha256::new(), bytes: 0 };
    content(&mut sealing)?;
    sealing.file.flush()?;
    sealing.file.get_ref().sync_all()?;
    Ok(SealedFile { path: String::new(), bytes: sealing.bytes, sha256: digits(sealing.hasher) })
}

fn hash(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hasher) = (fs::File::open(path)?, Sha256::new());
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, digits(hasher))),
            n => {
                hasher.update(&buffer[..n]);
                bytes += n as u64;
            }
        }
    }
}

fn digits(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a folder while it is written or deleted.
fn beside(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("a");
        let content: Content<'_> = &|file| file.write_all(b"abc");
        write(&path, &[("one", content), ("two", content)], Some("b".to_string())).unwrap();
        path
    }

    #[test]
    fn a_folder_that_was_written_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = check(&folder(dir.path())).unwrap();
        assert_eq!(manifest.needs.as_deref(), Some("b"));
        // The SHA-256 of "abc" is an example of FIPS 180-2.
        assert!(manifest.files[1].sha256.starts_with("ba7816bf") && manifest.files[1].bytes == 3);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half-written stays");
    }

    #[test]
    fn what_is_wrong_with_a_folder_is_said() {
        let check_after = |damage: &dyn Fn(&Path), expected: &str| {
            let dir = tempfile::tempdir().unwrap();
            let path = folder(dir.path());
            damage(&path);
            let problem = check(&path).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        };
        check_after(&|path| fs::write(path.join("two"), b"abd").unwrap(), "two has the SHA-256 ");
        check_after(
            &|path| fs::write(path.join("two"), b"ab").unwrap(),
            "two has 2 bytes; manifest.json says 3",
        );
        check_after(&|path| fs::remove_file(path.join("one")).unwrap(), "one: ");
        check_after(&|path| fs::remove_file(path.join(MANIFEST)).unwrap(), "manifest.json: ");
        check_after(&|path| fs::write(path.join(MANIFEST), b"{").unwrap(), "manifest.json: ");
    }

    #[test]
    fn a_folder_is_replaced_and_deleted_whole() {
        let dir = tempfile::tempdir().unwrap();
        folder(dir.path());
        let path = folder(dir.path());
        check(&path).unwrap();
        delete(&path).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
