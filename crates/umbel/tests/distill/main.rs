//! What a distillation promises: it learns, repeats bit for bit, goes on where it stopped, and asks the teacher once.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../golden/mod.rs"]
mod golden;
mod layers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use umbel::Model;
use umbel::distill::{self, DistillSettings, Paths, Progress, Watcher, clean_up, prepare};
use umbel::encoder::scratch::{self, Size};
use umbel::synth::{self, Options};
use umbel::text::TokenizerOptions;
use umbel::train::run::Trained;
use umbel::train::{Observer, Outcome, Silent, StepReport};

const STUDENT: &str = "
[student]
hidden_size = 8
layers = 1
heads = 2
vocab_size = 200
max_length = 32
[corpus]
validation = 20
max_length = 32
[loss]
pairs = 1.0
[train]
epochs = 3
batch_size = 16
learning_rate = 5e-3
checkpoint_every = 4
";

/// A folder with a tiny teacher and a corpus.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let size = Size {
            hidden_size: 16,
            n_layers: 4,
            n_heads: 2,
            intermediate_size: 32,
            max_positions: 32,
            dropout: 0.1,
        };
        scratch::write(&dir.path().join("teacher"), &synth::vocabulary(), &size, 1).unwrap();
        let place = Self { dir };
        place.write_corpus(200, Options::default().seed);
        place
    }

    /// A corpus of so many texts that the seed decides.
    fn write_corpus(&self, rows: usize, seed: u64) {
        let rows = synth::generate(&Options { rows, seed, ..Options::default() });
        let texts: String = rows.iter().map(|row| format!("{}\n\n", row.text)).collect();
        std::fs::write(self.dir.path().join("corpus.txt"), texts).unwrap();
    }

    /// Does all that comes before training; the error if there is one.
    fn prepare(&self, settings: &str, target: &str, resume: bool) -> Result<(), String> {
        let settings = DistillSettings::parse(settings, &[]).unwrap();
        let prepared = prepare(&settings, &self.paths(target), resume, &mut Unwatched);
        prepared.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Changes a number of the teacher's `config.json`.
    fn change_teacher(&self, key: &str, value: f64) {
        let path = self.dir.path().join("teacher/config.json");
        let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        config[key] = value.into();
        std::fs::write(path, config.to_string()).unwrap();
    }

    fn paths(&self, target: &str) -> Paths {
        let path = |name: &str| self.dir.path().join(name);
        Paths {
            teacher: path("teacher"),
            corpus: vec![path("corpus.txt")],
            target: path(target),
            cache: path("cache"),
        }
    }

    fn distill(&self, settings: &str, target: &str, resume: bool, observer: &mut dyn Observer) -> Trained {
        let settings = DistillSettings::parse(settings, &[]).unwrap();
        let paths = self.paths(target);
        let prepared = prepare(&settings, &paths, resume, &mut Unwatched).unwrap().unwrap();
        let trained = prepared.train(resume, observer).unwrap();
        if let Outcome::Finished { .. } = trained.outcome {
            clean_up(&paths.target).unwrap();
        }
        trained
    }

    /// The bytes of a student's files but for the log.
    fn files(&self, target: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.dir.path().join(target);
        let mut found = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.ends_with("training/metrics.jsonl") => {}
                    false => drop(found.insert(
                        path.strip_prefix(&root).unwrap().to_path_buf(),
                        std::fs::read(&path).unwrap(),
                    )),
                }
            }
        }
        found
    }

    fn teacher_files(&self) -> Vec<(PathBuf, SystemTime)> {
        let of_folder =
            |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let keys = of_folder(self.dir.path().join("cache"));
        let written = |path: PathBuf| (path.clone(), std::fs::metadata(path).unwrap().modified().unwrap());
        keys.flat_map(of_folder).map(written).collect()
    }
}

struct Unwatched;

impl Watcher for Unwatched {}

/// Stops after a number of steps.
struct After(usize);

impl Observer for After {
    fn step(&mut self, _: &StepReport) {
        self.0 -= 1;
    }

    fn should_stop(&self) -> bool {
        self.0 == 0
    }
}

fn validation_cosines(trained: &Trained) -> Vec<f64> {
    let Outcome::Finished { epochs, .. } = &trained.outcome else { panic!("it was stopped") };
    epochs.iter().map(|epoch| epoch.validation[0].main).collect()
}

