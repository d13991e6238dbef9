//! A small encoder that learns to give a large one's embeddings.
//!
//! What the teacher says of a corpus is computed once and kept in files; the student starts from the teacher's weights, and
//! is then trained by the ordinary loop with a task of the kind `distill`.

mod algebra;
mod corpus;
mod families;
mod layers;
mod narrow;
pub mod settings;
mod stages;
mod start;
mod teacher;
pub mod vocabulary;

use std::path::{Path, PathBuf};

use crate::data::{Dataset, Origins};
use crate::error::{Error, Result};
use crate::folder::files;
use crate::nn::Matrix;
use crate::settings::Settings;
use crate::spool::Strings;
use crate::task::{self, Targets};
use crate::text::Truncation;
use crate::train::data::RunData;
use crate::train::run::{Trained, refuse_to_overwrite, run_on};
use crate::train::{Observer, Outcome, RunFolder};

pub use families::FAMILIES;
pub use settings::DistillSettings;

use start::Start;
use teacher::Teacher;
use vocabulary::Trimmed;

/// The corpus as JSON lines, in `training/`.
const CORPUS: &str = "corpus.jsonl";
/// The teacher's embeddings with fewer numbers, in `training/`.
const NARROWED: &str = "targets.f32";
/// The folder of the student before its first step, in `training/`.
const STUDENT: &str = "student";

/// How far the work before training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The corpus was read; it has so many texts.
    Read {
        /// Texts.
        texts: usize,
    },
    /// The teacher has embedded so many of them.
    Teacher {
        /// Texts.
        done: usize,
    },
    /// The student's first weights are made; it knows so many tokens.
    Start {
        /// Tokens.
        vocab_size: usize,
        /// Whether its layers and embeddings are the teacher's.
        from_layers: bool,
    },
}

/// Sees how far the work before training is, and may end it.
pub trait Watcher {
    /// Some of the work is done.
    fn progress(&mut self, _progress: Progress) {}

    /// True if the work is to end; what the teacher has said so far is kept.
    fn should_stop(&self) -> bool {
        false
    }
}

/// Where a distillation reads and writes.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The folder of the teacher.
    pub teacher: PathBuf,
    /// The files of the corpus.
    pub corpus: Vec<PathBuf>,
    /// The folder of the student.
    pub target: PathBuf,
    /// The folder in which what teachers say is kept.
    pub cache: PathBuf,
}

/// All that training needs.
pub struct Prepared {
    /// The settings of the run.
    pub settings: Settings,
    data: RunData,
    target: PathBuf,
    max_length: usize,
}

/// Reads the corpus, asks the teacher, and makes the student's first weights in `target/training/student`.
///
/// What an earlier call has done is used again, if settings, teacher and corpus are what they were. `None` if the watcher
/// stopped it.
///
/// # Errors
/// If teacher or corpus cannot be read, the settings do not fit them, `target` holds something already, or a run that is to
/// go on began with others.
pub fn prepare(
    settings: &DistillSettings,
    paths: &Paths,
    resume: bool,
    watcher: &mut dyn Watcher,
) -> Result<Option<Prepared>> {
    let folder = RunFolder { path: paths.target.join("training"), resume };
    refuse_to_overwrite(&paths.target, &folder)?;
    let (max_length, precision) = (settings.corpus.max_length, settings.teacher.precision());
    let teacher = Teacher::open(&paths.teacher, &paths.cache, max_length, precision)?;
    let wide = teacher.model.embedding_size();
    let size = settings.dimensions(wide)?;
    let run = settings.run(&paths.corpus, size)?;
    std::fs::create_dir_all(&folder.path).map_err(Error::io(&folder.path))?;
    stages::begin(&folder, &stages::said(settings, &paths.corpus, &teacher)?)?;
    let (texts, origins) = corpus::read(settings, &paths.corpus, &folder.path)?;
    let (n, n_held) = (texts.len(), settings.corpus.validation);
    watcher.progress(Progress::Read { texts: n });
    if n <= n_held {
        return Err(Error::Settings(format!(
            "texts of the corpus: {n}, of which `corpus.validation` holds out {n_held}; expected more"
        )));
    }
    let with_line = |error| corpus::with_line(error, settings, &paths.corpus);
    let student = folder.path.join(STUDENT);
    // Before the teacher embeds them, which takes long, so that a wrong size is told at once.
    let vocabulary = match student.is_dir() {
        true => None,
        false => Some(Vocabulary::of(settings, &teacher, texts.texts()).map_err(with_line)?),
    };
    let stored = teacher.embeddings(texts.texts(), watcher).map_err(with_line)?;
    let Some(stored) = stored else { return Ok(None) };
    let sample = corpus::sample(n, n_held);
    let stored = match size < wide {
        true => narrow::narrow(&stored, size, &sample, &folder.path.join(NARROWED))?,
        false => stored,
    };
    let targets = Targets::from(stored);
    if let Some(vocabulary) = vocabulary {
        let vocab_size = vocabulary.trimmed.kept.len();
        let rows = (texts.texts(), &targets, &sample[..]);
        let from_layers = write_student(settings, &teacher, &vocabulary, rows, &student)?;
        watcher.progress(Progress::Start { vocab_size, from_layers });
    }
    let data = split(settings, &run, &texts.with_tasks_before(vec![targets]), &origins)?;
    let (target, max_length) = (paths.target.clone(), settings.student.max_length);
    Ok(Some(Prepared { settings: run, data, target, max_length }))
}

