//! Files of a model folder, opened with care: the folder may be broken, or made to do harm.

use std::fs::{self, File, FileType};
use std::io::ErrorKind;
use std::path::Path;

use mapped::Mapped;

use super::paths;
use crate::error::{Error, Result};

/// The most bytes that are read into memory; the largest vocabularies take some 40 MB.
const MAX_READ: u64 = 1 << 28;

/// The bytes of a file.
///
/// # Errors
/// As [`open`]; [`Error::Model`] also if the file is larger than any file of settings or vocabulary.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let size = check(path)?;
    if size > MAX_READ {
        return Err(Error::model(path, format!("the file has {size} bytes; expected {MAX_READ} at most")));
    }
    fs::read(path).map_err(Error::io(path))
}

/// A file mapped into memory.
///
/// # Errors
/// As [`open`].
pub fn map(path: &Path) -> Result<Mapped> {
    check(path)?;
    Mapped::open(path).map_err(Error::io(path))
}

/// A file to be read from its start.
///
/// # Errors
/// [`Error::Model`] if there is no such file, if it is not a regular one (to open a pipe would wait forever), or if
/// it is a link that leads out of its folder (a model could take files of its user along), [`Error::Io`] if it
/// cannot be read.
pub fn open(path: &Path) -> Result<File> {
    check(path)?;
    File::open(path).map_err(Error::io(path))
}

/// How many bytes a file has, if it is one that may be opened.
///
/// # Errors
/// As [`open`].
pub fn check(path: &Path) -> Result<u64> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Error::model(path, "there is no such file"));
        }
        found => found.map_err(Error::io(path))?,
    };
    if !found.is_file() {
        return Err(Error::model(
            path,
            format!("expected a regular file, found {}", kind(found.file_type())),
        ));
    }
    if path.is_symlink()
        && let (Some(folder), Some(name)) = (path.parent(), path.file_name())
    {
        let inside = paths::inside(folder, &name.to_string_lossy());
        inside.map_err(|problem| Error::model(path, problem))?;
    }
    Ok(found.len())
}

fn kind(found: FileType) -> &'static str {
    if found.is_dir() { "a folder" } else { "a pipe, a socket or a device" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(path: &Path, expected: &str) {
        let problems = [read(path).map(|_| ()), map(path).map(|_| ()), open(path).map(|_| ())];
        for problem in problems {
            let message = problem.unwrap_err().to_string();
            assert!(message.ends_with(expected), "{message}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        check_refused(dir.path(), "expected a regular file, found a folder");
        check_refused(&dir.path().join("absent"), "there is no such file");
        fs::write(dir.path().join("file"), "text").unwrap();
        assert_eq!(read(&dir.path().join("file")).unwrap(), b"text");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_without_waiting_for_a_writer() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("config.json");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            return; // A system without the command.
        }
        check_refused(&pipe, "found a pipe, a socket or a device");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_may_stay_within_its_folder_only() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("model");
        fs::create_dir_all(model.join("sub")).unwrap();
        for file in ["secret", "model/sub/config.json"] {
            fs::write(dir.path().join(file), "{}").unwrap();
        }
        symlink("sub/config.json", model.join("inside")).unwrap();
        symlink("../secret", model.join("outside")).unwrap();
        symlink(dir.path().join("secret"), model.join("absolute")).unwrap();
        assert_eq!(read(&model.join("inside")).unwrap(), b"{}");
        for link in ["outside", "absolute"] {
            check_refused(&model.join(link), "is a link that leads outside of the model's folder");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 40).unwrap(); // A hole, which takes no room.
        let message = read(file.path()).unwrap_err().to_string();
        assert!(
            message.ends_with("the file has 1099511627776 bytes; expected 268435456 at most"),
            "{message}"
        );
    }
}