#[test]
fn a_student_learns_repeats_its_bits_and_asks_the_teacher_once() {
    let place = Place::new();
    let cosines = validation_cosines(&place.distill(STUDENT, "a", false, &mut Silent));
    assert!(cosines[2] > cosines[0], "{cosines:?}");
    let asked = place.teacher_files();
    assert_eq!(asked.len(), 1);
    place.distill(STUDENT, "b", false, &mut Silent);
    assert_eq!(place.teacher_files(), asked);
    let (a, b) = (place.files("a"), place.files("b"));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    a.iter().for_each(|(path, bytes)| assert!(*bytes == b[path], "{} differs", path.display()));

    let student = Model::open(&place.dir.path().join("a")).unwrap();
    assert_eq!((student.heads().len(), student.embedding_size()), (0, 16));
    assert_eq!(student.encoder_shape().hidden_size, 8);
    assert!(!place.dir.path().join("a/training/student").exists());
}

#[test]
fn a_student_that_was_stopped_goes_on_to_the_same_bits() {
    let place = Place::new();
    place.distill(STUDENT, "whole", false, &mut Silent);
    for steps in [1, 15] {
        let target = format!("stopped-{steps}");
        assert!(matches!(
            place.distill(STUDENT, &target, false, &mut After(steps)).outcome,
            Outcome::Stopped { .. }
        ));
        place.distill(STUDENT, &target, true, &mut Silent);
        assert!(place.files(&target) == place.files("whole"), "after {steps} steps");
    }
}

/// Takes note of how far the work is, and stops it once it was told so often of the teacher.
struct Teller(Vec<Progress>, usize);

impl Watcher for Teller {
    fn progress(&mut self, progress: Progress) {
        self.0.push(progress);
    }

    fn should_stop(&self) -> bool {
        self.0.iter().filter(|told| matches!(told, Progress::Teacher { .. })).count() == self.1
    }
}

#[test]
fn a_teacher_that_was_stopped_goes_on_where_it_was() {
    let place = Place::new();
    place.write_corpus(1200, 3);
    let settings = DistillSettings::parse(STUDENT, &[]).unwrap();
    for (stops, done) in [(1, 0), (2, 512), (1, 512)] {
        let mut teller = Teller(Vec::new(), stops);
        assert!(prepare(&settings, &place.paths("a"), false, &mut teller).unwrap().is_none());
        assert!(teller.0.ends_with(&[Progress::Teacher { done }]), "{:?}", teller.0);
    }
    let mut teller = Teller(Vec::new(), 0);
    prepare(&settings, &place.paths("a"), false, &mut teller).unwrap().unwrap();
    assert_eq!(teller.0[..2], [Progress::Read { texts: 1200 }, Progress::Teacher { done: 512 }]);
    let asked = place.teacher_files();
    let bytes = std::fs::read(&asked[0].0).unwrap();
    assert_eq!((asked.len(), bytes.len()), (1, 1200 * 16 * 4));

    // A file with other numbers is not used again.
    std::fs::write(&asked[0].0, vec![0x40; bytes.len()]).unwrap();
    prepare(&settings, &place.paths("b"), false, &mut Unwatched).unwrap().unwrap();
    assert!(std::fs::read(&asked[0].0).unwrap() == bytes);
}

#[test]
fn of_a_corpus_that_has_grown_only_the_new_texts_are_embedded() {
    let place = Place::new();
    let texts =
        |n: usize| -> String { (0..n).map(|i| format!("the food was not very good {i}\n")).collect() };
    let mut counts = Vec::new();
    for n in [8_192, 8_300] {
        std::fs::write(place.dir.path().join("corpus.txt"), texts(n)).unwrap();
        let mut teller = Teller(Vec::new(), 0);
        let settings = DistillSettings::parse(STUDENT, &[]).unwrap();
        prepare(&settings, &place.paths(&n.to_string()), false, &mut teller).unwrap().unwrap();
        let told = teller.0.iter().filter(|told| matches!(told, Progress::Teacher { .. }));
        counts.push(told.copied().collect::<Vec<_>>());
    }
    assert_eq!((counts[0].len(), &counts[1][..]), (16, &[Progress::Teacher { done: 8_192 }][..]));
}

