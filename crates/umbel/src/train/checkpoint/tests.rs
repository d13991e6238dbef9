//! Whatever a save meets, the checkpoint before it stays, and the run goes on to the bits of one without trouble.

use std::path::{Path, PathBuf};

use super::*;
use crate::folder::disk::{Fault, arm, disarm};
use crate::settings::Settings;
use crate::train::run::{Trained, run};
use crate::train::{Observer, Outcome, RunReport, Silent, StepReport};

const ROWS: &str = r#"{"text": "The harbour was quiet.", "topic": "sea", "mood": 1.0}
{"text": "Boats came home with the tide.", "topic": "sea", "mood": 0.5}
{"text": "A boat in the harbour at night.", "mood": 0.25}
{"text": "Please send a refund.", "topic": "shop", "mood": -0.75}
{"text": "My order arrived late.", "topic": "shop", "mood": -0.5}
{"text": "The bread is gone by nine.", "topic": "shop"}
"#;

/// A folder of rows, with settings of six steps in two epochs, and a checkpoint after each second.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        fs::write(project.0.path().join("rows.jsonl"), ROWS).unwrap();
        project
    }

    fn settings(&self, changes: &[&str]) -> Settings {
        let text = format!(
            r#"
            model = {{ encoder = "bert" }}
            data = {{ train = "{0}", validation = "{0}" }}
            task = [{{ name = "topic", kind = "classification" }}, {{ name = "mood", kind = "regression" }}]
            train = {{ epochs = 2, batch_size = 2, learning_rate = 1e-3, checkpoint_every = 2, weighting = "uncertainty" }}
            "#,
            self.0.path().join("rows.jsonl").display()
        );
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        Settings::parse(&text, &changes).unwrap()
    }

    fn target(&self) -> PathBuf {
        self.0.path().join("model")
    }

    fn run(&self, changes: &[&str], resume: bool, observer: &mut dyn Observer) -> Result<Trained> {
        let encoder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
        run(&self.settings(changes), &encoder, &self.target(), resume, observer)
    }

    /// Stops after so many steps.
    fn stop(&self, changes: &[&str], step: usize) {
        let stopped = self.run(changes, false, &mut StopAfter { step, at: 0 }).unwrap();
        assert!(matches!(stopped.outcome, Outcome::Stopped { step: found } if found == step));
    }

    /// The checkpoints, oldest first.
    fn checkpoints(&self) -> Vec<PathBuf> {
        let folder = self.target().join("training/checkpoints");
        let mut all: Vec<PathBuf> =
            names(&folder).iter().filter(|name| is_step(name)).map(|name| folder.join(name)).collect();
        all.sort_unstable();
        all
    }

    fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.target().join("training/metrics.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Stops after a step.
struct StopAfter {
    step: usize,
    at: usize,
}

impl Observer for StopAfter {
    fn step(&mut self, step: &StepReport) {
        self.at = step.step;
    }

    fn should_stop(&self) -> bool {
        self.at >= self.step
    }
}

/// Remembers where a run went on.
#[derive(Default)]
struct Begun(Option<RunReport>);

impl Observer for Begun {
    fn begin(&mut self, run: &RunReport) {
        self.0 = Some(run.clone());
    }
}

fn bits(model: &Model) -> Vec<Vec<u32>> {
    let of = |param: &Param| param.data().iter().map(|value| value.to_bits()).collect();
    model.params.iter().map(|(_, param)| of(param)).collect()
}

fn straight() -> Vec<Vec<u32>> {
    bits(&Project::new().run(&[], false, &mut Silent).unwrap().model)
}

/// A run whose n-th operation fails ends in an error that names a file, and goes on to the same bits: for n = 1, 2, ...
/// until nothing fails any more.
///
/// Only each `stride`-th n is tried.
fn operations_may_fail(fault: Fault, stride: usize) {
    let straight = straight();
    for n in (1..).step_by(stride) {
        let project = Project::new();
        arm(fault, n);
        let failed = project.run(&[], false, &mut Silent);
        let nothing_failed = disarm();
        if nothing_failed {
            assert_eq!(bits(&failed.unwrap().model), straight);
            assert!(n > 100, "only {n} operations were met");
            break;
        }
        let error = failed.map(|_| ()).unwrap_err();
        let Error::Io { path, .. } = &error else { panic!("operation {n}: {error}") };
        assert!(path.starts_with(project.target()), "operation {n}: {error}");
        let before = project.checkpoints();
        let mut begun = Begun::default();
        let resumed = project.run(&[], true, &mut begun).unwrap_or_else(|error| panic!("{n}: {error}"));
        let went_on = begun.0.unwrap().resumed;
        assert!(
            went_on.as_ref().is_none_or(|resumed| resumed.damaged.is_empty()),
            "operation {n}: {went_on:?}"
        );
        assert_eq!(went_on.map(|resumed| resumed.checkpoint), before.last().cloned(), "operation {n}");
        assert_eq!(bits(&resumed.model), straight, "operation {n}");
        assert_eq!(bits(&Model::open(&project.target()).unwrap()), straight, "operation {n}, saved");
        assert!(!project.target().join("training/checkpoints").exists(), "operation {n}: all is cleaned up");
    }
}

#[test]
fn a_save_whose_nth_operation_fails_loses_nothing() {
    operations_may_fail(Fault::Error, 1);
}

#[test]
fn a_disk_that_is_full_from_the_nth_operation_on_loses_nothing() {
    operations_may_fail(Fault::Full, 7);
}

#[test]
fn the_last_checkpoints_are_kept_and_the_best_epochs_that_they_need() {
    let project = Project::new();
    project.stop(&["train.checkpoint_every=1", "train.keep_checkpoints=3", "train.epochs=4"], 11);
    let names: Vec<String> = project
        .checkpoints()
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let expected = ["epoch-00003-step-0000000010", "epoch-00003-step-0000000011"];
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names[1..], expected);
    for path in project.checkpoints() {
        let manifest = sealed::check(&path).unwrap();
        sealed::check(&path.with_file_name(manifest.needs.unwrap())).unwrap();
    }
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_taken() {
    let straight = straight();
    let damage = |file: &Path| {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    };
    for file in [TENSORS, STATE, sealed::MANIFEST] {
        let project = Project::new();
        project.stop(&[], 5);
        let checkpoints = project.checkpoints();
        damage(&checkpoints[1].join(file));
        let mut begun = Begun::default();
        let resumed = project.run(&[], true, &mut begun).unwrap();
        let went_on = begun.0.unwrap().resumed.unwrap();
        assert_eq!((&went_on.checkpoint, went_on.step), (&checkpoints[0], 4), "{file}");
        assert_eq!(went_on.damaged.len(), 1);
        assert_eq!(went_on.damaged[0].checkpoint, checkpoints[1]);
        assert!(went_on.damaged[0].problem.contains(file), "{}", went_on.damaged[0].problem);
        let lines = project.log();
        let line = lines.iter().find(|line| line["event"] == "resume").unwrap();
        assert_eq!(line["damaged"][0]["checkpoint"], checkpoints[1].to_str().unwrap());
        assert_eq!(bits(&resumed.model), straight, "{file}");
    }
}

#[test]
fn where_all_checkpoints_are_damaged_each_is_named() {
    let project = Project::new();
    project.stop(&[], 5);
    let checkpoints = project.checkpoints();
    checkpoints.iter().for_each(|path| fs::write(path.join(STATE), b"{}").unwrap());
    let error = project.run(&[], true, &mut Silent).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("no checkpoint can be used; delete the folder to begin again"), "{error}");
    for path in checkpoints {
        assert!(error.contains(&format!("{}: state.json has 2 bytes", path.display())), "{error}");
    }
}

