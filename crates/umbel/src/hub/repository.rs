//! One model of the hub at one commit: files of the cache, fetched where they are not there yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use mapped::Mapped;
use sha2::{Digest, Sha256};

use super::options::{HubOptions, Progress};
use crate::error::{Error, Result};
use crate::folder::paths;

/// How often a file is asked for where the connection fails.
const N_ATTEMPTS: usize = 4;

/// One model of the hub.
pub(super) struct Repository<'a> {
    id: &'a str,
    revision: &'a str,
    options: &'a HubOptions,
    cache: PathBuf,
    api: Option<Api>, // none if only the cache is used
    // The commit that `revision` stands for, once it is known; all files are of this one.
    commit: Option<String>,
}

impl<'a> Repository<'a> {
    pub(super) fn open(id: &'a str, revision: &'a str, options: &'a HubOptions) -> Result<Self> {
        let cache =
            options.cache().ok_or_else(|| Error::Hub("there is no home folder; set `HF_HOME`".into()))?;
        let builder = ApiBuilder::from_cache(Cache::new(cache.clone()))
            .with_endpoint(options.endpoint().to_string())
            .with_token(options.token.clone())
            .with_progress(false);
        let api = (!options.offline).then(|| builder.build()).transpose();
        let api = api.map_err(|error| Error::Hub(format!("the hub cannot be reached: {error}")))?;
        let mut repository = Self { id, revision, options, cache, api, commit: None };
        repository.commit = repository.cached_commit();
        Ok(repository)
    }

    /// The folder of the commit; none before the first file is there.
    pub(super) fn snapshot(&self) -> Option<PathBuf> {
        Some(self.folder().join("snapshots").join(self.commit.as_ref()?))
    }

    /// A file that a model must have.
    pub(super) fn required(&mut self, file: &str) -> Result<PathBuf> {
        self.optional(file)?.ok_or_else(|| self.lacks(file))
    }

    /// A file that a model may have.
    pub(super) fn optional(&mut self, file: &str) -> Result<Option<PathBuf>> {
        if !paths::is_relative(file) {
            return Err(Error::Hub(format!(
                "{} names the file `{file}`, which leads outside of it",
                self.name()
            )));
        }
        if let Some(path) = self.snapshot().map(|snapshot| snapshot.join(file)).filter(|path| path.exists()) {
            return Ok(Some(path));
        }
        if self.api.is_none() || self.absence(file).is_some_and(|marker| marker.exists()) {
            return Ok(None);
        }
        match self.download(file, N_ATTEMPTS) {
            Ok(path) => self.keep(path).map(Some),
            Err(error) if matches!(status(&error), Some(404 | 416)) => {
                self.note_absence(file)?; // 416: an empty file has no first byte
                Ok(None)
            }
            Err(error) => Err(self.explain(file, error)),
        }
    }

    /// True if the hub has a file that is not to be fetched.
    pub(super) fn has(&self, file: &str) -> bool {
        self.api.as_ref().is_some_and(|api| api.metadata(&api.repo(self.repo()).url(file)).is_ok())
    }

    /// Fetches a file; where the connection was lost, goes on from what is there.
    fn download(&self, file: &str, n_attempts: usize) -> Result<PathBuf, ApiError> {
        let api = self.api.as_ref().expect("without it nothing is fetched");
        let progress =
            Forward { progress: self.options.progress.clone(), file: String::new(), done: 0, size: 0 };
        let result = api.repo(self.repo()).download_with_progress(file, progress);
        let again = match &result {
            Err(error @ ApiError::RequestError(_)) => match status(error) {
                Some(416) => self.remove_partial(), // a part that is already whole cannot be gone on with
                Some(_) => false,
                None => true,
            },
            Err(ApiError::InvalidResume) => self.remove_partial(),
            Err(ApiError::IoError(error)) => error.kind() == std::io::ErrorKind::UnexpectedEof,
            _ => false,
        };
        if again && n_attempts > 1 { self.download(file, n_attempts - 1) } else { result }
    }