/// The tokens that a student knows, and how often the corpus has each of the teacher's.
struct Vocabulary {
    trimmed: Trimmed,
    counts: Vec<u64>,
}

impl Vocabulary {
    /// The tokens that the corpus has most, as many as the settings say.
    fn of(settings: &DistillSettings, teacher: &Teacher, texts: &Strings) -> Result<Self> {
        let path = teacher.model.origin().transformer_dir.join("tokenizer.json");
        let json = serde_json::from_slice(&files::read(&path)?);
        let json = json.map_err(|error| Error::model(&path, error.to_string()))?;
        let counts = teacher.count(texts)?;
        let trimmed = match settings.student.vocab_size {
            Some(size) => {
                vocabulary::trim(json, &counts, size).map_err(|problem| Error::model(&path, problem))?
            }
            None => vocabulary::whole(json, teacher.model.encoder_shape().vocab_size),
        };
        FAMILIES
            .find(&settings.student.model_type)?
            .check_padding(trimmed.pad(teacher.model.tokenizer.pad_id()))?;
        Ok(Self { trimmed, counts })
    }
}

/// Makes the student's folder, whole or not at all, fitted to some rows of the texts and targets; true if its layers and
/// embeddings are the teacher's.
fn write_student(
    settings: &DistillSettings,
    teacher: &Teacher,
    vocabulary: &Vocabulary,
    (texts, targets, sample): (&Strings, &Targets, &[usize]),
    folder: &Path,
) -> Result<bool> {
    let values: Vec<f32> =
        sample.iter().flat_map(|&row| targets.get(row).unwrap_or_default()).copied().collect();
    let wanted = Matrix::from_vec(sample.len(), values.len() / sample.len().max(1), values);
    let sample: Vec<&str> = sample.iter().map(|&row| texts.get(row)).collect();
    let Vocabulary { trimmed, counts } = vocabulary;
    let start = Start { settings, teacher, trimmed, counts, sample: (&sample, &wanted) };
    let temporary = folder.with_file_name(".student.tmp");
    if temporary.is_dir() {
        std::fs::remove_dir_all(&temporary).map_err(Error::io(&temporary))?;
    }
    let from_layers = start.write(&temporary)?;
    std::fs::rename(&temporary, folder).map_err(Error::io(folder))?;
    Ok(from_layers)
}

/// The rows, of which some are held out, evenly over the corpus.
fn split(settings: &DistillSettings, run: &Settings, all: &Dataset, origins: &Origins) -> Result<RunData> {
    let (n, n_held) = (all.len(), settings.corpus.validation);
    let (held, train) = (corpus::held_out(n, n_held), corpus::trained(n, n_held));
    let task = task::make(&run.tasks[0])?;
    let tasks = vec![(run.tasks[0].clone(), task)];
    Ok(RunData::of(all.select(&train), origins.select(&train), all.select(&held), tasks))
}

impl Prepared {
    /// Trains the student and writes its folder: an encoder as any other, without a head.
    ///
    /// # Errors
    /// As [`run_on`].
    pub fn train(self, resume: bool, observer: &mut dyn Observer) -> Result<Trained> {
        let Self { settings, data, target, max_length } = self;
        let student = target.join("training").join(STUDENT);
        let mut trained = run_on(data, &settings, &student, &target, resume, observer)?;
        if let Outcome::Finished { .. } = trained.outcome {
            trained.model.remove_head(&settings.tasks[0].name)?;
            trained.model.embedding.tokens.truncation = Truncation::At(max_length);
            trained.model.save(&target)?;
        }
        Ok(trained)
    }
}

/// Deletes what only an unfinished distillation needs.
///
/// # Errors
/// [`Error::Io`] if something cannot be deleted.
pub fn clean_up(target: &Path) -> Result<()> {
    stages::clean_up(&target.join("training"))?;
    crate::train::clean_up_model(target)
}

/// The usual folder in which what teachers say is kept: `teachers` in umbel's cache.
pub fn usual_cache() -> PathBuf {
    crate::hub::own_cache().join("teachers")
}
