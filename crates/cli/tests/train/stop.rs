//! Runs that are killed or asked to stop, and go on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use umbel::random::Random;

use crate::project::{Project, arguments, but_for_checkpoints};

/// Settings of a run that is long enough to be met underway: 288 steps.
const LONG: [&str; 2] = ["--set", "train.epochs=12"];

/// Waits until the run has written so many bytes of metrics after its first checkpoint.
fn wait_for(project: &Project, model: &str, child: &mut Child, bytes: u64) {
    let metrics = project.path(model).join("training/metrics.jsonl");
    let began = Instant::now();
    while !has_checkpoint(project, model)
        || std::fs::metadata(&metrics).map_or(0, |metadata| metadata.len()) < bytes
    {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before {bytes} bytes of metrics");
        assert!(began.elapsed() < Duration::from_secs(120), "the run does not get on");
        std::thread::yield_now();
    }
}

fn has_checkpoint(project: &Project, model: &str) -> bool {
    let folder = project.path(model).join("training/checkpoints");
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with("epoch-"))
}

/// All files, but for how often checkpoints are written, and where the log says that a run went on.
fn same(project: &Project, a: &str, b: &str) {
    let (mut a, mut b) = (but_for_checkpoints(project.files(a)), but_for_checkpoints(project.files(b)));
    for files in [&mut a, &mut b] {
        files.retain(|name, _| !name.contains(".tmp")); // Of a run that was killed while it deleted such.
        let log = files.remove("training/metrics.jsonl").unwrap();
        let log = String::from_utf8(log).unwrap();
        let lines = log.lines().filter(|line| !line.starts_with("{\"event\":\"resume\""));
        files.insert("training/metrics.jsonl".to_string(), lines.collect::<Vec<_>>().join("\n").into_bytes());
    }
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{name} differs");
    }
}

/// A run is killed at twenty moments, every second one inside a save; it may have to be begun more than once.
#[test]
fn a_run_that_is_killed_at_random_moments_ends_in_the_same_bits() {
    let project = Project::new();
    project.train("straight", &LONG);
    let more = [&LONG[..], &["--set", "train.checkpoint_every=7", "--resume"]].concat();
    let mut random = Random::new(7);
    let (mut n_killed, mut n_saving, mut n_finished) = (0, 0, 0);
    while n_killed < 20 {
        let model = format!("killed-{n_finished}");
        let status = match n_killed % 2 {
            0 => abort_at(&project, &model, &more, 1 + random.below(60)),
            _ => kill_after(&project, &model, &more, Duration::from_micros(random.below(250_000) as u64)),
        };
        // It may be killed where only what it no longer needs is left to delete.
        let is_whole = project.path(&model).join("umbel.json").exists() && !has_checkpoint(&project, &model);
        if status || is_whole {
            same(&project, "straight", &model);
            n_finished += 1;
        } else {
            n_killed += 1;
            n_saving += usize::from(is_half_saved(&project, &model));
        }
    }
    assert!(n_saving >= 3, "only {n_saving} of {n_killed} were killed inside a save");
    let model = format!("killed-{n_finished}");
    project.train(&model, &more);
    same(&project, "straight", &model);
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_taken() {
    let project = Project::new();
    let more = ["--set", "train.checkpoint_every=3"];
    assert!(!abort_at(&project, "model", &more, 60));
    let folder = project.path("model/training/checkpoints");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_step = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("epoch-");
    let mut steps: Vec<PathBuf> = names.filter(is_step).collect();
    steps.sort_unstable();
    let [before, newest] = &steps[..] else { panic!("{steps:?}") };
    std::fs::write(newest.join("tensors.safetensors"), b"half").unwrap();
    let output = project.run(&arguments("model", &[&more[..], &["--resume"]].concat()));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let inside = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        said.contains(&format!("{} is damaged: tensors.safetensors has 4 bytes", inside(newest))),
        "{said}"
    );
    assert!(
        said.contains("going on from ") && said.contains(&format!("{}, after step ", inside(before))),
        "{said}"
    );
}

/// Runs until the n-th operation of the disk, or to the end; true if it came there.
fn abort_at(project: &Project, model: &str, more: &[&str], n: usize) -> bool {
    let mut command = project.command(&arguments(model, more));
    command.env("UMBEL_FAILPOINT", format!("abort:{n}")).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

/// Kills a run after some time, unless it has come to its end; true if it had.
fn kill_after(project: &Project, model: &str, more: &[&str], time: Duration) -> bool {
    let mut child = project.spawn(model, more);
    std::thread::sleep(time);
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap().success()
}

/// True if something lies there that was not written to its end.
fn is_half_saved(project: &Project, model: &str) -> bool {
    project.files(model).keys().any(|name| name.contains(".tmp"))
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

#[test]
fn ctrl_c_stops_a_run_after_the_step_and_a_second_one_at_once() {
    let project = Project::new();
    let more = [&LONG[..], &["--set", "train.checkpoint_every=1"]].concat();
    let signal = |child: &Child| {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    };
    let mut child = project.spawn("once", &more);
    wait_for(&project, "once", &mut child, 3_000);
    signal(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("stopped after step "));

    let mut child = project.spawn("twice", &more);
    wait_for(&project, "twice", &mut child, 3_000);
    signal(&child);
    signal(&child);
    // Both may come before the first is seen, which is then one.
    assert!([Some(0), Some(130)].contains(&child.wait().unwrap().code()));
    project.train("twice", &[&more[..], &["--resume"]].concat());
    project.train("straight", &LONG);
    same(&project, "straight", "twice");
}

fn refuses_other_settings(project: &Project, more: &[&str]) {
    let before = project.files("stopped");
    let other = [more, &["--set", "train.weight_decay=0.5", "--resume"]].concat();
    let error = project.error(&arguments("stopped", &other));
    assert!(error.contains("`train.weight_decay` was 0.01 and is 0.5"), "{error}");
    let after = project.files("stopped");
    assert_eq!(before["training/settings.toml"], after["training/settings.toml"]);
    let checkpoints = |files: &BTreeMap<String, Vec<u8>>| {
        let mut files = files.clone();
        files.retain(|name, _| name.starts_with("training/checkpoints/"));
        files
    };
    assert!(!checkpoints(&before).is_empty() && checkpoints(&before) == checkpoints(&after));
}
