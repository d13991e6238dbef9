//! What training promises: it learns, repeats bit for bit, leaves frozen weights alone, and goes on where it
//! stopped.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use umbel::Model;
use umbel::nn::Params;
use umbel::settings::Settings;
use umbel::train::run::{Trained, run};
use umbel::train::{Observer, Outcome, Silent, StepReport};

fn encoder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert")
}

/// Twelve rows of two classes and a score; the last ones lack a label.
const ROWS: &str = r#"{"text": "The harbour was quiet.", "topic": "sea", "mood": 1.0}
{"text": "Boats came home with the tide.", "topic": "sea", "mood": 0.5}
{"text": "The tide took the small boat.", "topic": "sea", "mood": -1.0}
{"text": "A boat in the harbour at night.", "topic": "sea", "mood": 0.25}
{"text": "Please send a refund.", "topic": "shop", "mood": -0.75}
{"text": "My order arrived late.", "topic": "shop", "mood": -0.5}
{"text": "The service was friendly and quick.", "topic": "shop", "mood": 1.0}
{"text": "The bread is gone by nine.", "topic": "shop", "mood": 0.0}
{"text": "The box was open, a refund please.", "topic": "shop", "mood": -1.0}
{"text": "The first boats before the tide.", "topic": "sea"}
{"text": "Prices have risen.", "mood": -0.25}
{"text": "Nobody could remember."}
"#;

fn settings(folder: &Path, overrides: &[&str]) -> Settings {
    let data = folder.join("rows.jsonl");
    std::fs::write(&data, ROWS).unwrap();
    let text = format!(
        r#"
        model = {{ encoder = "bert" }}
        data = {{ train = "{0}", validation = "{0}" }}
        task = [{{ name = "topic", kind = "classification" }}, {{ name = "mood", kind = "regression" }}]
        train = {{ epochs = 2, batch_size = 4, learning_rate = 1e-3, checkpoint_every = 2 }}
        "#,
        data.display()
    );
    Settings::parse(&text, &overrides.iter().map(|change| change.to_string()).collect::<Vec<_>>()).unwrap()
}

fn train(overrides: &[&str]) -> Trained {
    let dir = tempfile::tempdir().unwrap();
    run(&settings(dir.path(), overrides), &encoder(), &dir.path().join("model"), false, &mut Silent).unwrap()
}

/// All weights, by name.
fn bits(params: &Params) -> Vec<(String, Vec<u32>)> {
    let of = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    params.iter().map(|(_, param)| (param.name().to_string(), of(param.data()))).collect()
}

#[test]
fn ten_examples_can_be_overfitted() {
    for passes in ["shared", "per_task"] {
        let passes = format!("train.passes={passes}");
        let trained =
            train(&[&passes, "train.epochs=60", "train.learning_rate=5e-3", "train.best_metric=loss"]);
        let Outcome::Finished { epochs, .. } = trained.outcome else { panic!("it finished") };
        let best = epochs.iter().rfind(|epoch| epoch.best).unwrap();
        assert_eq!(best.validation[0].metric("accuracy"), Some(1.0), "{passes}");
        assert!(best.validation[1].main > 0.98, "{passes}: {}", best.validation[1].main);
        assert_eq!(
            (best.validation[0].n, best.validation[1].n),
            (10, 10),
            "rows without a label do not count"
        );
    }
}

#[test]
fn two_runs_with_one_seed_are_the_same_bit_for_bit() {
    assert_eq!(bits(&train(&[]).model.params), bits(&train(&[]).model.params));
    assert_ne!(bits(&train(&[]).model.params), bits(&train(&["train.seed=1"]).model.params));
}

