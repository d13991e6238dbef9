//! `umbel check` on folders of tiny files.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const GOOD: &str = "text,topic,mood\none,x,1\ntwo,y,2\nthree,x,3\nfour,y,\n";

/// A folder with a settings file, training and validation rows.
fn folder(train: &str, validation: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let encoder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
    let settings = format!(
        "[model]\nencoder = {encoder:?}\n\
         [[task]]\nname = \"topic\"\nkind = \"classification\"\n\
         [[task]]\nname = \"mood\"\nkind = \"regression\"\n\
         [data]\ntrain = \"train.csv\"\nvalidation = \"validation.csv\"\n"
    );
    let write = |name: &str, content: &str| std::fs::write(dir.path().join(name), content).unwrap();
    write("umbel.toml", &settings);
    write("train.csv", train);
    write("validation.csv", validation);
    dir
}

fn check(dir: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_umbel"));
    command.arg("check").arg(dir.join("umbel.toml")).args(more).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn good_data_has_no_errors() {
    let dir = folder(GOOD, "text,topic,mood\nfive,x,1\nsix,y,2\n");
    let output = check(dir.path(), &[]);
    let found = stdout(&output);
    assert!(output.status.success(), "{found}");
    for expected in
        ["task `topic` (classification)", "task `mood` (regression)", "tokens of a text", "0 errors"]
    {
        assert!(found.contains(expected), "no `{expected}` in {found}");
    }
}

#[test]
fn an_error_is_shown_with_its_lines_and_fails() {
    let dir = folder(GOOD, "text,topic,mood\nfive,x,1\ntwo,y,2\n");
    let output = check(dir.path(), &[]);
    let found = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{found}");
    assert!(found.contains("error: the text of 1 row of validation is in training too"), "{found}");
    assert!(found.contains("train.csv:3 and "), "{found}");
    assert!(found.contains("validation.csv:3  \"two\""), "{found}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.ends_with("1 error must be corrected\n"), "{said}");
}

#[test]
fn leakage_can_be_allowed() {
    let dir = folder(GOOD, "text,topic,mood\nfive,x,1\nTWO!,y,2\n");
    assert_eq!(check(dir.path(), &[]).status.code(), Some(1));
    for allow in [&["--allow-leakage"][..], &["--set", "check.allow_leakage=true"]] {
        let output = check(dir.path(), allow);
        assert!(output.status.success(), "{}", stdout(&output));
        assert!(
            stdout(&output)
                .contains("warning: the text of 1 row of validation is in training too, but for case")
        );
    }
}

#[test]
fn json_says_the_same() {
    let dir = folder(GOOD, "text,topic,mood\nfive,x,1\ntwo,y,2\n");
    let output = check(dir.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"][0]["name"], "same_text");
    assert_eq!(report["findings"][0]["severity"], "error");
    assert_eq!(report["findings"][0]["examples"][0]["places"][0]["line"], 3);
    assert_eq!(report["tasks"][0]["classes"][0]["rows"], serde_json::json!([2, 1]));
}

#[test]
fn settings_can_be_changed_for_once() {
    let dir = folder(GOOD, "text,topic,mood\nfive,x,1\nsix,y,2\n");
    let output = check(dir.path(), &["--set", "train.freeze=[\"head:tpoic\"]"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("did you mean `topic`?"), "{}", stdout(&output));
}

#[test]
fn an_encoder_that_is_not_there_is_a_note() {
    let dir = folder(GOOD, "text,topic,mood\nfive,x,1\nsix,y,2\n");
    let output = check(dir.path(), &["--set", "model.encoder=\"./nowhere\""]);
    let found = stdout(&output);
    assert!(output.status.success(), "{found}");
    assert!(found.contains("note: the encoder is not to be had"), "{found}");
}

#[test]
fn tasks_that_share_rows_are_a_table() {
    let dir = folder(GOOD, "text,topic,mood\nfive,x,1\nsix,y,2\n");
    let found = stdout(&check(dir.path(), &[]));
    let expected = "         topic  mood\n  topic      4     3\n  mood       3     3\n";
    assert!(found.contains(expected), "{found}");
}

#[test]
fn doubted_labels_are_shown_and_written() {
    let row = |i: usize| {
        let (words, topic) = if i.is_multiple_of(2) { ("boat tide", "sea") } else { ("bread order", "shop") };
        let topic = if i == 20 { "shop" } else { topic };
        format!("{words} {words} {i},{topic},{}\n", i % 3)
    };
    let rows = |from: usize, to: usize| (from..to).map(row).collect::<String>();
    let head = "text,topic,mood\n";
    let dir = folder(&format!("{head}{}", rows(0, 80)), &format!("{head}{}", rows(80, 90)));
    let path = dir.path().join("noise.jsonl");
    let set = ["--set", "check.noise.epochs=40", "--set", "check.noise.learning_rate=0.03"];
    let flags = ["--noise", "--noise-output", path.to_str().unwrap()];
    let output = check(dir.path(), &[&set[..], &flags].concat());
    let found = stdout(&output);
    assert!(output.status.success(), "{found}");
    assert!(found.contains("answers by heads that did not learn from the rows"), "{found}");
    assert!(found.contains("warning: task `topic`: "), "{found}");
    assert!(found.contains("train.csv:22  \"shop\", likely \"sea\""), "{found}");
    let written = std::fs::read_to_string(&path).unwrap();
    let first: Value = serde_json::from_str(written.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["line"], &first["given"], &first["suggested"]),
        (&22.into(), &"shop".into(), &"sea".into())
    );
    assert_eq!(check(dir.path(), &["--noise-output", "x"]).status.code(), Some(2));
}
