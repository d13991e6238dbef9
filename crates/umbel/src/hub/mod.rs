//! Models by name: folders that are there, and models of the hub, fetched into its usual cache.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};

/// How the hub is reached.
#[derive(Clone, Default)]
pub struct HubOptions {
    /// The folder of the cache; without it, the place where Hugging Face's own tools have theirs.
    pub cache: Option<PathBuf>,
    /// The address of the hub or of a mirror; without it, the public hub.
    pub endpoint: Option<String>,
    /// The token that private models need.
    pub token: Option<String>,
    /// A branch, tag or commit; one in the model's name, as `org/name@v1`, wins.
    pub revision: Option<String>,
    /// True if only the cache is used.
    pub offline: bool,
    /// Is told how far a download is.
    pub progress: Option<Arc<Progress>>,
}

/// Is told the file, how many of its bytes are there, and how many it has.
pub type Progress = dyn Fn(&str, usize, usize) + Send + Sync;

/// The folder of a model: `model` itself if that is one, else the model of that name on the hub.
///
/// # Errors
/// [`Error::Hub`] if the model cannot be had, with what to do about it.
pub fn resolve(model: &str, _options: &HubOptions) -> Result<PathBuf> {
    Err(Error::Hub(format!("`{model}` cannot be fetched yet")))
}
