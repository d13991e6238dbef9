//! Runs that are killed or asked to stop, and go on.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::project::{Project, arguments};

/// Settings of a run that is long enough to be met underway: 288 steps.
const LONG: [&str; 2] = ["--set", "train.epochs=12"];

/// Waits until the run has written so many bytes of metrics after its first checkpoint.
fn wait_for(project: &Project, model: &str, child: &mut Child, bytes: u64) {
    let metrics = project.path(model).join("training/metrics.jsonl");
    let checkpoint = project.path(model).join("training/checkpoint.safetensors");
    let began = Instant::now();
    while !checkpoint.exists() || std::fs::metadata(&metrics).map_or(0, |metadata| metadata.len()) < bytes {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before {bytes} bytes of metrics");
        assert!(began.elapsed() < Duration::from_secs(120), "the run does not get on");
        std::thread::yield_now();
    }
}

/// All files but the settings, which name how often checkpoints are written.
fn same(project: &Project, a: &str, b: &str) {
    let (mut a, mut b) = (project.files(a), project.files(b));
    assert!(a.remove("training/settings.toml").is_some() && b.remove("training/settings.toml").is_some());
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{name} differs");
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_in_the_same_bits() {
    let project = Project::new();
    project.train("straight", &LONG);
    let more = [&LONG[..], &["--set", "train.checkpoint_every=7", "--resume"]].concat();
    for bytes in [1, 15_000, 30_000] {
        let mut child = project.spawn("killed", &more);
        wait_for(&project, "killed", &mut child, bytes);
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        assert!(!project.path("killed/umbel.json").exists());
    }
    project.train("killed", &more);
    same(&project, "straight", "killed");
}

#[test]
fn a_run_that_is_asked_to_stop_says_how_to_go_on_and_ends_in_the_same_bits() {
    let project = Project::new();
    project.train("straight", &LONG);
    let more = [&LONG[..], &["--set", "train.checkpoint_every=1"]].concat();
    let mut child = project.spawn("stopped", &more);
    wait_for(&project, "stopped", &mut child, 3_000);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("stopped after step ") && said.contains("of 288; go on with"), "{said}");
    assert!(
        said.contains("umbel train umbel.toml -o stopped ") && said.trim_end().ends_with("--resume"),
        "{said}"
    );
    assert!(!project.path("stopped/umbel.json").exists());

    refuses_other_settings(&project, &more);
    let error = project.error(&arguments("stopped", &more));
    assert!(error.contains("holds an unfinished run; go on with it by `--resume`"), "{error}");
    project.train("stopped", &[&more[..], &["--resume"]].concat());
    same(&project, "straight", "stopped");
}

fn refuses_other_settings(project: &Project, more: &[&str]) {
    let before = project.files("stopped");
    let other = [more, &["--set", "train.weight_decay=0.5", "--resume"]].concat();
    let error = project.error(&arguments("stopped", &other));
    assert!(error.contains("`train.weight_decay` was 0.01 and is 0.5"), "{error}");
    let after = project.files("stopped");
    assert_eq!(before["training/settings.toml"], after["training/settings.toml"]);
    assert_eq!(before["training/checkpoint.safetensors"], after["training/checkpoint.safetensors"]);
}
