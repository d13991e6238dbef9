//! Heads added to a trained model, trained anew and taken away: all other files and answers keep their bits.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use umbel::Model;
use umbel::model::{Prediction, check_files};
use umbel::settings::Settings;
use umbel::train::Silent;
use umbel::train::rejoin::train_jointly;
use umbel::train::run::run;
use umbel::train::surgery::{remove_heads, train_heads};

const TEXTS: [&str; 4] = ["The harbour was quiet", "A refund please", "The tide is high", "My order is late"];

fn rows() -> String {
    let row = |(i, text): (usize, &&str)| {
        let (topic, mood) = (["sea", "shop"][i % 2], i as f32 - 1.5);
        let urgent = if topic == "shop" { "yes" } else { "no" };
        format!(r#"{{"text": "{text}", "topic": "{topic}", "mood": {mood}, "urgent": "{urgent}"}}"#)
    };
    TEXTS.iter().enumerate().map(row).collect::<Vec<_>>().join("\n")
}

fn settings(folder: &Path, tasks: &str) -> Settings {
    let data = folder.join("rows.jsonl");
    std::fs::write(&data, rows()).unwrap();
    let text = format!(
        r#"
        model = {{ encoder = "bert", projection = {{ size = 12 }} }}
        data = {{ train = "{0}", validation = "{0}" }}
        train = {{ epochs = 30, batch_size = 4, learning_rate = 1e-2 }}
        task = [{tasks}]
        "#,
        data.display()
    );
    Settings::parse(&text, &[]).unwrap()
}

/// A model with the tasks `topic` and `mood`.
fn trained() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let encoder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
    let tasks = r#"{ name = "topic", kind = "classification" }, { name = "mood", kind = "regression" }"#;
    let target = dir.path().join("model");
    run(&settings(dir.path(), tasks), &encoder, &target, false, &mut Silent).unwrap();
    (dir, target)
}

fn answers(dir: &Path, tasks: &[&str]) -> Vec<Prediction> {
    Model::open(dir).unwrap().predict_tasks(&TEXTS, tasks).unwrap().predictions
}

fn hashes(dir: &Path) -> BTreeMap<String, String> {
    check_files(dir).unwrap().into_iter().map(|file| (file.path, file.sha256)).collect()
}

const URGENT: &str = r#"{ name = "urgent", kind = "classification", hidden = { size = 6 } }"#;