#[test]
fn a_checkpoint_whose_best_epoch_is_damaged_is_not_taken() {
    let project = Project::new();
    project.stop(&["train.checkpoint_every=1"], 4); // One of the first epoch, one of the second.
    fs::write(project.target().join("training/checkpoints/best-00001").join(WEIGHTS), b"").unwrap();
    let mut begun = Begun::default();
    let resumed = project.run(&[], true, &mut begun).unwrap();
    let went_on = begun.0.unwrap().resumed.unwrap();
    assert_eq!(went_on.step, 3);
    assert!(went_on.damaged[0].problem.starts_with("its best-00001: weights.safetensors has 0 bytes"));
    assert_eq!(bits(&resumed.model), straight());
}

/// A label so large that the square of its error is no 32-bit float: the loss of its batches is infinite.
fn with_a_huge_label() -> Project {
    let project = Project::new();
    let rows = ROWS.replace("\"mood\": 0.25", "\"mood\": 1e30");
    fs::write(project.0.path().join("rows.jsonl"), rows).unwrap();
    project
}

const HUGE: [&str; 2] = ["task.mood.standardize=false", "train.best_metric=topic.accuracy"];

#[test]
fn a_step_without_a_finite_loss_is_skipped_and_counted_and_a_resumed_run_has_the_same_bits() {
    for precision in ["f32", "bf16"] {
        let precision = format!("train.precision={precision}");
        let changes = [&HUGE[..], &[&precision]].concat();
        let project = with_a_huge_label();
        let trained = project.run(&changes, false, &mut Silent).unwrap();
        let Outcome::Finished { epochs, .. } = &trained.outcome else { panic!("it finished") };
        assert_eq!(epochs.iter().map(|epoch| epoch.n_skipped).collect::<Vec<_>>(), [1, 1]);
        assert!(bits(&trained.model).iter().flatten().all(|bits| f32::from_bits(*bits).is_finite()));
        let log = project.log();
        let skipped: Vec<&Value> = log.iter().filter(|line| line.get("skipped").is_some()).collect();
        assert_eq!(skipped.len(), 2);
        assert_eq!(skipped[0]["skipped"], "the loss of task `mood` is inf");
        let straight = bits(&trained.model);
        for stop in 1..=5 {
            let project = with_a_huge_label();
            project.stop(&changes, stop);
            let resumed = project.run(&changes, true, &mut Silent).unwrap();
            assert_eq!(bits(&resumed.model), straight, "{precision}, stopped after step {stop}");
        }
    }
}

