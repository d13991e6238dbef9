//! Jobs in, answers out, with nothing of HTTP: tokens by one pool of threads, passes through the encoder by another.

mod changes;
mod gate;
pub mod models;
mod queue;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use umbel::model::{Predicted, Questions, Raw};
use umbel::nn::Matrix;
use umbel::text::{TokenInfo, TokenizerOptions};

use crate::metrics::Metrics;
use crate::settings::{BatchSettings, LimitSettings, QueueSettings};

pub use models::{Models, Served};
pub use worker::{Pass, run_model};

use gate::{Gate, Ticket};
use queue::{Queue, Waiting};

/// What a request asks, whatever protocol it came by.
pub struct Job {
    /// The model that is asked.
    pub model: Arc<Served>,
    /// The texts that are asked about.
    pub texts: Vec<String>,
    /// The tasks that are to answer, by name.
    pub tasks: Vec<String>,
    /// For each task, for each text, the texts that it is compared with; empty where nothing is compared.
    pub others: Vec<Vec<Vec<String>>>,
    /// What becomes of texts with too many tokens.
    pub too_long: TooLong,
}

/// What becomes of texts with too many tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLong {
    /// They are cut as the model says.
    Cut,
    /// They are refused.
    Refuse,
}

/// The passes of a server: [`run_model`].
pub fn worker_pass() -> Pass {
    Arc::new(run_model)
}

/// What is answered to a job.
pub struct Answered {
    /// The answers of the tasks and the embeddings.
    pub predicted: Predicted,
    /// The texts as they were read.
    pub questions: Arc<Questions>,
    /// What the heads gave, a text after the other.
    pub raw: Vec<Raw>,
}

impl Answered {
    /// The embeddings of the texts that were asked about, changed as a request wants them. [texts × dimensions]
    ///
    /// # Errors
    /// If they do not have so many numbers.
    pub fn embeddings(
        &mut self,
        served: &Served,
        dimensions: Option<usize>,
        normalize: bool,
    ) -> Result<Matrix, Refused> {
        let given = std::mem::replace(&mut self.predicted.embeddings, Matrix::zeros(0, 0));
        served
            .model
            .shortened(given, dimensions, normalize)
            .map_err(|error| Refused::Invalid(error.to_string()))
    }

    /// Tokens that were read of all texts.
    pub fn n_tokens(&self) -> usize {
        (0..self.questions.len()).map(|text| self.questions.n_read(text)).sum()
    }
}

/// Why a job is not answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// There is no text.
    Empty(String),
    /// The request says what cannot be.
    Invalid(String),
    /// There is no such model.
    NoModel(String),
    /// More is asked than one request may.
    TooMuch(String),
    /// A text cannot be turned into tokens.
    Text(String),
    /// As much waits as may; worth another try after this time.
    Overloaded(Duration),
    /// The server ends.
    Ending,
    /// It has waited for too long.
    Late,
    /// The model failed; what happened is in the log.
    Failed,
}

