//! Names that a file gives of other files, which must stay inside the model's folder.

use std::path::{Component, Path, PathBuf};

/// The file or folder `name` below `root`, where `name` was read from a file of the model.
///
/// Absolute names, names with `..` and symlinks that lead elsewhere are refused. A snapshot in the hub's
/// cache consists of symlinks into the `blobs` folder beside the snapshots; those are allowed.
///
/// # Errors
/// A sentence that says why the name is refused.
pub fn inside(root: &Path, name: &str) -> Result<PathBuf, String> {
    if !is_relative(name) {
        return Err(format!("the path `{name}` leads outside of the model's folder"));
    }
    let path = root.join(name);
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    match (path.canonicalize(), root.canonicalize()) {
        (Ok(real), Ok(real_root)) if !real.starts_with(&real_root) && !is_blob(&real, &real_root) => {
            Err(format!("the path `{name}` is a link that leads outside of the model's folder"))
        }
        _ => Ok(path),
    }
}

/// True of a name that can only mean something below the folder it is joined to.
pub fn is_relative(name: &str) -> bool {
    let below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    !name.contains(['\\', '\0']) && Path::new(name).components().all(below)
}

fn is_blob(real: &Path, root: &Path) -> bool {
    let snapshots =
        root.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "snapshots"));
    let repository = snapshots.and_then(Path::parent);
    repository.is_some_and(|repository| real.parent() == Some(&repository.join("blobs")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../a", "a/../../b", "/etc/passwd", "..", "a\\..\\b", "a\0b"] {
            assert!(inside(folder.path(), name).unwrap_err().contains("outside"), "{name}");
        }
        for name in ["", "a", "a/b.safetensors", "./a"] {
            assert_eq!(inside(folder.path(), name).unwrap(), folder.path().join(name));
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_that_leave_the_folder_are_refused_unless_they_are_blobs_of_the_cache() {
        use std::fs::{create_dir_all, write};
        use std::os::unix::fs::symlink;

        let cache = tempfile::tempdir().unwrap();
        let snapshot = cache.path().join("models--a/snapshots/c0ffee");
        create_dir_all(&snapshot).unwrap();
        create_dir_all(cache.path().join("models--a/blobs")).unwrap();
        write(cache.path().join("models--a/blobs/1"), "blob").unwrap();
        write(cache.path().join("secret"), "secret").unwrap();
        symlink("../../blobs/1", snapshot.join("shard")).unwrap();
        symlink("../../../secret", snapshot.join("out")).unwrap();
        assert!(inside(&snapshot, "shard").is_ok());
        assert!(inside(&snapshot, "out").unwrap_err().contains("link"));
    }
}
