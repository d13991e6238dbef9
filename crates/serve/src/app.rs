//! What all routes share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use tokio::sync::Semaphore;
use umbel::error::{Error, Result};

use crate::engine::{Engine, Models, Pass, Refused, Served};
use crate::http::auth::Keys;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// What all routes share.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What all routes share.
pub struct Shared {
    /// What the server is to do.
    pub settings: Settings,
    /// The models.
    pub models: Arc<Models>,
    /// Answers jobs.
    pub engine: Engine,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who may ask.
    pub keys: Keys,
    /// One permit for each request that waits or is answered.
    pub requests: Arc<Semaphore>,
    /// Bytes of bodies that are being read.
    pub body_bytes: AtomicUsize,
    is_ending: AtomicBool,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Opens the models and starts the engine, whose passes are `pass`.
    ///
    /// # Errors
    /// If a model or the keys cannot be read, or threads cannot be started.
    pub fn start(settings: Settings, pass: Pass) -> Result<Self> {
        let keys = Keys::read(&settings.auth)?;
        let models = Arc::new(Models::open(&settings.models, settings.drift_window)?);
        let metrics = Arc::new(Metrics::default());
        let parts = (&settings.batch, &settings.queue, &settings.limits);
        let engine = Engine::start(parts, Arc::clone(&metrics), pass)
            .map_err(|error| Error::Settings(format!("threads cannot be started: {error}")))?;
        let requests = Arc::new(Semaphore::new(settings.queue.requests));
        let is_ending = AtomicBool::new(false);
        let body_bytes = AtomicUsize::new(0);
        Ok(Self(Arc::new(Shared {
            settings,
            models,
            engine,
            metrics,
            keys,
            requests,
            body_bytes,
            is_ending,
        })))
    }

    /// The model of that name, or the default one if no name is given.
    ///
    /// # Errors
    /// If there is none.
    pub fn model(&self, name: Option<&str>) -> Result<Arc<Served>, Refused> {
        self.models.find(name).ok_or_else(|| {
            let known: Vec<String> = self.models.all().map(|served| served.name.clone()).collect();
            let name = name.unwrap_or_default();
            Refused::NoModel(format!("there is no model `{name}`; there is: {}", known.join(", ")))
        })
    }
}

impl Shared {
    /// True once the server has been told to end: it is not ready any more, and still answers.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Relaxed)
    }

    /// Says that the server ends.
    pub fn begin_to_end(&self) {
        self.is_ending.store(true, Relaxed);
    }

    /// Loads a model anew, or the head of one task, and counts and logs how that went.
    ///
    /// # Errors
    /// As [`Models::reload`].
    pub fn reload(&self, name: &str, task: Option<&str>) -> Result<Arc<Served>> {
        let reloaded = self.models.reload(name, task);
        let result = match &reloaded {
            Ok(served) => {
                tracing::info!(model = name, task, version = served.version, "a model was loaded anew");
                "loaded"
            }
            Err(error) => {
                tracing::error!(model = name, task, %error, "a model cannot be loaded anew; the old one stays");
                "failed"
            }
        };
        if !matches!(reloaded, Err(Error::Unknown { .. })) {
            let labels = crate::metrics::ReloadLabels { model: name.to_string(), result };
            self.metrics.reloads.get_or_create(&labels).inc();
        }
        reloaded
    }
}