#[test]
fn too_many_skipped_steps_in_a_row_end_the_run_with_the_step_the_task_and_the_rows() {
    let project = with_a_huge_label();
    let changes = [&HUGE[..], &["train.max_skipped_steps=1", "train.checkpoint_every=1"]].concat();
    let error = project.run(&changes, false, &mut Silent).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(": the loss of task `mood` is inf; the last checkpoint is kept"), "{error}");
    assert!(error.ends_with("/rows.jsonl:3: \"A boat in the harbour at night.\""), "{error}");
    let more = [&HUGE[..], &["train.max_skipped_steps=2"]].concat();
    let resumed = project.run(&more, true, &mut Silent).unwrap();
    let straight = with_a_huge_label().run(&HUGE, false, &mut Silent).unwrap();
    assert_eq!(bits(&resumed.model), bits(&straight.model), "a run may go on that skips more");
}

#[test]
fn a_model_that_is_not_finite_is_never_saved() {
    let project = Project::new();
    let changes =
        ["train.learning_rate=1e38", "train.warmup=0", "train.max_grad_norm=0", "train.schedule=constant"];
    let every = [&changes[..], &["train.checkpoint_every=1", "train.weight_decay=1e9"]].concat();
    let error = project.run(&every, false, &mut Silent).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Diverged(_)), "{error}");
    assert!(
        error.to_string().contains("has values that are no finite numbers, so it is not saved"),
        "{error}"
    );
    assert!(project.checkpoints().is_empty() && !project.target().join("umbel.json").exists());
}