/// What was prepared of other things is made anew without `resume`, and an error with it that says `named`.
fn check_change(change: impl FnOnce(&Place) -> String, named: &str) {
    let place = Place::new();
    place.prepare(STUDENT, "a", false).unwrap();
    place.prepare(STUDENT, "a", true).unwrap();
    let settings = change(&place);
    let error = place.prepare(&settings, "a", true).unwrap_err();
    assert!(error.contains(named) && error.contains("when this run began"), "{error}");
    assert!(error.ends_with("leave `--resume` out, or choose another folder"), "{error}");
    place.distill(&settings, "a", false, &mut Silent);
    place.distill(&settings, "fresh", false, &mut Silent);
    assert!(place.files("a") == place.files("fresh"), "{named}");
}

#[test]
fn nothing_of_another_corpus_is_used_again() {
    let change = |place: &Place| {
        place.write_corpus(200, Options::default().seed + 1);
        STUDENT.to_string()
    };
    check_change(change, "`corpus file 1` was ");
}

#[test]
fn nothing_of_another_student_is_used_again() {
    let change = |_: &Place| STUDENT.replace("layers = 1", "layers = 2");
    check_change(change, "`student.layers` was 1 when this run began and is 2 now");
}

#[test]
fn nothing_of_another_teacher_is_used_again() {
    let change = |place: &Place| {
        place.change_teacher("layer_norm_eps", 1e-3);
        STUDENT.to_string()
    };
    check_change(change, "`teacher` was ");
}

#[test]
fn embeddings_are_asked_again_of_a_teacher_that_computes_otherwise() {
    let place = Place::new();
    place.prepare(STUDENT, "a", false).unwrap();
    place.change_teacher("layer_norm_eps", 1e-3);
    place.prepare(STUDENT, "b", false).unwrap();
    assert_eq!(place.teacher_files().len(), 2);
    let prompts = r#"{"prompts": {"query": "the "}, "default_prompt_name": "query"}"#;
    std::fs::write(place.dir.path().join("teacher/config_sentence_transformers.json"), prompts).unwrap();
    place.prepare(STUDENT, "c", false).unwrap();
    assert_eq!(place.teacher_files().len(), 3);
}

#[test]
fn a_teacher_that_gives_fewer_numbers_is_asked_for_all() {
    let place = Place::new();
    let config = place.dir.path().join("teacher/config_sentence_transformers.json");
    std::fs::write(config, r#"{"truncate_dim": 4}"#).unwrap();
    place.distill(STUDENT, "a", false, &mut Silent);
    assert_eq!(Model::open(&place.dir.path().join("a")).unwrap().embedding_size(), 16);
}

#[test]
fn words_that_were_kept_have_the_same_tokens_under_new_numbers() {
    let place = Place::new();
    place.distill(&STUDENT.replace("epochs = 3", "epochs = 1"), "a", false, &mut Silent);
    let tokens = |folder: &Path, text: &str| -> Vec<String> {
        let model = Model::open(folder).unwrap();
        let tokens = model.tokenizer.explain(text, TokenizerOptions::whole()).unwrap();
        tokens.into_iter().map(|token| token.token).collect()
    };
    let (teacher, student) = (place.dir.path().join("teacher"), place.dir.path().join("a"));
    let text = "The was not very, but";
    assert_eq!(tokens(&student, text), ["[CLS]", "the", "was", "not", "very", ",", "but", "[SEP]"]);
    assert_eq!(tokens(&teacher, text), tokens(&student, text));
    assert_eq!(tokens(&student, "zx"), ["[CLS]", "z", "##x", "[SEP]"]);
    assert_eq!(Model::open(&student).unwrap().encoder_shape().vocab_size, 200);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_computed() {
    let place = Place::new();
    let error = |change: &str, paths: &Paths| {
        let settings = DistillSettings::parse(STUDENT, &[change.to_string()]).unwrap();
        prepare(&settings, paths, false, &mut Unwatched).err().unwrap().to_string()
    };
    let found = error("corpus.validation=200", &place.paths("a"));
    assert!(
        found.contains("texts of the corpus: 200, of which `corpus.validation` holds out 200"),
        "{found}"
    );
    let found = error("student.vocab_size=10", &place.paths("b"));
    assert!(found.contains("tokenizer.json") && found.contains("`student.vocab_size` is 10"), "{found}");
    assert!(!place.dir.path().join("cache").exists(), "the teacher was asked nothing");
    std::fs::create_dir_all(place.dir.path().join("c")).unwrap();
    std::fs::write(place.dir.path().join("c/mine"), "mine").unwrap();
    assert!(error("train.epochs=1", &place.paths("c")).contains("is not empty"));
}
