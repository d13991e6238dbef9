//! `umbel predict`.

use std::io::{BufRead, BufReader, Read, Write};

use serde_json::json;

use super::*;

#[test]
fn each_text_is_answered_in_the_order_of_the_input() {
    let model = trained();
    let lines = umbel(&["predict", str(model.path())], "a fine film\n\na bad hotel\n").lines();
    let expected = Model::open(model.path()).unwrap().predict(&["a fine film", "", "a bad hotel"]).unwrap();
    assert_eq!(lines.len(), 3);
    for (line, (text, prediction)) in
        lines.iter().zip(["a fine film", "", "a bad hotel"].iter().zip(expected.predictions))
    {
        let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["text", "domain", "sentiment"]);
        assert_eq!(line["text"], *text);
        let expected: Value = serde_json::from_str(&serde_json::to_string(&prediction).unwrap()).unwrap();
        assert_eq!((&line["domain"], &line["sentiment"]), (&expected["domain"], &expected["sentiment"]));
    }
}

#[test]
fn only_the_wanted_tasks_are_answered_and_the_embedding_comes_from_the_same_pass() {
    let model = trained();
    let args = ["predict", str(model.path()), "--task", "sentiment", "--embedding"];
    let line = umbel(&args, "{\"text\": \"a\"}\n").lines().remove(0);
    assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["text", "sentiment", "embedding"]);
    let embedded = umbel(&["embed", str(model.path())], "a\n").lines().remove(0);
    assert_eq!(line["embedding"], embedded["embedding"]);
}

#[test]
fn prompts_change_answers_and_fewer_numbers_do_not() {
    let model = trained();
    write(&model, "config_sentence_transformers.json", r#"{"prompts": {"query": "film "}}"#);
    let predict = |flags: &[&str], text: &str| {
        let mut line = umbel(&[&["predict", str(model.path())], flags].concat(), text).lines().remove(0);
        line.as_object_mut().unwrap().remove("text");
        line
    };
    assert_eq!(predict(&["--prompt", "query"], "a\n"), predict(&[], "film a\n"));
    let mut first = predict(&["--embedding", "--truncate-dim", "3"], "a\n");
    let first_numbers = first.as_object_mut().unwrap().remove("embedding").unwrap();
    assert_eq!((first_numbers.as_array().unwrap().len(), first), (3, predict(&[], "a\n")));
    umbel(&["predict", str(model.path()), "--truncate-dim", "3"], "").failed(2, "--embedding");

    let rows = write(&model, "rows.jsonl", "{\"text\": \"a\", \"domain\": \"film\"}\n");
    let typed = write(&model, "typed.jsonl", "{\"text\": \"film a\", \"domain\": \"film\"}\n");
    let eval = |flags: &[&str]| umbel(&[&["eval", str(model.path()), "--json"], flags].concat(), "").lines();
    assert_eq!(eval(&[&rows, "--prompt", "query"]), eval(&[&typed]));
    assert_ne!(eval(&[&rows]), eval(&[&typed]));
}

#[test]
fn files_are_read_one_after_another_and_written_as_csv() {
    let model = trained();
    let csv = write(&model, "in.csv", "id,body\n1,\"a, b\"\n");
    let jsonl = write(&model, "in.jsonl", "{\"body\": \"c\"}\n");
    let out = str(&model.path().join("out.csv")).to_string();
    let args = ["predict", str(model.path()), &csv, &jsonl, "--text-column", "body", "-o", &out];
    let ran = umbel(&args, "");
    assert_eq!((ran.code, &ran.stdout[..]), (Some(0), ""), "{}", ran.stderr);
    let table = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "text,domain.label,domain.probability,sentiment.score");
    assert!(lines[1].starts_with("\"a, b\",") && lines[2].starts_with("c,"), "{table}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_line_is_answered_before_the_next_one_comes() {
    let model = trained();
    let mut child = spawn(&["predict", str(model.path())]);
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for text in ["one", "two"] {
        writeln!(input, "{text}").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["text"], text);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let model = trained();
    let texts = write(&model, "in.txt", &"a fine film\n".repeat(5000));
    let mut child = spawn(&["predict", str(model.path()), &texts, "--embedding"]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("{\"text\":\"a fine film\""));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
}

#[test]
fn a_bad_row_stops_with_its_place_or_is_left_out() {
    let model = trained();
    let rows: String = (1..=30)
        .map(|i| if i > 5 { format!("{{\"text\": {i}}}\n") } else { "{\"text\": \"a\"}\n".into() })
        .collect();
    let file = write(&model, "in.jsonl", &rows);
    let out = str(&model.path().join("out.jsonl")).to_string();
    let ran = umbel(&["predict", str(model.path()), &file, "-o", &out], "");
    ran.failed(1, "in.jsonl:6: column `text`: expected a text, found `6` (`--skip-bad-rows`");
    assert!(!Path::new(&out).exists());
    let left: Vec<_> =
        std::fs::read_dir(model.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");

    let ran = umbel(&["predict", str(model.path()), &file, "--skip-bad-rows"], "");
    assert_eq!(ran.lines().len(), 5);
    assert!(ran.stderr.contains("left out 25 bad rows"), "{}", ran.stderr);
    assert!(ran.stderr.contains("in.jsonl:25: ") && ran.stderr.contains("... and 5 more"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let model = trained();
    let folder = str(model.path());
    let known = "unknown task `domian`; there is: domain, sentiment (did you mean `domain`?)";
    umbel(&["predict", folder, "--task", "domian"], "a\n").failed(1, known);
    umbel(&["predict", str(&bert())], "a\n").failed(1, "has no tasks to answer; `umbel embed`");
    umbel(&["predict", folder, "-o", "x.xlsx"], "").failed(1, "unknown format of answers `xlsx`");
    umbel(&["predict", folder, "absent.csv"], "").failed(1, "absent.csv: ");
    let file = write(&model, "in.csv", "txt\na\n");
    umbel(&["predict", folder, &file], "").failed(1, "no column `text`; there is: txt");
    umbel(&["predict", folder, "-o", folder], "").failed(1, "expected a file or nothing there");
}

#[test]
fn texts_that_were_cut_are_counted() {
    let model = trained();
    let ran = umbel(&["predict", str(model.path()), "--max-length", "5"], "a b c d e f g\na\n");
    assert_eq!(ran.lines().len(), 2);
    let expected = "1 of 2 texts had more than 5 tokens and were cut; `--max-length` can be up to 128";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    let long = format!("a\n{}\n", "a ".repeat(200));
    let ran = umbel(&["predict", str(model.path()), "--no-truncation"], &long);
    ran.failed(1, "<stdin>:2: 202 tokens, but the encoder reads at most 128");
    let ran = umbel(&["predict", str(model.path()), "--no-truncation", "--skip-bad-rows"], &long);
    assert_eq!(ran.lines()[0]["text"], json!("a"));
    assert!(ran.stderr.contains("left out 1 bad row"), "{}", ran.stderr);
}
