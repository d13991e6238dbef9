//! `umbel synth` and `umbel demo`.

use crate::project::Project;

#[test]
fn synth_writes_what_train_can_use() {
    let project = Project::new();
    let said = project.ok(&["synth", "-o", "data", "--rows", "60", "--seed", "3"]);
    assert!(said.contains("umbel train data/umbel.toml -o data/model"), "{said}");
    assert_eq!(project.lines("data/train.jsonl").len(), 48);
    let settings = ["--set", "train.epochs=1", "--set", "train.batch_size=8"];
    project.ok(&[&["train", "data/umbel.toml", "-o", "data/model"][..], &settings].concat());

    project.ok(&["synth", "-o", "again", "--rows", "60", "--seed", "3"]);
    assert_eq!(project.files("data")["train.jsonl"], project.files("again")["train.jsonl"]);
    assert_eq!(
        project.files("data")["encoder/model.safetensors"],
        project.files("again")["encoder/model.safetensors"]
    );
}

#[test]
fn synth_names_an_encoder_so_that_its_settings_find_it() {
    let project = Project::new();
    project.ok(&["synth", "-o", "deep/data", "--rows", "60", "--encoder", "encoder", "--missing", "0.5"]);
    assert!(!project.path("deep/data/encoder").exists());
    project.ok(&["train", "deep/data/umbel.toml", "-o", "model", "--set", "train.epochs=1"]);
    assert!(project.error(&["synth", "-o", "x", "--label-noise", "2"]).contains("`label_noise` is 2"));
}

#[test]
fn the_demo_trains_and_answers() {
    let project = Project::new();
    let said = project.ok(&["demo", "--rows", "100", "-o", "demo"]);
    for part in [
        "on 10 sentences it has not seen",
        "on 10 sentences about things, and in judgements, that it was never shown",
        "accuracy",
        "Pearson",
        "Our flight was not good.",
        "umbel predict demo/model",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    assert!(project.path("demo/model/umbel.json").exists() && project.path("demo/data/train.jsonl").exists());
    assert!(project.error(&["demo", "-o", "demo"]).contains("demo/data is there already"));
    let settings = |demo: &str| std::fs::read_to_string(project.path(demo).join("data/umbel.toml")).unwrap();
    assert!(settings("demo").contains("encoder = \"umbel-mini\""));
    project.ok(&["demo", "--rows", "100", "-o", "other", "--encoder", "encoder"]);
    project.ok(&["demo", "--rows", "100", "-o", "scratch", "--from-scratch"]);
    assert!(settings("scratch").contains("encoder = \"encoder\""), "the one with random weights");
}