    /// Removes what earlier downloads left unfinished; true if there was something.
    fn remove_partial(&self) -> bool {
        let blobs = fs::read_dir(self.folder().join("blobs")).into_iter().flatten().flatten();
        let parts =
            blobs.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "part"));
        parts.filter(|path| fs::remove_file(path).is_ok()).count() > 0
    }

    /// Takes note of the commit, and holds a large file against its hash, which is its name in the cache.
    fn keep(&mut self, path: PathBuf) -> Result<PathBuf> {
        if self.commit.is_none() {
            self.commit = self.cached_commit();
        }
        let blob = path.canonicalize().map_err(Error::io(&path))?;
        let name = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.len() == 64 && name != sha256(&blob)? {
            fs::remove_file(&path).map_err(Error::io(&path))?;
            fs::remove_file(&blob).map_err(Error::io(&blob))?;
            return Err(Error::Hub(format!("`{}` arrived damaged; try again", path.display())));
        }
        Ok(path)
    }

    fn repo(&self) -> Repo {
        let revision = self.commit.as_deref().unwrap_or(self.revision).to_string();
        Repo::with_revision(self.id.to_string(), RepoType::Model, revision)
    }

    fn folder(&self) -> PathBuf {
        self.cache.join(Repo::model(self.id.to_string()).folder_name())
    }

    /// What `refs` says of the revision, which may also be a commit itself.
    fn cached_commit(&self) -> Option<String> {
        let noted = fs::read_to_string(self.folder().join("refs").join(self.revision)).ok();
        let commit = noted.map_or(self.revision.to_string(), |commit| commit.trim().to_string());
        let single = !commit.is_empty() && paths::is_relative(&commit) && !commit.contains('/');
        (single && self.folder().join("snapshots").join(&commit).is_dir()).then_some(commit)
    }

    /// Where Hugging Face's own tools note that a commit lacks a file.
    fn absence(&self, file: &str) -> Option<PathBuf> {
        Some(self.folder().join(".no_exist").join(self.commit.as_ref()?).join(file))
    }

    fn note_absence(&self, file: &str) -> Result<()> {
        let Some(marker) = self.absence(file) else { return Ok(()) };
        let folder = marker.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        fs::write(&marker, "").map_err(Error::io(&marker))
    }

    /// `org/name` and where it was looked for, for messages.
    pub(super) fn name(&self) -> String {
        let (id, revision, options) = (self.id, self.revision, self.options);
        if options.offline {
            return format!("`{id}` (revision `{revision}`) in the cache {}", self.cache.display());
        }
        format!("`{id}` (revision `{revision}`) at {}", options.endpoint())
    }

    /// What to do about something that is missing.
    fn advice(&self) -> &'static str {
        if self.options.offline {
            "nothing is fetched offline: unset `HF_HUB_OFFLINE`, or copy the model into the cache"
        } else {
            "check the spelling; a private model needs `HF_TOKEN`"
        }
    }

    /// The model is there, but a file of it is not.
    pub(super) fn lacks(&self, file: &str) -> Error {
        let advice =
            if self.options.offline { self.advice() } else { "umbel cannot read a model without it" };
        Error::Hub(format!("{} has no `{file}`: {advice}", self.name()))
    }

    /// The model is not there at all.
    pub(super) fn not_found(&self) -> Error {
        Error::Hub(format!(
            "there is no folder `{}`, and no model {}: {}",
            self.id,
            self.name(),
            self.advice()
        ))
    }

    fn explain(&self, file: &str, error: ApiError) -> Error {
        let name = self.name();
        Error::Hub(match (status(&error), &error) {
            (Some(401), _) if self.options.token.is_none() => format!(
                "{name} wants a token: it is private, gated, or does not exist; \
                 check the spelling, or set `HF_TOKEN`"
            ),
            (Some(401 | 403), _) => format!(
                "{name} refuses the token: check that `HF_TOKEN` is valid \
                 and that its account may read the model"
            ),
            (Some(429), _) => format!("{name}: too many requests; wait a while, or set `HF_TOKEN`"),
            (Some(status), _) => {
                format!("{name}: `{file}` was answered with status {status}; try again later")
            }
            (None, ApiError::RequestError(error)) => format!(
                "{name} cannot be reached ({error}): check the network, `HF_ENDPOINT` and the proxy, \
                 or fill the cache with `hf download {}`",
                self.id
            ),
            (None, ApiError::LockAcquisition(path)) => {
                format!("another program is fetching `{file}` of {name}: wait for it ({})", path.display())
            }
            (None, _) => format!("{name}: `{file}` cannot be fetched: {error}"),
        })
    }
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

fn sha256(path: &Path) -> Result<String> {
    let file = Mapped::open(path).map_err(Error::io(path))?;
    Ok(Sha256::digest(&file[..]).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Tells our progress what hf-hub tells its own.
struct Forward {
    progress: Option<Arc<Progress>>,
    file: String,
    done: usize,
    size: usize,
}

impl hf_hub::api::Progress for Forward {
    fn init(&mut self, size: usize, file: &str) {
        (self.file, self.done, self.size) = (file.to_string(), 0, size);
        self.update(0);
    }

    fn update(&mut self, n_bytes: usize) {
        self.done += n_bytes;
        if let Some(progress) = &self.progress {
            progress(&self.file, self.done, self.size);
        }
    }

    fn finish(&mut self) {}
}
