//! The same settings, seed and data give the same bits.

use crate::project::{Project, but_for_checkpoints};

#[test]
fn two_runs_with_one_seed_are_the_same_and_another_seed_is_not() {
    let project = Project::new();
    project.train("a", &[]);
    project.train("b", &[]);
    assert_eq!(project.files("a"), project.files("b"));
    project.train("c", &["--set", "train.seed=7"]);
    assert_ne!(project.files("a")["model.safetensors"], project.files("c")["model.safetensors"]);
}

#[test]
fn the_shape_of_checkpoints_leaves_no_trace() {
    let project = Project::new();
    project.train("a", &[]);
    project.train("b", &["--set", "train.checkpoint_every=1"]);
    assert_eq!(but_for_checkpoints(project.files("a")), but_for_checkpoints(project.files("b")));
}