#[test]
fn passes_of_each_task_give_the_gradients_of_a_shared_pass_where_nothing_is_dropped() {
    let still = |encoder: &Path, passes: &str| {
        let dir = tempfile::tempdir().unwrap();
        let overrides = ["task.topic.dropout=0", "task.mood.dropout=0", &format!("train.passes={passes}")];
        let settings = settings(dir.path(), &overrides);
        run(&settings, encoder, &dir.path().join("model"), false, &mut Silent).unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(encoder()).unwrap().flatten() {
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let config = std::fs::read_to_string(dir.path().join("config.json")).unwrap();
    std::fs::write(dir.path().join("config.json"), config.replace("prob\": 0.1", "prob\": 0.0")).unwrap();
    let (shared, per_task) = (still(dir.path(), "shared"), still(dir.path(), "per_task"));
    for ((_, a), (_, b)) in shared.model.params.iter().zip(per_task.model.params.iter()) {
        let far = a.data().iter().zip(b.data()).filter(|(a, b)| (**a - **b).abs() > 1e-4).count();
        // AdamW divides rounding noise by itself where the true gradient is zero, as in the bias of keys.
        assert!(far == 0 || a.name().ends_with("bias"), "{}: {far} of {} differ", a.name(), a.data().len());
    }
}

#[test]
fn frozen_weights_keep_their_bits_and_others_change() {
    for (freeze, is_frozen) in [
        (r#"["backbone"]"#, (|name| !name.starts_with("heads.")) as fn(&str) -> bool),
        (r#"["embeddings", "layers:0..1"]"#, |name| {
            name.starts_with("embeddings") || name.contains("layer.0.")
        }),
        (r#"["head:topic"]"#, |name| name.starts_with("heads.topic")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), &[&format!("train.freeze={freeze}")]);
        let data = umbel::train::data::RunData::read(&settings).unwrap();
        let before = bits(&umbel::train::run::model(&settings, &encoder(), &data).unwrap().params);
        let after = bits(&train(&[&format!("train.freeze={freeze}")]).model.params);
        for ((name, before), (_, after)) in before.iter().zip(&after) {
            let same = before == after;
            assert_eq!(same, is_frozen(name), "{freeze}: {name}");
        }
    }
}

/// Stops after so many steps.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn step(&mut self, step: &StepReport) {
        self.0 = if step.step >= self.0 { 0 } else { self.0 };
    }

    fn should_stop(&self) -> bool {
        self.0 == 0
    }
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bits() {
    let straight = bits(&train(&[]).model.params);
    for stop in 1..=5 {
        let dir = tempfile::tempdir().unwrap();
        let (settings, target) = (settings(dir.path(), &[]), dir.path().join("model"));
        let stopped = run(&settings, &encoder(), &target, false, &mut StopAfter(stop)).unwrap();
        assert!(matches!(stopped.outcome, Outcome::Stopped { step } if step == stop));
        let resumed = run(&settings, &encoder(), &target, true, &mut Silent).unwrap();
        assert_eq!(bits(&resumed.model.params), straight, "stopped after step {stop}");
        let saved = Model::open(&target).unwrap();
        assert_eq!(bits(&saved.params), straight, "saved, stopped after step {stop}");
    }
}

#[test]
fn every_weighting_trains_and_goes_on_to_the_same_bits() {
    let fixed = bits(&train(&["train.epochs=3"]).model.params);
    for name in umbel::weighting::WEIGHTINGS.names() {
        let weighting = format!("train.weighting={name}");
        let straight = bits(&train(&[&weighting, "train.epochs=3"]).model.params);
        assert_eq!(straight == fixed, name == "fixed", "{name}");
        let dir = tempfile::tempdir().unwrap();
        let (settings, target) =
            (settings(dir.path(), &[&weighting, "train.epochs=3"]), dir.path().join("model"));
        run(&settings, &encoder(), &target, false, &mut StopAfter(4)).unwrap();
        let resumed = run(&settings, &encoder(), &target, true, &mut Silent).unwrap();
        assert_eq!(bits(&resumed.model.params), straight, "{name}");
    }
}

#[test]
fn a_run_whose_metric_is_not_defined_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let alike = "{\"text\": \"A boat.\", \"topic\": \"sea\", \"mood\": 1.0}\n";
    std::fs::write(dir.path().join("alike.jsonl"), alike.repeat(3)).unwrap();
    let validation = format!("data.validation=\"{}\"", dir.path().join("alike.jsonl").display());
    let settings = settings(dir.path(), &[&validation, "train.best_metric=mood.pearson"]);
    let target = dir.path().join("model");
    run(&settings, &encoder(), &target, false, &mut StopAfter(4)).unwrap(); // The first epoch has ended.
    let resumed = run(&settings, &encoder(), &target, true, &mut Silent).unwrap();
    assert!(matches!(resumed.outcome, Outcome::Finished { epochs, .. } if epochs.len() == 2));
}

#[test]
fn a_run_goes_on_only_with_what_it_began_with() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("model");
    run(&settings(dir.path(), &[]), &encoder(), &target, false, &mut StopAfter(2)).unwrap();
    let refused = |overrides: &[&str], resume: bool| {
        let settings = settings(dir.path(), overrides);
        run(&settings, &encoder(), &target, resume, &mut Silent).err().unwrap().to_string()
    };
    assert!(refused(&["train.seed=1"], true).contains("`train.seed` was 42 and is 1"));
    assert!(refused(&[], false).contains("holds an unfinished run; go on with it by `--resume`"));
    run(&settings(dir.path(), &["train.checkpoint_every=100"]), &encoder(), &target, true, &mut Silent)
        .unwrap();
    assert!(refused(&[], true).contains("holds a finished model"));
}

