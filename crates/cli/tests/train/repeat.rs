//! The same settings, seed and data give the same bits.

use crate::project::Project;

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
    let (mut a, mut b) = (project.files("a"), project.files("b"));
    a.remove("training/settings.toml");
    b.remove("training/settings.toml");
    assert_eq!(a, b);
}
