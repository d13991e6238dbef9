//! What a distillation promises: it learns, repeats bit for bit, goes on where it stopped, and asks the teacher once.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

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
        let rows = synth::generate(&Options { rows: 200, ..Options::default() });
        let texts: String = rows.iter().map(|row| format!("{}\n\n", row.text)).collect();
        std::fs::write(dir.path().join("corpus.txt"), texts).unwrap();
        Self { dir }
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

#[test]
fn a_teacher_that_was_stopped_is_asked_again() {
    struct AtOnce(Vec<Progress>);
    impl Watcher for AtOnce {
        fn progress(&mut self, progress: Progress) {
            self.0.push(progress);
        }
        fn should_stop(&self) -> bool {
            true
        }
    }
    let place = Place::new();
    let settings = DistillSettings::parse(STUDENT, &[]).unwrap();
    let mut watcher = AtOnce(Vec::new());
    assert!(prepare(&settings, &place.paths("a"), false, &mut watcher).unwrap().is_none());
    assert_eq!(watcher.0, [Progress::Read { texts: 200 }, Progress::Teacher { done: 0 }]);
    place.distill(STUDENT, "a", false, &mut Silent);
}

#[test]
fn a_student_of_the_teachers_width_starts_with_its_layers() {
    let place = Place::new();
    let same = "[student]\nhidden_size = 16\nlayers = 4\nheads = 2\nintermediate_size = 32\nmax_length = 32\n\
                [corpus]\nvalidation = 20\nmax_length = 32\n[train]\nepochs = 1\nlearning_rate = 1e-12\n";
    let whole = validation_cosines(&place.distill(same, "whole", false, &mut Silent));
    assert!(whole[0] > 0.9999, "{whole:?}: all layers and all tokens give the teacher's embedding");
    let half = validation_cosines(&place.distill(
        &same.replace("layers = 4", "layers = 2"),
        "half",
        false,
        &mut Silent,
    ));
    assert!(half[0] > 0.8 && half[0] < whole[0], "{half:?}");
}

#[test]
fn every_family_can_be_a_student() {
    let place = Place::new();
    for (family, _) in distill::FAMILIES.entries {
        let settings = STUDENT.replace("[student]", &format!("[student]\nmodel_type = \"{family}\""));
        let trained =
            place.distill(&settings.replace("epochs = 3", "epochs = 1"), family, false, &mut Silent);
        assert!(validation_cosines(&trained)[0] > 0.3, "{family}");
        assert_eq!(Model::open(&place.dir.path().join(family)).unwrap().origin().model_type, *family);
    }
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
        found.contains("the corpus has 200 texts, of which `corpus.validation` holds out 200"),
        "{found}"
    );
    let found = error("student.vocab_size=10", &place.paths("b"));
    assert!(found.contains("tokenizer.json") && found.contains("`student.vocab_size` is 10"), "{found}");
    std::fs::create_dir_all(place.dir.path().join("c")).unwrap();
    std::fs::write(place.dir.path().join("c/mine"), "mine").unwrap();
    assert!(error("train.epochs=1", &place.paths("c")).contains("is not empty"));
}