#[test]
fn training_stops_when_no_epoch_is_better() {
    let trained = train(&["train.epochs=30", "train.learning_rate=1e-30", "train.early_stopping=2"]);
    let Outcome::Finished { epochs, .. } = trained.outcome else { panic!("it finished") };
    let best: Vec<bool> = epochs.iter().map(|epoch| epoch.best).collect();
    assert_eq!(best, [true, false, false]);
}

#[test]
fn rows_are_held_out_and_batches_keep_to_a_token_budget() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), &["data.validation=0.25", "train.batch_tokens=16"]);
    let trained = run(&settings, &encoder(), &dir.path().join("model"), false, &mut Silent).unwrap();
    assert_eq!((trained.data.train.len(), trained.data.validation.len()), (9, 3));
    let is_held = |text: &str| trained.data.validation.texts().iter().any(|held| held == text);
    assert!(!trained.data.train.texts().iter().any(is_held), "no row is on both sides");
    let log = std::fs::read_to_string(dir.path().join("model/training/metrics.jsonl")).unwrap();
    let rows = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["rows"].as_u64();
    let batches: Vec<u64> = log.lines().filter_map(rows).collect();
    assert!(batches.len() > 2 * 2 && batches.iter().all(|&rows| rows < 9), "{batches:?}");
    assert_eq!(batches.iter().sum::<u64>(), 2 * 9, "every row is seen once an epoch");
}

#[test]
fn accumulated_batches_are_one_large_batch_where_nothing_is_dropped() {
    let still = |overrides: &[&str]| {
        let all =
            [&["task.topic.dropout=0", "task.mood.dropout=0", "train.freeze=[\"backbone\"]"], overrides]
                .concat();
        train(&all)
    };
    let large = still(&["train.batch_size=8"]);
    let small = still(&["train.batch_size=2", "train.gradient_accumulation=4"]);
    for ((_, a), (_, b)) in large.model.params.iter().zip(small.model.params.iter()) {
        let error = a.data().iter().zip(b.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error < 1e-5, "{} differs by {error}", a.name());
    }
}

#[test]
fn a_stopped_run_with_a_sampling_goes_on_to_the_same_bits() {
    let changes: [&[&str]; 4] = [
        &["train.sampling={ kind = \"temperature\", temperature = 3 }", "train.epochs=3"],
        &["train.sampling=equal", "train.epochs=3"],
        &["train.sampling={ kind = \"annealed\", by = \"task\" }", "train.epochs=3"],
        &["train.oversample={ task = \"topic\", max_ratio = 4 }", "train.epochs=3"],
    ];
    let plain = bits(&train(&["train.epochs=3"]).model.params);
    for overrides in changes {
        let dir = tempfile::tempdir().unwrap();
        let few = dir.path().join("few.jsonl");
        std::fs::write(&few, "{\"text\": \"Ships.\", \"topic\": \"sea\"}\n").unwrap();
        let files = format!("data.train=[{:?}, {few:?}]", dir.path().join("rows.jsonl"));
        let overrides = [overrides, &[&files[..]]].concat();
        let settings = settings(dir.path(), &overrides);
        let run = |target: &str, resume: bool, observer: &mut dyn Observer| {
            run(&settings, &encoder(), &dir.path().join(target), resume, observer).unwrap()
        };
        let straight = run("straight", false, &mut Silent);
        assert_ne!(bits(&straight.model.params), plain, "{overrides:?}");
        for stop in [1, 5] {
            run(&format!("stopped-{stop}"), false, &mut StopAfter(stop));
            let resumed = run(&format!("stopped-{stop}"), true, &mut Silent);
            assert_eq!(bits(&resumed.model.params), bits(&straight.model.params), "{overrides:?}");
        }
    }
}
