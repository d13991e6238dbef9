//! A small encoder that learns to give a large one's embeddings.
//!
//! What the teacher says of a corpus is computed once and kept in files; the student starts from the teacher's weights, and
//! is then trained by the ordinary loop with a task of the kind `distill`.

mod algebra;
mod narrow;
pub mod settings;
mod start;
mod teacher;
pub mod vocabulary;

use std::path::{Path, PathBuf};

use crate::data::{Columns, Dataset, Origins, Table, TextSource};
use crate::error::{BadRows, Error, Result};
use crate::folder::files;
use crate::folder::write::write_with;
use crate::nn::Matrix;
use crate::settings::Settings;
use crate::spool::Strings;
use crate::task::{self, Targets};
use crate::text::Truncation;
use crate::train::data::RunData;
use crate::train::run::{Trained, refuse_to_overwrite, run_on};
use crate::train::{Observer, Outcome, RunFolder};

pub use settings::DistillSettings;
pub use start::FAMILIES;

use start::Start;
use teacher::Teacher;

/// Texts by which the first projection and the main directions are fitted.
const SAMPLE: usize = 8192;
/// The corpus as JSON lines, in `training/`.
const CORPUS: &str = "corpus.jsonl";
/// The teacher's embeddings with fewer numbers, in `training/`.
const NARROWED: &str = "targets.f32";

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
/// What an earlier call has done is used again. `None` if the watcher stopped it.
///
/// # Errors
/// If teacher or corpus cannot be read, the settings do not fit them, or `target` holds something already.
pub fn prepare(
    settings: &DistillSettings,
    paths: &Paths,
    resume: bool,
    watcher: &mut dyn Watcher,
) -> Result<Option<Prepared>> {
    let folder = RunFolder { path: paths.target.join("training"), resume };
    refuse_to_overwrite(&paths.target, &folder)?;
    let max_length = settings.corpus.max_length;
    let teacher = Teacher::open(&paths.teacher, &paths.cache, max_length, settings.teacher.precision())?;
    let wide = teacher.model.embedding_size();
    let size = settings.dimensions(wide)?;
    let run = settings.run(&paths.corpus, size)?;
    std::fs::create_dir_all(&folder.path).map_err(Error::io(&folder.path))?;
    let (texts, origins) = read(settings, paths, &folder.path)?;
    let n = texts.texts().len();
    watcher.progress(Progress::Read { texts: n });
    if n <= settings.corpus.validation {
        let held = settings.corpus.validation;
        return Err(Error::Settings(format!(
            "the corpus has {n} texts, of which `corpus.validation` holds out {held}; expected more"
        )));
    }
    let Some(stored) = teacher.embeddings(texts.texts(), watcher)? else { return Ok(None) };
    let stored = match size < wide {
        true => narrow::narrow(&stored, size, SAMPLE, &folder.path.join(NARROWED))?,
        false => stored,
    };
    let targets = Targets::from(stored);

    let student = folder.path.join("student");
    if !student.is_dir() {
        let vocab_size = write_student(settings, &teacher, texts.texts(), &targets, &student)?;
        watcher.progress(Progress::Start { vocab_size });
    }
    let data = split(settings, &run, &texts.with_tasks_before(vec![targets]), &origins)?;
    let (target, max_length) = (paths.target.clone(), settings.student.max_length);
    Ok(Some(Prepared { settings: run, data, target, max_length }))
}

/// The texts of the corpus that are not empty, in the order of the files.
fn read(settings: &DistillSettings, paths: &Paths, folder: &Path) -> Result<(Dataset, Origins)> {
    // Written once as JSON lines, since a table reads no plain text.
    let path = folder.join(CORPUS);
    if !path.exists() {
        let mut bad = BadRows::default();
        write_with(&path, |file| write_corpus(settings, paths, file, &mut bad))?;
        if let Err(error) = bad.into_result() {
            std::fs::remove_file(&path).map_err(Error::io(&path))?;
            return Err(error);
        }
    }
    let columns = Columns { text: "text".to_string(), labels: Vec::new() };
    let table = Table::read(&[path], &columns)?;
    Ok((Dataset::from_table(&table, &[])?, table.origins().clone()))
}

fn write_corpus(
    settings: &DistillSettings,
    paths: &Paths,
    file: &mut impl std::io::Write,
    bad: &mut BadRows,
) -> std::io::Result<()> {
    for path in &paths.corpus {
        let source = TextSource::open(Some(path), &settings.corpus.text);
        for text in source.map_err(|error| std::io::Error::other(error.to_string()))? {
            match text {
                Ok(text) if text.text.trim().is_empty() => {}
                Ok(text) => writeln!(file, "{}", serde_json::json!({"text": text.text}))?,
                Err(row) => bad.push(row),
            }
        }
    }
    Ok(())
}

/// Makes the student's folder, whole or not at all; returns how many tokens it knows.
fn write_student(
    settings: &DistillSettings,
    teacher: &Teacher,
    texts: &Strings,
    targets: &Targets,
    folder: &Path,
) -> Result<usize> {
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
    let n = texts.len().min(SAMPLE);
    let values: Vec<f32> = (0..n).flat_map(|row| targets.get(row).unwrap_or_default()).copied().collect();
    let wanted = Matrix::from_vec(n, values.len() / n.max(1), values);
    let sample: Vec<&str> = texts.iter().take(n).collect();
    let start = Start { settings, teacher, trimmed: &trimmed, counts: &counts, sample: (&sample, &wanted) };
    let temporary = folder.with_file_name(".student.tmp");
    if temporary.is_dir() {
        std::fs::remove_dir_all(&temporary).map_err(Error::io(&temporary))?;
    }
    start.write(&temporary)?;
    std::fs::rename(&temporary, folder).map_err(Error::io(folder))?;
    Ok(trimmed.kept.len())
}

/// The rows, of which some are held out, evenly over the corpus.
fn split(settings: &DistillSettings, run: &Settings, all: &Dataset, origins: &Origins) -> Result<RunData> {
    let (n, n_held) = (all.len(), settings.corpus.validation);
    let held: Vec<usize> = (0..n_held).map(|i| i * n / n_held).collect();
    let train: Vec<usize> = (0..n).filter(|row| held.binary_search(row).is_err()).collect();
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
        let student = target.join("training").join("student");
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
    crate::train::clean_up_model(target)?;
    let training = target.join("training");
    let student = training.join("student");
    if student.is_dir() {
        std::fs::remove_dir_all(&student).map_err(Error::io(&student))?;
    }
    for path in [CORPUS, NARROWED].map(|name| training.join(name)).iter().filter(|path| path.exists()) {
        std::fs::remove_file(path).map_err(Error::io(path))?;
    }
    Ok(())
}

/// The usual folder in which what teachers say is kept: `teachers` in umbel's cache.
pub fn usual_cache() -> PathBuf {
    crate::hub::own_cache().join("teachers")
}
