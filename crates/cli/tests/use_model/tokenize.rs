//! `umbel tokenize`.

use super::*;

#[test]
fn tokens_are_shown_as_a_table() {
    let ran = umbel(&["tokenize", str(&bert()), "a film"], "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("\"a film\": "), "{}", ran.stdout);
    assert!(ran.stdout.contains("[CLS]") && ran.stdout.contains("  0..1\n"), "{}", ran.stdout);
}

#[test]
fn tokens_are_the_same_from_arguments_a_file_and_standard_input() {
    let (model, dir) = (bert(), tempfile::tempdir().unwrap());
    let file = write(&dir, "in.txt", "a film\nb\n");
    let lines = umbel(&["tokenize", str(&model), "--json", "a film", "b"], "").lines();
    assert_eq!(umbel(&["tokenize", str(&model), "--json"], "a film\nb\n").lines(), lines);
    assert_eq!(umbel(&["tokenize", str(&model), "--json", "--file", &file], "").lines(), lines);
    let encoded = Model::open(&model).unwrap().tokenize(&["a film"]).unwrap();
    assert_eq!(lines[0]["ids"], json!(encoded.texts[0].input_ids));
    assert_eq!((&lines[0]["n_tokens"], &lines[0]["truncated"]), (&json!(encoded.lengths[0]), &json!(false)));
}

#[test]
fn texts_are_cut_and_padded_as_flags_say() {
    let model = bert();
    let args =
        ["tokenize", str(&model), "--json", "a b c d", "a", "--max-length", "5", "--padding", "longest"];
    let lines = umbel(&args, "").lines();
    assert_eq!((&lines[0]["n_tokens"], &lines[0]["truncated"]), (&json!(6), &json!(true)));
    assert_eq!(lines[1]["attention_mask"], json!([1, 1, 1, 0, 0]));
    assert_eq!(lines[1]["tokens"], json!(["[CLS]", "a", "[SEP]", "[PAD]", "[PAD]"]));
    let args = ["tokenize", str(&model), "a b c", "--padding", "2"];
    umbel(&args, "").failed(1, "row 1: 5 tokens; expected at most 2");
    umbel(&["tokenize", str(&model), "--padding", "x"], "").failed(2, "`longest` or a number");
}

#[test]
fn two_texts_can_be_a_pair() {
    let model = bert();
    let line = umbel(&["tokenize", str(&model), "--json", "--pair", "a", "b"], "").lines().remove(0);
    assert_eq!(line["token_type_ids"], json!([0, 0, 0, 1, 1]));
    assert_eq!((&line["text"], &line["pair"]), (&json!("a"), &json!("b")));
    umbel(&["tokenize", str(&model), "--pair", "a"], "").failed(1, "expected an even number, found 1");
}

#[test]
fn a_prompt_is_shown_where_it_is_asked_for() {
    let dir = trained();
    write(
        &dir,
        "config_sentence_transformers.json",
        r#"{"prompts": {"query": "film "}, "default_prompt_name": "query"}"#,
    );
    let ids = |args: &[&str]| {
        let ran = umbel(&[&["tokenize", str(dir.path()), "--json"], args].concat(), "");
        ran.lines().remove(0)["ids"].clone()
    };
    assert_eq!(ids(&["a", "--prompt", "query"]), ids(&["film a"]));
    assert_ne!(ids(&["a"]), ids(&["film a"]));
    umbel(&["tokenize", str(dir.path()), "a", "--prompt", "x"], "").failed(1, "unknown prompt `x`");
}
