//! How the hub is reached.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Is told the file, how many of its bytes are there, and how many it has.
pub type Progress = dyn Fn(&str, usize, usize) + Send + Sync;

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

impl HubOptions {
    /// What the environment says, in the variables of Hugging Face's own tools.
    ///
    /// These are `HF_HUB_CACHE`, `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE` and
    /// `TRANSFORMERS_OFFLINE`; without `HF_TOKEN`, the token that `hf auth login` left in `HF_HOME`.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| {
            variable(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
        };
        let is_on = |name: &str| {
            set(name).is_some_and(|value| ["1", "on", "yes", "true"].contains(&&*value.to_lowercase()))
        };
        let home = set("HF_HOME").map(PathBuf::from).or_else(|| {
            let caches = set("XDG_CACHE_HOME").map(PathBuf::from);
            caches
                .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
                .map(|path| path.join("huggingface"))
        });
        let token_path =
            set("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join("token")));
        let stored_token = || token_path.and_then(|path| fs::read_to_string(path).ok());
        Self {
            cache: set("HF_HUB_CACHE").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join("hub"))),
            endpoint: set("HF_ENDPOINT"),
            token: set("HF_TOKEN")
                .or_else(stored_token)
                .map(|token| token.trim().to_string())
                .filter(|token| !token.is_empty()),
            offline: is_on("HF_HUB_OFFLINE") || is_on("TRANSFORMERS_OFFLINE"),
            ..Self::default()
        }
    }

    pub(super) fn cache(&self) -> Option<PathBuf> {
        let usual = || std::env::home_dir().map(|home| home.join(".cache/huggingface/hub"));
        self.cache.clone().or_else(usual)
    }

    pub(super) fn endpoint(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("https://huggingface.co").trim_end_matches('/')
    }
}

/// The token is not shown.
impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cache, endpoint, token, revision, offline, progress } = self;
        f.debug_struct("HubOptions")
            .field("cache", cache)
            .field("endpoint", endpoint)
            .field("token", &token.as_ref().map(|_| "set"))
            .field("revision", revision)
            .field("offline", offline)
            .field("progress", &progress.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)]) -> HubOptions {
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        };
        HubOptions::from_variables(find)
    }

    #[test]
    fn the_environment_says_where_the_cache_is() {
        let check = |variables: &[(&str, &str)], cache: &str| {
            assert_eq!(options(variables).cache, Some(PathBuf::from(cache)));
        };
        check(&[("HOME", "/h")], "/h/.cache/huggingface/hub");
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub");
        check(&[("HOME", "/h"), ("HF_HOME", "/hf")], "/hf/hub");
        check(&[("HF_HUB_CACHE", "/cache"), ("HF_HOME", "/hf")], "/cache");
    }

    #[test]
    fn the_environment_says_how_the_hub_is_reached() {
        let found =
            options(&[("HF_ENDPOINT", "http://mirror/"), ("HF_TOKEN", "secret\n"), ("HF_HUB_OFFLINE", "1")]);
        assert_eq!(
            (found.endpoint(), found.token.as_deref(), found.offline),
            ("http://mirror", Some("secret"), true)
        );
        assert!(!format!("{found:?}").contains("secret"));
        let found = options(&[("HF_HUB_OFFLINE", "0"), ("HF_TOKEN", "")]);
        assert_eq!(
            (found.endpoint(), found.token.as_deref(), found.offline),
            ("https://huggingface.co", None, false)
        );
    }

    #[test]
    fn a_stored_token_is_used() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("token"), "stored\n").unwrap();
        let home = home.path().to_str().unwrap();
        assert_eq!(options(&[("HF_HOME", home)]).token.as_deref(), Some("stored"));
        assert_eq!(options(&[("HF_HOME", home), ("HF_TOKEN", "given")]).token.as_deref(), Some("given"));
    }
}
