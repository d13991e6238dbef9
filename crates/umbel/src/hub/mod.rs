//! Models by name: folders that are there, and models of the hub, fetched into its usual cache.

mod embedded;
mod fetch;
mod name;
mod options;
mod repository;
#[cfg(test)]
mod stub;
mod unpacked;

use std::path::{Path, PathBuf};

pub use embedded::{MINI, pack, unpack};
pub use options::{HubOptions, Progress};
pub use unpacked::mini;

use crate::error::{Error, Result};

/// The folder of a model: `model` itself if that is one, that of [`MINI`] if it is its name, else the model of that name
/// on the hub.
///
/// A model of the hub is named `org/name` or `name`, with `@` and a branch, tag or commit behind it if
/// wanted. Its files go into the cache that Hugging Face's own tools use. What is there is not asked for
/// again: a branch stays at the commit that was fetched first, until it is removed from the cache.
///
/// # Errors
/// [`Error::Hub`] if the model cannot be had, with what to do about it.
pub fn resolve(model: &str, options: &HubOptions) -> Result<PathBuf> {
    let path = Path::new(model);
    if path.is_dir() {
        return Ok(path.to_path_buf());
    }
    if model == MINI {
        return mini();
    }
    if path.exists() {
        return Err(Error::Hub(format!("`{model}` is a file; expected the folder of a model")));
    }
    if name::looks_like_path(model) {
        return Err(Error::Hub(format!("there is no folder `{model}`")));
    }
    let (id, revision) = name::parse(model)?;
    let revision = revision.or(options.revision.as_deref()).unwrap_or("main");
    fetch::fetch(id, revision, options)
}

/// The folder of umbel's own in the user's cache: `$XDG_CACHE_HOME/umbel`, or `.cache/umbel` in the home folder.
pub fn own_cache() -> PathBuf {
    let set = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    cache.unwrap_or_else(|| PathBuf::from(".cache")).join("umbel")
}
