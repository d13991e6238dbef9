//! The events for TensorBoard of a run that was stopped.

use crate::project::{FOUR, LABELS, Project};

/// How many records a file of events has.
fn n_records(mut file: &[u8]) -> usize {
    let mut n = 0;
    while let Some((length, _)) = file.split_first_chunk::<8>() {
        file = &file[16 + u64::from_le_bytes(*length) as usize..];
        n += 1;
    }
    n
}

#[test]
fn a_run_that_goes_on_has_one_event_a_line_and_no_step_twice() {
    let project = Project::new(FOUR, LABELS.len(), &["train.tensorboard=true", "train.checkpoint_every=4"]);
    assert!(!project.train("model", Some(5)));
    assert!(!project.train("model", Some(11)));
    assert!(project.train("model", None));
    let file = std::fs::read(project.path("model/training/tensorboard/events.out.tfevents.0.umbel")).unwrap();
    let n_lines = project.read("model/training/metrics.jsonl").lines().count();
    assert_eq!(n_records(&file), 1 + n_lines);
}

#[test]
fn without_the_setting_there_are_no_events() {
    let project = Project::new(FOUR, LABELS.len(), &["train.epochs=1"]);
    project.page();
    assert!(!project.path("model/training/tensorboard").exists());
}
