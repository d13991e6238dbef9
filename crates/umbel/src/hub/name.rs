//! How a model of the hub is named.

use crate::error::{Error, Result};

/// True of what can only be meant as a path.
pub(super) fn looks_like_path(model: &str) -> bool {
    model.starts_with(['.', '/', '~'])
        || model.contains('\\')
        || model.matches('/').count() > 1 && !model.contains('@')
}

/// Splits `org/name@revision`.
pub(super) fn parse(model: &str) -> Result<(&str, Option<&str>)> {
    let (id, revision) = model.split_once('@').map_or((model, None), |(id, revision)| (id, Some(revision)));
    let parts: Vec<&str> = id.split('/').collect();
    if parts.len() > 2 || !parts.iter().all(|part| is_name(part)) {
        return Err(Error::Hub(format!(
            "`{model}` is no folder and no name of a model; \
             expected a folder, `name`, `org/name` or `org/name@revision`"
        )));
    }
    match revision {
        Some(revision) if !is_revision(revision) => {
            Err(Error::Hub(format!("`{revision}` is no revision; expected a branch, a tag or a commit")))
        }
        _ => Ok((id, revision)),
    }
}

fn is_name(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !part.is_empty() && part.chars().all(allowed) && !part.starts_with('.') && !part.contains("..")
}

/// A revision becomes a path below the cache's `refs`, so it must not lead out of it.
pub(super) fn is_revision(revision: &str) -> bool {
    revision.split('/').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        for path in ["./m", "/m", "~/m", "a\\b", "a/b/c", ".", "../m"] {
            assert!(looks_like_path(path), "{path}");
        }
        for name in ["m", "org/m", "org/m@v1", "org/m@refs/pr/1"] {
            assert!(!looks_like_path(name), "{name}");
        }
    }

    #[test]
    fn names_have_an_organisation_and_a_revision_or_not() {
        assert_eq!(parse("m").unwrap(), ("m", None));
        assert_eq!(parse("org/m-1.5_x@refs/pr/1").unwrap(), ("org/m-1.5_x", Some("refs/pr/1")));
        for wrong in ["", "org/", "a b", "org/..", "m?x", "m#x", "m%2e"] {
            assert!(parse(wrong).unwrap_err().to_string().contains("no name of a model"), "{wrong}");
        }
        for wrong in ["m@", "m@../../x", "m@a//b", "m@/x"] {
            assert!(parse(wrong).unwrap_err().to_string().contains("no revision"), "{wrong}");
        }
    }
}
