//! Heads of a trained model, added, replaced, taken away and calibrated by the program.

use serde_json::Value;

use crate::project::Project;

const ADDED: &str = r#"
data = { train = "train.jsonl", validation = "validation.jsonl" }
train = { epochs = 3, batch_size = 8, learning_rate = 1e-2 }
task = [{ name = "again", kind = "classification", column = "topic" }]
"#;

/// A project with a trained `model`, and `added.toml` for one more task.
fn trained() -> Project {
    let project = Project::new();
    project.train("model", &[]);
    std::fs::write(project.path("added.toml"), ADDED).unwrap();
    project
}

fn tasks(project: &Project, model: &str) -> Vec<String> {
    let predicted = project.ok(&["predict", model, "test.jsonl"]);
    let first: Value = serde_json::from_str(predicted.lines().next().unwrap()).unwrap();
    first.as_object().unwrap().keys().filter(|key| *key != "text").cloned().collect()
}

#[test]
fn heads_come_and_go_and_all_else_is_proven_unchanged() {
    let project = trained();
    let before = project.files("model");
    let shown = project.ok(&["head", "add", "model", "added.toml"]);
    for part in ["trained: again", "unchanged: the answers of topic, sentiment for", "bit for bit"] {
        assert!(shown.contains(part), "no `{part}` in\n{shown}");
    }
    assert_eq!(tasks(&project, "model"), ["topic", "sentiment", "again"]);
    assert!(project.error(&["head", "add", "model", "added.toml"]).contains("`again`"));

    let replaced = ["--json", "head", "replace", "model", "added.toml", "--set", "train.seed=7"];
    let replaced: Value = serde_json::from_str(&project.ok(&replaced)).unwrap();
    assert_eq!(replaced["trained"], serde_json::json!(["again"]));
    project.ok(&["head", "remove", "model", "again"]);
    let after = project.files("model");
    let changed: Vec<&String> =
        after.iter().filter(|(file, bytes)| before.get(*file) != Some(bytes)).map(|(f, _)| f).collect();
    let expected =
        |file: &&&String| ["umbel.json", "training/heads/again/metrics.jsonl"].contains(&file.as_str());
    assert_eq!(changed.iter().filter(expected).count(), changed.len(), "{changed:?}");
    assert_eq!(tasks(&project, "model"), ["topic", "sentiment"]);
}

#[test]
fn tasks_join_a_model_whose_old_answers_are_kept() {
    let project = trained();
    let joint = ["head", "add", "model", "added.toml", "--joint", "joint", "--forgetting", "test.jsonl"];
    let shown = project.ok(&joint);
    for part in
        ["topic: answers the validation rows as before", "sentiment: Pearson was", "model written to joint"]
    {
        assert!(shown.contains(part), "no `{part}` in\n{shown}");
    }
    assert_eq!(tasks(&project, "joint"), ["topic", "sentiment", "again"]);
}

#[test]
fn a_model_is_calibrated_on_rows_that_it_has_not_seen() {
    let project = trained();
    let shown = project.ok(&["calibrate", "model", "validation.jsonl", "--coverage", "0.5"]);
    for part in ["temperature", "ECE", "topic"] {
        assert!(shown.contains(part), "no `{part}` in\n{shown}");
    }
    let predicted = project.ok(&["predict", "model", "test.jsonl"]);
    let rows: Vec<Value> = predicted.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let abstained = rows.iter().filter(|row| row["topic"]["abstained"] == true).count();
    assert!(abstained > 0 && abstained < rows.len(), "{abstained} of {}", rows.len());
}