/// Answers jobs.
pub struct Engine {
    queue: Arc<Queue>,
    gate: Arc<Gate>,
    tokenizers: rayon::ThreadPool,
    limits: LimitSettings,
    metrics: Arc<Metrics>,
    worker: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Starts the threads. `pass` runs texts through a model: [`run_model`] but in tests.
    ///
    /// # Errors
    /// If threads cannot be started.
    pub fn start(
        (batch, queue, limits): (&BatchSettings, &QueueSettings, &LimitSettings),
        metrics: Arc<Metrics>,
        pass: Pass,
    ) -> std::io::Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(batch.tokenize_threads)
            .thread_name(|i| format!("tokenize-{i}"));
        let tokenizers = pool.build().map_err(std::io::Error::other)?;
        let gate = Arc::new(Gate::new(queue.clone(), metrics.queue_tokens.clone()));
        let queue = Arc::new(Queue::new(batch.tokens));
        let worker = worker::start(Arc::clone(&queue), Arc::clone(&gate), Arc::clone(&metrics), pass)?;
        let worker = std::sync::Mutex::new(Some(worker));
        Ok(Self { queue, gate, tokenizers, limits: limits.clone(), metrics, worker })
    }

    /// True if a job that came now would be refused, and after how long it is worth another try.
    pub fn is_full(&self) -> Option<Duration> {
        self.gate.is_full()
    }

    /// Answers a job; if the future is dropped before, what was not computed yet never is.
    ///
    /// # Errors
    /// Why it is not answered.
    pub async fn submit(&self, job: Job) -> Result<Answered, Refused> {
        let Job { model: served, texts, tasks, others, too_long } = job;
        let came = Instant::now();
        let deadline = came + Duration::from_millis(self.limits.request_ms);
        self.check(&texts, &others)?;
        let all = || texts.iter().chain(others.iter().flatten().flatten());
        let shed = |_: &Refused| {
            self.metrics.shed.inc();
        };
        let ticket = self.gate.enter(all().count(), all().map(String::len).sum()).inspect_err(shed)?;

        let model = Arc::clone(&served);
        let (questions, ticket) =
            self.on_a_tokenizer(ticket, move || model.model.ask(texts, &tasks, &others)).await?;
        let questions = questions.map_err(|error| refused(&served, &error))?;
        self.metrics.tokenize_seconds.observe(came.elapsed().as_secs_f64());
        self.check_tokens(&questions, too_long)?;
        let n_tokens = (0..questions.len()).map(|text| questions.n_read(text)).sum();
        ticket.add_tokens(n_tokens).inspect_err(shed)?;

        let questions = Arc::new(questions);
        let (reply, raw) = oneshot::channel();
        let waiting = Waiting::new(Arc::clone(&served), Arc::clone(&questions), reply, deadline, ticket);
        self.queue.push(waiting)?;
        let raw = raw.await.map_err(|_| Refused::Failed)??;
        let predicted = served.model.answers(&questions, &raw).map_err(|error| refused(&served, &error))?;
        self.metrics.answered(&served, &predicted, &questions);
        Ok(Answered { predicted, questions, raw })
    }

    /// The tokens of texts that are not cut, for people.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn explain(
        &self,
        served: &Arc<Served>,
        texts: Arc<Vec<String>>,
        options: TokenizerOptions,
    ) -> Result<Vec<Vec<TokenInfo>>, Refused> {
        self.check(&texts, &[])?;
        let ticket = self.gate.enter(texts.len(), texts.iter().map(String::len).sum())?;
        let (own, limit) = (Arc::clone(served), self.limits.tokens);
        let explain = move || {
            let mut left = limit;
            let explain = |text: &String| {
                let tokens = own.model.tokenizer.explain(text, options);
                let tokens = tokens.map_err(|error| refused(&own, &error))?;
                let too_many = || Refused::TooMuch(format!("too many tokens; expected at most {limit}"));
                left = left.checked_sub(tokens.len()).ok_or_else(too_many)?;
                Ok(tokens)
            };
            texts.iter().map(explain).collect()
        };
        self.on_a_tokenizer(ticket, explain).await?.0
    }

    /// Runs `work` on one of the threads that make tokens, if anybody still waits for it by then. The ticket is held
    /// for as long as it takes, whether the client stays or not.
    async fn on_a_tokenizer<T: Send + 'static>(
        &self,
        ticket: Ticket,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Ticket), Refused> {
        let (sender, done) = oneshot::channel();
        self.tokenizers.spawn(move || {
            if sender.is_closed() {
                return;
            }
            match catch_unwind(AssertUnwindSafe(work)) {
                Ok(found) => drop(sender.send((found, ticket))), // Who does not listen any more has hung up.
                Err(_) => tracing::error!("tokenizing panicked; the request is answered with an error"),
            }
        });
        done.await.map_err(|_| Refused::Failed)
    }

    /// Threads that turn texts into tokens.
    pub fn tokenize_threads(&self) -> usize {
        self.tokenizers.current_num_threads()
    }

    fn check(&self, texts: &[String], others: &[Vec<Vec<String>>]) -> Result<(), Refused> {
        if texts.is_empty() {
            return Err(Refused::Empty("there is no text; expected one or more".to_string()));
        }
        let all = || texts.iter().chain(others.iter().flatten().flatten());
        let (n, limit) = (all().count(), self.limits.texts);
        if n > limit {
            return Err(Refused::TooMuch(format!("{n} texts; expected at most {limit}")));
        }
        // A character has at least one byte and at most four.
        let limit = self.limits.characters;
        let too_long = |text: &String| text.len() > limit && text.chars().count() > limit;
        match all().position(too_long) {
            None => Ok(()),
            Some(row) => Err(Refused::TooMuch(format!("text {row} has more than {limit} characters"))),
        }
    }

    fn check_tokens(&self, questions: &Questions, too_long: TooLong) -> Result<(), Refused> {
        let cut = (0..questions.len()).find(|&text| questions.is_cut(text));
        if let (Some(text), TooLong::Refuse) = (cut, too_long) {
            let (n, limit) = (questions.lengths()[text], questions.n_read(text));
            let message = format!("text {text} has {n} tokens; expected at most {limit}, or `truncate`");
            return Err(Refused::TooMuch(message));
        }
        let n_tokens: usize = (0..questions.len()).map(|text| questions.n_read(text)).sum();
        // A head that reads words answers for those that were cut off, too.
        for (n, what) in [(n_tokens, "tokens"), (questions.n_words(), "words")] {
            if n > self.limits.tokens {
                let limit = self.limits.tokens;
                return Err(Refused::TooMuch(format!("{n} {what}; expected at most {limit}")));
            }
        }
        Ok(())
    }

    /// Takes no more jobs, and returns when those that wait have been answered.
    pub fn end(&self) {
        self.queue.close();
        let worker = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(worker) = worker {
            let _ = worker.join(); // Its panics are caught, one a batch.
        }
    }
}

/// What a client is told of an error; whatever may name a path is for the log only.
fn refused(served: &Served, error: &umbel::Error) -> Refused {
    match error {
        umbel::Error::Text { .. } => Refused::Text(error.to_string()),
        umbel::Error::Unknown { .. } => Refused::Invalid(error.to_string()),
        _ => {
            tracing::error!(model = served.name, %error, "the model failed");
            Refused::Failed
        }
    }
}