#[test]
fn a_head_comes_and_goes_and_nothing_else_changes() {
    let (dir, model) = trained();
    let (files, before) = (hashes(&model), answers(&model, &["topic", "mood"]));

    // The warm-up would move the encoder, so a head is trained without it.
    let mut wanted = settings(dir.path(), &URGENT.replace("size = 6 }", "size = 6 }, calibrate = true"));
    let steps = umbel::settings::ContrastSettings { steps: 20, learning_rate: 1e-2, ..Default::default() };
    wanted.train.contrast = Some(steps);
    let added = train_heads(&model, &wanted, false, &mut Silent).unwrap().unwrap();
    assert_eq!((added.tasks_unchanged, added.n_texts_compared), (vec!["topic".into(), "mood".into()], 4));
    assert!(added.n_files_unchanged >= 5, "{}", added.n_files_unchanged);
    assert_eq!(answers(&model, &["topic", "mood"]), before);
    let urgent = answers(&model, &["urgent"]);
    let labels: Vec<_> =
        urgent.iter().map(|row| serde_json::to_value(row).unwrap()["urgent"]["label"].clone()).collect();
    assert_eq!(labels, ["no", "yes", "no", "yes"], "the new head has learned");

    let manifest = std::fs::read_to_string(model.join("umbel.json")).unwrap();
    assert!(manifest.contains("temperature"), "the head is calibrated: {manifest}");

    let mut again = settings(dir.path(), URGENT);
    again.train.seed = 7;
    let replaced = train_heads(&model, &again, true, &mut Silent).unwrap().unwrap();
    assert_eq!(
        (replaced.trained, answers(&model, &["topic", "mood"])),
        (vec!["urgent".to_string()], before.clone())
    );
    assert_ne!(answers(&model, &["urgent"]), urgent, "the head was trained anew");
    assert_eq!(Model::open(&model).unwrap().heads().len(), 3);

    remove_heads(&model, &["urgent".to_string()]).unwrap();
    assert_eq!(answers(&model, &["topic", "mood"]), before);
    let now = hashes(&model);
    assert!(!now.keys().any(|file| file.contains("urgent")), "{now:?}");
    assert!(files.iter().all(|(file, hash)| file == "umbel.json" || now[file] == *hash));
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let (dir, model) = trained();
    let before = hashes(&model);
    let topic = r#"{ name = "topic", kind = "classification" }"#;
    let error =
        train_heads(&model, &settings(dir.path(), topic), false, &mut Silent).unwrap_err().to_string();
    assert!(error.ends_with("has a task `topic` already; `umbel head replace` trains it anew"), "{error}");
    let error =
        train_heads(&model, &settings(dir.path(), URGENT), true, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("unknown task `urgent`; there is: topic, mood"), "{error}");
    let number = r#"{ name = "other", column = "mood", kind = "regression", calibrate = true }"#;
    let error =
        train_heads(&model, &settings(dir.path(), number), false, &mut Silent).unwrap_err().to_string();
    assert!(
        error.contains("task `other` cannot be calibrated: a regression has no probabilities"),
        "{error}"
    );
    let error = remove_heads(&model, &["urgent".to_string()]).unwrap_err().to_string();
    assert!(error.contains("unknown task `urgent`"), "{error}");
    assert_eq!(hashes(&model), before);
}

#[test]
fn joint_training_keeps_the_old_answers_and_tells_what_was_forgotten() {
    let (dir, model) = trained();
    let before = hashes(&model);
    let mut wanted = settings(dir.path(), URGENT);
    wanted.train.learning_rate = 2e-3;
    let labelled = [dir.path().join("rows.jsonl")];
    let joint = wanted.clone();
    let trained = |keep: f32, name: &str| {
        let target = dir.path().join(name);
        let done = train_jointly((&model, &target), &joint, keep, &labelled, &mut Silent).unwrap().unwrap();
        (done, target)
    };
    let (done, target) = trained(10.0, "kept");
    assert_eq!(hashes(&model), before, "the old model is as it was");
    let joined = Model::open(&target).unwrap();
    assert_eq!(
        joined.heads().iter().map(umbel::model::Head::name).collect::<Vec<_>>(),
        ["topic", "mood", "urgent"]
    );
    assert_eq!(done.kept[0], ("topic".to_string(), 1.0));
    assert!(done.kept[1].1 > 0.98, "{:?}", done.kept);
    let tasks: Vec<_> = done.forgetting.iter().map(|found| (&found.task[..], found.n)).collect();
    assert_eq!(tasks, [("topic", 4), ("mood", 4)]);
    assert!(done.forgetting[1].after > done.forgetting[1].before - 0.05, "{:?}", done.forgetting);
    let score = |dir: &Path| {
        serde_json::to_value(&answers(dir, &["mood"])[0]).unwrap()["mood"]["score"].as_f64().unwrap()
    };
    let (old, kept, not_kept) = (score(&model), score(&target), score(&trained(0.0, "not-kept").1));
    assert!((kept - old).abs() < (not_kept - old).abs(), "{old}, kept {kept}, not kept {not_kept}");
    let error = train_jointly((&model, &target), &wanted, 1.0, &[], &mut Silent).unwrap_err().to_string();
    assert!(error.ends_with("is not empty; choose another folder"), "{error}");
    wanted.train.reinit_layers = 1;
    let error = train_jointly((&model, &target), &wanted, 1.0, &[], &mut Silent).unwrap_err().to_string();
    assert!(error.contains("`train.reinit_layers` is not for joining tasks"), "{error}");
}
