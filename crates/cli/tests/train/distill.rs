//! `umbel distill`.

use crate::project::Project;

const STUDENT: &str = "[student]\nhidden_size = 8\nlayers = 1\nheads = 2\nmax_length = 32\n\
                       [corpus]\nvalidation = 8\nmax_length = 32\n[train]\nepochs = 2\nbatch_size = 16\n";

const ARGUMENTS: [&str; 10] = [
    "distill",
    "encoder",
    "--student",
    "student.toml",
    "--corpus",
    "train.jsonl",
    "--cache",
    "cache",
    "-o",
    "student",
];

#[test]
fn distill_writes_an_encoder_that_other_commands_take() {
    let project = Project::new();
    std::fs::write(project.path("student.toml"), STUDENT).unwrap();
    let said = project.ok(&ARGUMENTS);
    assert!(said.contains("mean cosine to the teacher on held-out texts: 0."), "{said}");
    assert!(said.contains("umbel embed student"), "{said}");
    let embedded = project.ok(&["embed", "student", "test.jsonl"]);
    let first: serde_json::Value = serde_json::from_str(embedded.lines().next().unwrap()).unwrap();
    assert_eq!(first["embedding"].as_array().unwrap().len(), 16);
    assert!(project.error(&ARGUMENTS).contains("holds a finished model"));
}

#[test]
fn wrong_students_are_refused() {
    let project = Project::new();
    std::fs::write(project.path("student.toml"), STUDENT.replace("layers", "layer")).unwrap();
    let error = project.error(&ARGUMENTS);
    assert!(error.contains("student.toml") && error.contains("(did you mean `layers`?)"), "{error}");
}
