//! What training prints and writes.

use serde_json::Value;

use crate::project::Project;

#[test]
fn a_run_says_what_it_does_and_writes_a_model_folder() {
    let project = Project::new();
    let output = project.run(&crate::project::arguments("model", &[]));
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{progress}");
    for part in [
        "(bert, 2 layers of 16)",
        "all of them trained",
        "96 rows to train on",
        "48 in 2 epochs",
        "epoch 2 of 2",
    ] {
        assert!(progress.contains(part), "no `{part}` in\n{progress}");
    }
    let results = String::from_utf8(output.stdout).unwrap();
    for part in [
        "validation: 12 rows",
        "macro F1",
        "precision",
        "true \\ predicted",
        "R²",
        "Spearman",
        "test: 12 rows",
        "report written to model/training/report.html",
        "| umbel predict model",
    ] {
        assert!(results.contains(part), "no `{part}` in\n{results}");
    }
    let files: Vec<String> = project.files("model").into_keys().collect();
    for file in [
        "1_Pooling/config.json",
        "README.md",
        "config.json",
        "heads/sentiment/model.safetensors",
        "heads/topic/model.safetensors",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
        "training/metrics.jsonl",
        "training/report.html",
        "training/settings.toml",
        "training/test.json",
        "umbel.json",
    ] {
        assert!(files.iter().any(|found| found == file), "no `{file}` in {files:?}");
    }
    let left = files
        .iter()
        .find(|file| file.ends_with(".tmp") || file.contains("checkpoint") || file.contains("best."));
    assert_eq!(left, None);
}

#[test]
fn json_has_every_epoch_and_the_test_scores() {
    let project = Project::new();
    let found: Value = serde_json::from_str(&project.train("model", &["--json"])).unwrap();
    assert_eq!(found["epochs"].as_array().unwrap().len(), 2);
    assert_eq!(found["run"]["n_steps"], 48);
    assert!(found["epochs"][1]["validation"][0]["metrics"]["accuracy"].is_f64());
    let written: Value = serde_json::from_slice(&project.files("model")["training/test.json"]).unwrap();
    assert_eq!(found["test"], written);
}

#[test]
fn predictions_have_every_validation_and_test_row() {
    let project = Project::new();
    project.train("model", &["--predictions", "predictions.jsonl"]);
    let rows = project.lines("predictions.jsonl");
    let data = [("validation", project.lines("validation.jsonl")), ("test", project.lines("test.jsonl"))];
    let expected: Vec<(&str, &Value)> =
        data.iter().flat_map(|(split, rows)| rows.iter().map(|row| (*split, row))).collect();
    assert_eq!(rows.len(), expected.len());
    for (row, (split, expected)) in rows.iter().zip(expected) {
        assert_eq!((&row["text"], row["split"].as_str()), (&expected["text"], Some(split)));
        assert_eq!(row["labels"]["topic"], expected["topic"]);
        assert_eq!(row["labels"]["sentiment"], expected["sentiment"]);
        assert!(row["predictions"]["topic"]["probabilities"]["food"].is_f64());
        assert!(row["predictions"]["sentiment"]["score"].is_f64());
    }
}

#[test]
fn predictions_may_be_csv() {
    let project = Project::new();
    project.train("model", &["--predictions", "predictions.csv"]);
    let text = std::fs::read_to_string(project.path("predictions.csv")).unwrap();
    let header = "text,split,topic,topic_predicted,topic_probability,sentiment,sentiment_predicted";
    assert_eq!((text.lines().next(), text.lines().count()), (Some(header), 25));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let project = Project::new();
    let error = project.error(&["train", "umbel.toml", "-o", "model", "--set", "train.epocs=3"]);
    assert!(error.contains("did you mean `epochs`?"), "{error}");
    assert!(!project.path("model").exists());
}

#[test]
fn a_settings_file_that_is_not_there_is_named_once() {
    let error = Project::new().error(&["train", "none.toml", "-o", "model"]);
    assert_eq!(error.matches("os error 2").count(), 1, "{error}");
    assert!(error.starts_with("error: none.toml: "), "{error}");
}

#[test]
fn nothing_is_overwritten() {
    let project = Project::new();
    project.train("model", &[]);
    let before = project.files("model");
    for more in [&[][..], &["--resume"]] {
        let error = project.error(&crate::project::arguments("model", more));
        assert!(error.contains("model holds a finished model; choose another folder"), "{error}");
    }
    assert_eq!(project.files("model"), before);
    assert!(project.error(&crate::project::arguments(".", &[])).contains("is not empty"));
}

#[test]
fn texts_that_are_cut_are_a_warning() {
    let project = Project::new();
    let output = project.run(&crate::project::arguments("model", &["--set", "model.max_length=6"]));
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(warning.contains("longer than 6 tokens"), "{warning}");
    assert!(warning.contains("raise `model.max_length` (the encoder reads 64 tokens)"), "{warning}");
}

#[test]
fn a_folder_for_predictions_that_is_not_there_is_refused_before_training() {
    let project = Project::new();
    let error = project.error(&crate::project::arguments("model", &["--predictions", "none/a.csv"]));
    assert!(error.contains("there is no folder none"), "{error}");
    assert!(!project.path("model").exists());
}

#[test]
fn the_flag_for_tensorboard_writes_events_and_leaves_the_model_as_it_is() {
    let project = Project::new();
    project.train("plain", &[]);
    project.train("watched", &["--tensorboard"]);
    let (plain, mut watched) = (project.files("plain"), project.files("watched"));
    let events = watched.remove("training/tensorboard/events.out.tfevents.0.umbel").unwrap();
    assert!(events.len() > 1000, "{} bytes of events", events.len());
    assert_eq!(plain.keys().collect::<Vec<_>>(), watched.keys().collect::<Vec<_>>());
    assert_eq!(plain["model.safetensors"], watched["model.safetensors"]);
    assert_eq!(plain["training/metrics.jsonl"], watched["training/metrics.jsonl"]);
}
