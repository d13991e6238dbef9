//! Where umbel-mini lies once it is unpacked: in the user's cache, or among temporary files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::{Digest, Sha256};

use super::embedded::{MINI, PACKED, unpack};
use super::own_cache;
use crate::error::{Error, Result};

/// The file of an unpacked folder that has the sizes of all others.
pub(super) const SIZES: &str = ".sizes.json";

/// The folder of umbel-mini, which is unpacked into the user's cache if it is not there; if that cannot be written, among
/// temporary files.
///
/// # Errors
/// [`Error::Hub`] if it can be written nowhere.
pub fn mini() -> Result<PathBuf> {
    unpacked(PACKED, &own_cache().join("models"), own_temporary_folder)
}

/// The folder of a packed model in `cache`, or in the other folder if it cannot be there.
fn unpacked(packed: &[u8], cache: &Path, other: impl FnOnce() -> io::Result<PathBuf>) -> Result<PathBuf> {
    let digest: String = Sha256::digest(packed).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{MINI}-{digest}");
    let folder = cache.join(&name);
    let Err(error) = ensure(packed, &folder) else { return Ok(folder) };
    match other().map(|other| other.join(&name)) {
        Ok(folder) if ensure(packed, &folder).is_ok() => Ok(folder),
        _ => Err(Error::Hub(format!(
            "{MINI} cannot be unpacked: {error}; set `XDG_CACHE_HOME` to a folder that can be written"
        ))),
    }
}

/// Unpacks a model if its folder is not there, or not whole.
fn ensure(packed: &[u8], folder: &Path) -> Result<()> {
    if is_whole(folder) {
        return Ok(());
    }
    match unpack(packed, folder) {
        Err(_) if is_whole(folder) => Ok(()), // Another thread or process was faster.
        done => done,
    }
}

/// True of a folder that has all files that were unpacked, each with its size.
pub(super) fn is_whole(folder: &Path) -> bool {
    let Ok(sizes) = fs::read(folder.join(SIZES)) else { return false };
    let Ok(sizes) = serde_json::from_slice::<BTreeMap<String, u64>>(&sizes) else { return false };
    let has_size = |(path, size): (&String, &u64)| {
        fs::metadata(folder.join(path)).is_ok_and(|found| found.is_file() && found.len() == *size)
    };
    sizes.iter().all(has_size)
}

/// A folder for temporary files into which nobody else can put anything.
#[cfg(unix)]
fn own_temporary_folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    let user = tempfile::tempfile()?.metadata()?.uid(); // A new file is ours.
    let folder = std::env::temp_dir().join(format!("umbel-{user}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&folder)?;
    match found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0 {
        true => Ok(folder),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

/// A folder for temporary files, which are the user's own on other systems.
#[cfg(not(unix))]
fn own_temporary_folder() -> io::Result<PathBuf> {
    Ok(std::env::temp_dir().join("umbel"))
}

#[cfg(test)]
mod tests {
    use super::super::embedded::pack;
    use super::*;
    use crate::encoder::scratch::{self, Size};
    use crate::folder::disk;
    use crate::model::Model;

    fn packed_model(dir: &Path) -> Vec<u8> {
        let size = Size { hidden_size: 8, n_heads: 2, intermediate_size: 16, ..Size::default() };
        scratch::write(&dir.join("whole"), &["sun", "moon"], &size, 1).unwrap();
        pack(&dir.join("whole")).unwrap()
    }

    fn nowhere() -> io::Result<PathBuf> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    #[test]
    fn a_folder_that_has_lost_something_is_unpacked_again() {
        let dir = tempfile::tempdir().unwrap();
        let packed = packed_model(dir.path());
        let cache = dir.path().join("cache");
        let folder = unpacked(&packed, &cache, nowhere).unwrap();
        let weights = folder.join("model.safetensors");
        let whole = fs::read(&weights).unwrap();
        fs::write(&weights, &whole[..10]).unwrap();
        assert_eq!(unpacked(&packed, &cache, nowhere).unwrap(), folder);
        assert_eq!(fs::read(&weights).unwrap(), whole);
        fs::remove_file(&weights).unwrap();
        unpacked(&packed, &cache, nowhere).unwrap();
        assert_eq!(fs::read(&weights).unwrap(), whole);
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1, "nothing is left beside");
    }

    #[test]
    fn many_that_unpack_at_once_have_one_folder() {
        let dir = tempfile::tempdir().unwrap();
        let packed = packed_model(dir.path());
        let cache = dir.path().join("cache");
        let found: Vec<Result<PathBuf>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| unpacked(&packed, &cache, nowhere))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        found.into_iter().for_each(|folder| assert!(is_whole(&folder.unwrap())));
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1, "nothing is left beside");
    }

    #[test]
    fn without_a_cache_a_model_is_unpacked_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let packed = packed_model(dir.path());
        fs::write(dir.path().join("file"), "").unwrap();
        let no_cache = dir.path().join("file").join("cache"); // Nothing can be in a file.
        let folder = unpacked(&packed, &no_cache, || Ok(dir.path().join("other"))).unwrap();
        assert!(folder.starts_with(dir.path().join("other")) && Model::open(&folder).is_ok());
        let error = unpacked(&packed, &no_cache, nowhere).unwrap_err().to_string();
        assert!(error.starts_with("umbel-mini cannot be unpacked: "), "{error}");
        assert!(error.contains("set `XDG_CACHE_HOME` to a folder"), "{error}");
        assert!(own_temporary_folder().is_ok());
    }

    #[test]
    fn an_unpacking_that_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let packed = packed_model(dir.path());
        let cache = dir.path().join("cache");
        for n in 1..6 {
            disk::arm(disk::Fault::Error, n);
            assert!(unpacked(&packed, &cache, nowhere).is_err(), "{n}");
            disk::disarm();
            assert_eq!(fs::read_dir(&cache).unwrap().count(), 0, "{n}");
        }
    }
}
