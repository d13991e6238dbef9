//! The models that are served, by name, and how one is replaced while it answers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use umbel::error::{Error, Result};
use umbel::hub::{HubOptions, resolve};
use umbel::model::check_files;
use umbel::text::Truncation;
use umbel::{Model, model::Head};

use super::changes::Parts;
use crate::drift::Drift;
use crate::settings::ModelSettings;

/// A model that is served.
pub struct Served {
    /// The name that requests call it by.
    pub name: String,
    /// The model.
    pub model: Model,
    /// The SHA-256 of the files that decide its answers, in hexadecimal digits.
    pub sha256: String,
    /// How precisely it computes, as the settings say it.
    pub precision: String,
    /// Which version of this name it is: 1 for the first, one more at each reload.
    pub version: u64,
    /// How its answers compare with those at the end of training.
    pub drift: Drift,
    parts: Parts,
}

impl Served {
    /// Names of the tasks that answer single texts, or compare some if `others` are given.
    pub fn tasks(&self) -> impl Iterator<Item = &str> {
        self.model.heads().iter().filter(|head| answers(head)).map(Head::name)
    }

    /// Texts have at most so many tokens, or else are cut; none if they never are.
    pub fn max_length(&self) -> Option<usize> {
        match self.model.embedding.tokens.truncation {
            Truncation::Off => None,
            Truncation::At(length) => Some(length),
        }
    }
}

/// True of a head that answers something.
fn answers(head: &Head) -> bool {
    !head.task.columns().is_empty()
}

/// The models that are served.
pub struct Models {
    // Invariant: at least one, each name once.
    entries: Vec<Entry>,
    drift_window: usize,
}

struct Entry {
    name: String,
    settings: ModelSettings,
    folder: PathBuf,
    now: RwLock<Arc<Served>>,
    // Held while a new version is loaded, so that two reloads do not overtake each other.
    loading: std::sync::Mutex<()>,
}

impl Models {
    /// Opens all models.
    ///
    /// # Errors
    /// If there is none, or one cannot be opened.
    pub fn open(settings: &[ModelSettings], drift_window: usize) -> Result<Self> {
        if settings.is_empty() {
            return Err(Error::Settings("there is no model to serve; expected one or more".to_string()));
        }
        let open = |settings: &ModelSettings| {
            let folder = resolve(&settings.path, &HubOptions::from_env())?;
            // A link in the path may lead elsewhere later; the name stays.
            let name = settings.name();
            let served = load((&name, settings), &folder, 1, drift_window)?;
            let loading = std::sync::Mutex::default();
            Ok(Entry {
                name,
                settings: settings.clone(),
                folder,
                now: RwLock::new(Arc::new(served)),
                loading,
            })
        };
        Ok(Self { entries: settings.iter().map(open).collect::<Result<_>>()?, drift_window })
    }

    /// All models as they are now, the default one first.
    pub fn all(&self) -> impl Iterator<Item = Arc<Served>> {
        self.entries.iter().map(Entry::now)
    }

    /// The model of that name, or the default one if no name is given.
    pub fn find(&self, name: Option<&str>) -> Option<Arc<Served>> {
        match name {
            None => self.entries.first().map(Entry::now),
            Some(name) => self.entry(name).map(Entry::now),
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Loads a model anew from its folder and answers with it from then on; what waits is answered by the old one.
    ///
    /// Before the change each file is held against the SHA-256 in `umbel.json`, each weight must be a finite number, and
    /// a text must get an answer. With the name of a task, only its head may have changed.
    ///
    /// # Errors
    /// If there is no such model or task, what is in the folder cannot be used, or more than the one head has changed;
    /// the old one goes on then.
    pub fn reload(&self, name: &str, task: Option<&str>) -> Result<Arc<Served>> {
        let known = || self.entries.iter().map(|entry| entry.name.clone()).collect();
        let unknown = || Error::Unknown { kind: "model", name: name.to_string(), known: known() };
        let entry = self.entry(name).ok_or_else(unknown)?;
        let _alone = entry.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = entry.now();
        let served = load((&entry.name, &entry.settings), &entry.folder, old.version + 1, self.drift_window)?;
        if let Some(task) = task {
            only_head(&old, &served, task, &entry.folder)?;
        }
        served.model.check_finite()?;
        let tasks: Vec<&str> = served.tasks().collect();
        served.model.predict_tasks(&["A text that tries the model."], &tasks)?;
        let served = Arc::new(served);
        *entry.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&served);
        Ok(served)
    }
}

impl Entry {
    fn now(&self) -> Arc<Served> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes sure that nothing but the head of `task` has changed.
fn only_head(old: &Served, new: &Served, task: &str, folder: &Path) -> Result<()> {
    if new.model.heads().iter().all(|head| head.name() != task) {
        let known = new.model.heads().iter().map(|head| head.name().to_string()).collect();
        return Err(Error::Unknown { kind: "task", name: task.to_string(), known });
    }
    let more = old.parts.changed_beside(&new.parts, task);
    if more.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "more than the head of `{task}` has changed: {}; load the whole model anew to have that too",
        more.join(", ")
    );
    Err(Error::model(folder, problem))
}

fn load(
    (name, settings): (&str, &ModelSettings),
    folder: &Path,
    version: u64,
    drift_window: usize,
) -> Result<Served> {
    let files = check_files(folder)?;
    let changed = files.iter().filter(|file| file.as_written == Some(false));
    let problems: Vec<String> =
        changed.map(|file| format!("`{}` is not what umbel.json says", file.path)).collect();
    if !problems.is_empty() {
        return Err(Error::Model { path: folder.to_path_buf(), problems });
    }
    let mut model = Model::open(folder)?;
    let precision = settings.precision.parse().map_err(|problem: String| Error::Settings(problem))?;
    model.set_precision(precision);
    let hashes: String = files.iter().map(|file| format!("{} {}\n", file.sha256, file.path)).collect();
    Ok(Served {
        name: name.to_string(),
        sha256: crate::http::auth::hex_sha256(hashes.as_bytes()),
        precision: settings.precision.clone(),
        version,
        drift: Drift::new(&model, drift_window),
        parts: Parts::of(&model, &files),
        model,
    })
}
