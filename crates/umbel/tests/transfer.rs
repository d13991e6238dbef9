//! What the settings of transfer promise: what is frozen keeps its bits and what is not moves at its own rate, and with
//! each of them a stopped run goes on to the same bits.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use umbel::nn::Params;
use umbel::nn::params::Part;
use umbel::settings::Settings;
use umbel::train::run::{Trained, run};
use umbel::train::{FrozenWeights, Observer, Outcome, Silent, StepReport};
use umbel::{Error, Model};

fn encoder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert")
}

const ROWS: &str = r#"{"text": "The harbour was quiet.", "topic": "sea", "mood": 1.0}
{"text": "Boats came home with the tide.", "topic": "sea", "mood": 0.5}
{"text": "A boat in the harbour at night.", "topic": "sea", "mood": 0.25}
{"text": "Please send a refund.", "topic": "shop", "mood": -0.75}
{"text": "My order arrived late.", "topic": "shop", "mood": -0.5}
{"text": "The bread is gone by nine.", "topic": "shop"}
"#;

/// A folder with rows, and settings of two steps an epoch.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        std::fs::write(project.0.path().join("rows.jsonl"), ROWS).unwrap();
        project
    }

    fn settings(&self, changes: &[&str]) -> Settings {
        let text = format!(
            r#"
            model = {{ encoder = "bert" }}
            data = {{ train = "{0}", validation = "{0}" }}
            task = [{{ name = "topic", kind = "classification" }}, {{ name = "mood", kind = "regression" }}]
            train = {{ epochs = 4, batch_size = 3, learning_rate = 1e-3, checkpoint_every = 1, best_metric = "loss" }}
            "#,
            self.0.path().join("rows.jsonl").display()
        );
        Settings::parse(&text, &changes.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    fn target(&self) -> PathBuf {
        self.0.path().join("model")
    }

    fn run(&self, changes: &[&str], resume: bool, observer: &mut dyn Observer) -> Result<Trained, Error> {
        run(&self.settings(changes), &encoder(), &self.target(), resume, observer)
    }

    fn events(&self, event: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.target().join("training/metrics.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["event"] == event).collect()
    }

    /// The model that a run begins with.
    fn before(&self, changes: &[&str]) -> Model {
        let settings = self.settings(changes);
        let data = umbel::train::data::RunData::read(&settings).unwrap();
        umbel::train::run::model(&settings, &encoder(), &data).unwrap()
    }
}

fn train(changes: &[&str]) -> Trained {
    Project::new().run(changes, false, &mut Silent).unwrap()
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

/// Remembers the proofs that frozen weights have not changed.
#[derive(Default)]
struct Proofs(Vec<FrozenWeights>);

impl Observer for Proofs {
    fn frozen(&mut self, frozen: &FrozenWeights) {
        self.0.push(frozen.clone());
    }
}

fn bits(params: &Params) -> BTreeMap<String, Vec<u32>> {
    let of = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    params.iter().map(|(_, param)| (param.name().to_string(), of(param.data()))).collect()
}

/// The names of weights that differ.
fn changed(before: &Model, after: &Model) -> Vec<String> {
    let (before, after) = (bits(&before.params), bits(&after.params));
    after.into_iter().filter(|(name, bits)| before[name] != *bits).map(|(name, _)| name).collect()
}

const EVERY: [&[&str]; 10] = [
    &["train.layer_decay=0.8"],
    &["train.part_learning_rates={ heads = 1e-2, \"layers:0..1\" = 1e-4 }"],
    &["train.unfreeze={ every = 1 }"],
    &["train.unfreeze=[{ epoch = 2, parts = [\"layers:1..2\"] }, { epoch = 3, parts = [\"backbone\"] }]"],
    &["train.probe_epochs=2"],
    &["train.probe_epochs=1", "train.freeze=[\"embeddings\"]"],
    &["train.reinit_layers=1"],
    &["train.lora={}"],
    &["train.lora={ rank = 4, dropout = 0.2, targets = [\"query\", \"feed_forward\"] }"],
    &["train.lora={ rank = 2 }", "train.precision=bf16", "train.probe_epochs=1"],
];

#[test]
fn with_every_setting_a_stopped_run_goes_on_to_the_same_bits() {
    for changes in EVERY {
        let project = Project::new();
        let straight = bits(&project.run(changes, false, &mut Silent).unwrap().model.params);
        let events = |project: &Project| [project.events("frozen"), project.events("unchanged")];
        assert!(straight.values().flatten().all(|bits| f32::from_bits(*bits).is_finite()), "{changes:?}");
        for stop in [1, 4, 5] {
            let stopped = Project::new();
            let outcome = stopped.run(changes, false, &mut StopAfter { step: stop, at: 0 }).unwrap().outcome;
            assert!(matches!(outcome, Outcome::Stopped { step } if step == stop));
            let resumed = stopped.run(changes, true, &mut Silent).unwrap();
            assert!(bits(&resumed.model.params) == straight, "{changes:?}, stopped after step {stop}");
            assert_eq!(events(&stopped), events(&project), "{changes:?}, stopped after step {stop}");
        }
    }
}

#[test]
fn a_step_moves_each_part_at_its_own_rate() {
    // AdamW's first step is the rate times the gradient over its own size, whatever the gradient is.
    let still = [
        "train.epochs=1",
        "train.batch_size=6",
        "train.warmup=0",
        "train.schedule=constant",
        "train.weight_decay=0",
        "train.max_grad_norm=0",
    ];
    let check = |changes: &[&str], rate: &dyn Fn(&Part) -> f32| {
        let changes = [&still[..], changes].concat();
        let project = Project::new();
        let before = project.before(&changes);
        let after = project.run(&changes, false, &mut Silent).unwrap().model;
        for ((_, a), (_, b)) in before.params.iter().zip(after.params.iter()) {
            let moved = a.data().iter().zip(b.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let expected = rate(b.part());
            // The weights that are moved have 24 bits.
            assert!((moved - expected).abs() < expected * 0.01, "{changes:?}: {} {moved}", b.name());
        }
    };
    check(&[], &|_| 1e-3);
    check(&["train.layer_decay=0.5"], &|part| match part {
        Part::Head(_) | Part::Projection => 1e-3,
        Part::Layer(1) | Part::Encoder => 0.5e-3,
        Part::Layer(_) => 0.25e-3,
        Part::Embeddings => 0.125e-3,
    });
    let rates = "train.part_learning_rates={ backbone = 4e-4, \"layers:0..1\" = 1e-4, heads = 1e-2, \"head:mood\" = 2e-2 }";
    check(&["train.layer_decay=0.5", rates], &|part| match part {
        Part::Head(task) if task == "mood" => 2e-2,
        Part::Head(_) => 1e-2,
        Part::Projection => 1e-3,
        Part::Layer(0) => 1e-4,
        Part::Layer(_) | Part::Encoder => 2e-4,
        Part::Embeddings => 0.5e-4,
    });
}

#[test]
fn names_that_are_not_there_or_overlap_are_errors() {
    let error =
        |change: &str| Project::new().run(&[change], false, &mut Silent).map(|_| ()).unwrap_err().to_string();
    let check = |change: &str, expected: &str| {
        let error = error(change);
        assert!(error.contains(expected), "{error}");
    };
    check(
        "train.part_learning_rates={ \"layers:0..2\" = 1e-3, \"layers:1..2\" = 1e-3 }",
        "`train.part_learning_rates` has `layers:0..2` and `layers:1..2`, which overlap",
    );
    check(
        "train.part_learning_rates={ head = 1e-3 }",
        "`train.part_learning_rates` has `head`; expected `backbone`",
    );
    check("train.part_learning_rates={ \"head:tpoic\" = 1e-3 }", "did you mean `topic`?");
    check(
        "train.unfreeze=[{ epoch = 2, parts = [\"heads\"] }]",
        "`train.unfreeze` has `heads`; expected `backbone`",
    );
    check("train.reinit_layers=3", "`train.reinit_layers` is 3; expected at most 2");
    check("train.lora={ targets = [\"quary\"] }", "unknown train.lora.targets `quary`; there is: attention");
    check("train.lora={ targets = [\"quary\"] }", "(did you mean `query`?)");
}

#[test]
fn layers_are_unfrozen_from_the_top_down() {
    for epochs in 1..=4 {
        let changes = ["train.unfreeze={ every = 1 }", &format!("train.epochs={epochs}")];
        let project = Project::new();
        let before = project.before(&changes);
        let after = project.run(&changes, false, &mut Silent).unwrap();
        let Outcome::Finished { epochs: reports, .. } = &after.outcome else { panic!("it finished") };
        assert!(reports.last().unwrap().best, "the loss falls, so that the last epoch is looked at");
        let names = changed(&before, &after.model);
        let any = |part: &str| names.iter().any(|name| name.contains(part));
        assert!(any("heads."), "{names:?}");
        assert_eq!(any("layer.1."), epochs > 1, "{names:?}");
        assert_eq!(any("layer.0."), epochs > 2, "{names:?}");
        assert_eq!(any("embeddings."), epochs > 3, "{names:?}");
    }
}

#[test]
fn a_probe_trains_the_heads_alone_as_a_run_of_its_own_does() {
    let project = Project::new();
    let changes = ["train.probe_epochs=2"];
    let before = project.before(&changes);
    project.run(&changes, false, &mut StopAfter { step: 4, at: 0 }).unwrap();
    let alone = train(&["train.epochs=2", "train.freeze=[\"backbone\"]"]);
    let state = project.target().join("training/checkpoints/epoch-00001-step-0000000004");
    let weights = umbel::folder::Weights::open_file(&state.join("tensors.safetensors")).unwrap();
    for (_, param) in alone.model.params.iter() {
        let found = weights.tensor(&format!("param.{}", param.name())).unwrap().values.into_vec();
        assert!(found == param.data(), "{}", param.name());
    }
    let names = changed(&before, &alone.model);
    assert!(!names.is_empty() && names.iter().all(|name| name.starts_with("heads.")), "{names:?}");
}

#[test]
fn the_log_proves_that_frozen_weights_have_not_changed() {
    let project = Project::new();
    let mut proofs = Proofs::default();
    project.run(&["train.freeze=[\"embeddings\", \"head:topic\"]"], false, &mut proofs).unwrap();
    let [proof] = &proofs.0[..] else { panic!("{:?}", proofs.0) };
    let (begin, end) = (project.events("frozen"), project.events("unchanged"));
    assert_eq!((begin.len(), end.len()), (1, 1));
    for key in ["n_tensors", "n_values", "sha256"] {
        assert_eq!(begin[0][key], end[0][key]);
    }
    assert_eq!(end[0]["sha256"], proof.sha256.as_str());
    assert_eq!(proof.n_tensors, 5 + 2, "three tables and a norm, and a head");
    let proofs = |changes: &[&str]| {
        let mut proofs = Proofs::default();
        Project::new().run(changes, false, &mut proofs).unwrap();
        proofs.0.iter().map(|proof| proof.n_tensors).collect::<Vec<_>>()
    };
    assert_eq!(proofs(&[]), [0; 0], "nothing is frozen");
    let shrinking = proofs(&["train.unfreeze={ every = 1 }"]);
    assert!(shrinking.len() == 3 && shrinking.is_sorted_by(|a, b| a > b), "{shrinking:?}");
}

#[test]
fn a_run_goes_on_only_with_the_frozen_weights_that_it_began_with() {
    let project = Project::new();
    let changes = ["train.freeze=[\"backbone\"]"];
    project.run(&changes, false, &mut StopAfter { step: 3, at: 0 }).unwrap();
    let other = project.0.path().join("other");
    std::fs::create_dir(&other).unwrap();
    for entry in std::fs::read_dir(encoder()).unwrap().flatten() {
        std::fs::copy(entry.path(), other.join(entry.file_name())).unwrap();
    }
    let weights = other.join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let resumed = run(&project.settings(&changes), &other, &project.target(), true, &mut Silent);
    let error = resumed.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("the run began with other frozen weights: their SHA-256 was "), "{error}");
}

#[test]
fn the_top_layers_begin_anew_and_the_others_as_they_were() {
    let project = Project::new();
    let names = changed(&project.before(&[]), &project.before(&["train.reinit_layers=1"]));
    assert!(!names.is_empty() && names.iter().all(|name| name.contains("layer.1.")), "{names:?}");
    let model = project.before(&["train.reinit_layers=1"]);
    for (_, param) in model.params.iter().filter(|(_, param)| *param.part() == Part::Layer(1)) {
        let (data, n) = (param.data(), param.data().len() as f32);
        match param.name() {
            name if name.ends_with("LayerNorm.weight") => assert!(data.iter().all(|&x| x == 1.0), "{name}"),
            name if name.ends_with("bias") => assert!(data.iter().all(|&x| x == 0.0), "{name}"),
            name => {
                let std = (data.iter().map(|x| x * x).sum::<f32>() / n).sqrt();
                assert!((std / 0.02 - 1.0).abs() < 4.0 / (2.0 * n).sqrt(), "{name}: {std}"); // Four deviations.
            }
        }
    }
    assert_eq!(bits(&model.params), bits(&project.before(&["train.reinit_layers=1"]).params), "by the seed");
    assert_ne!(bits(&model.params), bits(&project.before(&["train.reinit_layers=1", "train.seed=7"]).params));
}

#[test]
fn low_rank_additions_are_all_that_is_kept_and_become_part_of_the_weights() {
    let project = Project::new();
    let changes = ["train.lora={ rank = 2, targets = [\"query\", \"value\"] }", "train.learning_rate=1e-2"];
    let before = project.before(&changes);
    let trained = project.run(&changes, false, &mut Silent).unwrap();
    let names = changed(&before, &trained.model);
    let is_touched = |name: &String| name.contains("self.query.weight") || name.starts_with("heads.");
    assert!(names.iter().all(is_touched) && names.len() == 2 + 4, "{names:?}");

    // An ordinary folder, in which the keys, which lie between queries and values, have not changed.
    let [before, after] =
        [encoder(), project.target()].map(|dir| umbel::folder::Weights::open(&dir).unwrap());
    let mut n_same = 0;
    for name in before.names() {
        let same = before.tensor(name).unwrap() == after.tensor(name).unwrap();
        assert_eq!(
            same,
            !name.contains("self.query.weight") && !name.contains("self.value.weight"),
            "{name}"
        );
        n_same += usize::from(same);
    }
    assert_eq!(before.names().count(), after.names().count());
    assert!(n_same > 20);

    let stopped = Project::new();
    stopped.run(&changes, false, &mut StopAfter { step: 3, at: 0 }).unwrap();
    let state = stopped.target().join("training/checkpoints/epoch-00001-step-0000000003/tensors.safetensors");
    let kept = umbel::folder::Weights::open_file(&state).unwrap();
    let params: Vec<String> =
        kept.names().filter(|name| name.starts_with("param.")).map(ToString::to_string).collect();
    assert!(
        params.iter().all(|name| name.contains(".lora_") || name.starts_with("param.heads.")),
        "{params:?}"
    );
    assert_eq!(params.len(), 2 * 2 * 2 + 4);
}
