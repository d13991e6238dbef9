//! Files of a model folder that are not what they should be, or lie elsewhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use umbel::Model;
use umbel::settings::TaskSettings;

use super::{bert, change, check, complaint, copy};

const FILES: [&str; 4] = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

#[test]
fn what_is_no_regular_file_is_refused() {
    for file in FILES {
        let replace = |with: fn(&Path)| {
            move |dir: &Path| {
                fs::remove_file(dir.join(file)).unwrap();
                with(&dir.join(file));
            }
        };
        let expected = format!("{file}: expected a regular file, found");
        check(replace(|path| fs::create_dir(path).unwrap()), &format!("{expected} a folder"));
        let pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        check(replace(pipe), &format!("{expected} a pipe"));
        check(
            replace(|path| symlink("/dev/zero", path).unwrap()),
            &format!("{expected} a pipe, a socket or a device"),
        );
    }
    for file in
        ["umbel.json", "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"]
    {
        let expected = format!("{file}: expected a regular file, found a folder");
        check(|dir| fs::create_dir(dir.join(file)).unwrap(), &expected);
    }
}

#[test]
fn a_link_out_of_the_folder_is_refused() {
    for file in FILES {
        let elsewhere = bert().join(file).canonicalize().unwrap();
        let link = |dir: &Path| {
            fs::remove_file(dir.join(file)).unwrap();
            symlink(&elsewhere, dir.join(file)).unwrap();
        };
        check(link, &format!("{file}: the path `{file}` is a link that leads outside of the model's folder"));
    }
    let module = |path: &str| {
        let class = |name: &str| format!("sentence_transformers.models.{name}");
        let modules =
            json!([{"type": class("Transformer"), "path": ""}, {"type": class("Pooling"), "path": path}]);
        move |dir: &Path| {
            symlink("/etc", dir.join("link")).unwrap();
            fs::write(dir.join("modules.json"), modules.to_string()).unwrap();
        }
    };
    check(module("../1_Pooling"), "module 1: the path `../1_Pooling` leads outside");
    check(module("/etc"), "module 1: the path `/etc` leads outside");
    check(module("link"), "module 1: the path `link` is a link that leads outside");
}

#[test]
fn a_link_within_the_folder_is_followed() {
    let dir = copy(&bert());
    fs::rename(dir.path().join("config.json"), dir.path().join("real.json")).unwrap();
    symlink("real.json", dir.path().join("config.json")).unwrap();
    assert_eq!(complaint(dir.path()), None);
}

#[test]
fn files_with_holes_are_not_read_into_memory() {
    for file in FILES.iter().filter(|file| file.ends_with(".json")) {
        let blow_up = |dir: &Path| {
            fs::File::options().write(true).open(dir.join(file)).unwrap().set_len(1 << 40).unwrap();
        };
        check(blow_up, "the file has 1099511627776 bytes; expected 268435456 at most");
    }
    let blow_up = |dir: &Path| {
        fs::File::options()
            .write(true)
            .open(dir.join("model.safetensors"))
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
    };
    check(blow_up, "it is truncated or damaged");
}

/// A model of the small BERT with a head for each of the tasks.
fn with_heads(tasks: &[Value]) -> tempfile::TempDir {
    let mut model = Model::open(&bert()).unwrap();
    for task in tasks {
        let settings: TaskSettings = serde_json::from_value(task.clone()).unwrap();
        let task = umbel::task::make(&settings).unwrap();
        model.add_head(settings, task, 1).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    model.save(dir.path()).unwrap();
    dir
}

#[track_caller]
fn check_manifest(edit: impl FnOnce(&mut Value), expected: &str) {
    let topic = json!({"name": "topic", "kind": "classification", "labels": ["a", "b"]});
    let mood = json!({"name": "mood", "kind": "regression", "mean": [1.0], "sd": [2.0]});
    let dir = with_heads(&[topic, mood]);
    change(&dir.path().join("umbel.json"), edit);
    let opened = Model::open(dir.path()).and_then(|model| model.predict(&["a text"]));
    let Err(error) = opened else { panic!("it is refused") };
    let message = error.to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_manifest_that_does_not_fit_is_refused() {
    check_manifest(
        |m| *m = json!({"format": 2}),
        "umbel.json: format 2 is newer than this version reads (1)",
    );
    check_manifest(|m| *m = json!([]), "umbel.json: invalid length 0");
    check_manifest(|m| m["format"] = json!(-1), "umbel.json: invalid value");
    check_manifest(
        |m| m["tasks"][0]["name"] = json!("../topic"),
        "umbel.json: task name `../topic` cannot be",
    );
    check_manifest(|m| m["tasks"][0]["name"] = json!("mood"), "umbel.json: two tasks are called `mood`");
    check_manifest(
        |m| m["tasks"][0]["name"] = json!("new"),
        "heads/new/model.safetensors: there is no such file",
    );
    check_manifest(|m| m["tasks"][0]["kind"] = json!("oracle"), "umbel.json: unknown kind of task `oracle`");
    check_manifest(
        |m| m["tasks"][0]["labels"] = json!([]),
        "task `topic`: `labels` has 0 names; expected 2 or more",
    );
    let more = json!(["a", "b", "c"]);
    check_manifest(|m| m["tasks"][0]["labels"] = more, "`weight` has shape [2, 32]; expected [3, 32]");
    check_manifest(|m| m["tasks"][1]["mean"] = json!([]), "task `mood`: `mean` and `sd` need 1 numbers each");
    let nothing = |m: &mut Value| (m["tasks"][1]["mean"], m["tasks"][1]["sd"]) = (json!([]), json!([]));
    check_manifest(nothing, "task `mood`: `mean` and `sd` are missing; expected 1 numbers each");
    check_manifest(|m| m["tasks"][1]["size"] = json!(1u64 << 62), "`mean` and `sd` need");
    check_manifest(|m| m["files"][0]["path"] = json!("../x"), "the path `../x` leads outside");
    check_manifest(|m| m["files"][0]["path"] = json!("/dev/zero"), "the path `/dev/zero` leads outside");
    check_manifest(
        |m| m["files"][0]["path"] = json!("heads"),
        "heads: expected a regular file, found a folder",
    );
    check_manifest(
        |m| m["tasks"][1]["sd"] = json!([1e39]),
        "`mean` or `sd` has inf; expected finite numbers",
    );
}
