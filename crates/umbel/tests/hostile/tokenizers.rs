//! `tokenizer.json` that the tokenizers crate cannot stand.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use umbel::Model;

use super::{bert, change, check, complaint, copy, read_json};

#[track_caller]
fn check_tokenizer(edit: impl FnOnce(&mut Value), expected: &str) {
    check(|dir| change(&dir.join("tokenizer.json"), edit), expected);
}

/// It opens and embeds, or says something of the tokenizer, before long.
#[track_caller]
fn survives(edit: impl FnOnce(&mut Value)) {
    let dir = copy(&bert());
    change(&dir.path().join("tokenizer.json"), edit);
    let start = Instant::now();
    let complaint = complaint(dir.path());
    assert!(start.elapsed() < Duration::from_secs(20), "it takes {:?}", start.elapsed());
    let named = |message: &String| message.contains("tokenizer");
    assert!(complaint.as_ref().is_none_or(named), "{complaint:?}");
}

fn special(id: u64) -> Value {
    json!({"id": "[CLS]", "ids": [id], "tokens": ["[CLS]"]})
}

#[test]
fn ids_beyond_the_vocabulary_are_refused() {
    let largest =
        |id: u64| format!("tokenizer.json: the tokenizer gives ids up to {id}, but the encoder has");
    check_tokenizer(|t| t["model"]["vocab"]["a"] = json!(70_000), &largest(70_000));
    check_tokenizer(|t| t["post_processor"]["special_tokens"]["[CLS]"] = special(70_000), &largest(70_000));
    check_tokenizer(
        |t| t["post_processor"]["special_tokens"]["[CLS]"] = special(1 << 40),
        "tokenizer.json: ",
    );
    check_tokenizer(
        |t| {
            t["post_processor"] =
                json!({"type": "BertProcessing", "sep": ["[SEP]", 70_000], "cls": ["[CLS]", 2]})
        },
        &largest(70_000),
    );
}

#[test]
fn templates_that_name_what_there_is_not_are_refused() {
    check_tokenizer(|t| t["post_processor"]["special_tokens"] = json!({}), "`post_processor` fails");
    let second = json!([{"Sequence": {"id": "B", "type_id": 0}}]);
    check_tokenizer(|t| t["post_processor"]["single"] = second, "`post_processor` fails");
    // Where only pairs fail, texts are read.
    survives(|t| t["post_processor"]["pair"] = json!([{"SpecialToken": {"id": "absent", "type_id": 0}}]));
    let often = vec![json!({"Sequence": {"id": "A", "type_id": 0}}); 1000];
    check_tokenizer(
        |t| t["post_processor"]["single"] = json!(often),
        "tokens, but the encoder reads at most",
    );
    let ids = json!({"id": "[CLS]", "ids": [2, 2], "tokens": ["[CLS]"]});
    let expected = "it puts tokens around texts that have more ids than names";
    check_tokenizer(|t| t["post_processor"]["special_tokens"]["[CLS]"] = ids, expected);
    let types = json!([{"Sequence": {"id": "A", "type_id": 4_294_967_295u32}}]);
    survives(|t| t["post_processor"]["single"] = types);
}

#[test]
fn truncation_and_padding_of_the_file_do_no_harm() {
    for (max_length, stride) in [(5, 5), (5, 100), (0, 0), (1, 0), (2, u64::MAX)] {
        let truncation = json!({"direction": "Left", "max_length": max_length, "strategy": "OnlySecond", "stride": stride});
        let padding = json!({"strategy": {"Fixed": 1u64 << 60}, "direction": "Left", "pad_to_multiple_of": 0,
            "pad_id": 1 << 30, "pad_type_id": 9, "pad_token": "x"});
        let dir = copy(&bert());
        change(&dir.path().join("tokenizer.json"), |t| {
            (t["truncation"], t["padding"]) = (truncation, padding)
        });
        let embed = |dir| Model::open(dir).unwrap().embed(&["Refund my order!"]).unwrap().embeddings;
        assert_eq!(embed(dir.path()), embed(&bert()), "stride {stride} of {max_length}");
    }
}

#[test]
fn models_without_a_vocabulary_or_with_a_wrong_one_are_refused() {
    let model = |model: Value| move |t: &mut Value| (t["model"], t["added_tokens"]) = (model, json!([]));
    let bpe = |vocab: Value, merges: Value| {
        model(
            json!({"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "##########",
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": merges}),
        )
    };
    check_tokenizer(bpe(json!({"a": 0}), json!([["a", "b"]])), "tokenizer.json: ");
    check_tokenizer(bpe(json!({"a": 0, "b": 1, "ab": 2}), json!([["a", "b"]])), "tokenizer.json: ");
    check_tokenizer(bpe(json!({"a": 0}), json!(["a"])), "tokenizer.json: ");
    let unigram =
        |vocab: Value, unk_id: Value| model(json!({"type": "Unigram", "vocab": vocab, "unk_id": unk_id}));
    check_tokenizer(unigram(json!([]), json!(0)), "tokenizer.json: ");
    check_tokenizer(unigram(json!([["a", -1.0]]), json!(7)), "tokenizer.json: ");
    for vocab in [json!([]), json!([["", 0.0]]), json!([["a", -1e308], ["a", 1e308], ["▁", null]])] {
        survives(unigram(vocab, Value::Null));
    }
    for kind in ["WordLevel", "WordPiece"] {
        let empty = json!({"type": kind, "vocab": {}, "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 0});
        check_tokenizer(model(empty), "tokenizer");
    }
    check_tokenizer(model(json!({"type": "Oracle"})), "tokenizer.json: ");
    check_tokenizer(model(Value::Null), "tokenizer.json: ");
}

#[test]
fn patterns_that_are_wrong_or_never_end_are_survived() {
    let regex = |regex: &str| json!({"type": "Replace", "pattern": {"Regex": regex}, "content": "b"});
    check_tokenizer(|t| t["normalizer"] = regex("(("), "tokenizer.json: ");
    for pattern in ["", "(?=b)", "(a|a)*$", "(a+)+c", "(x*)*y", "\\K", "(?<=a{1,9999})"] {
        let split =
            json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
        let text = |t: &mut Value| t["pre_tokenizer"] = split;
        survives(|t| t["normalizer"] = regex(pattern));
        survives(text);
    }
    for step in [
        json!({"type": "FixedLength", "length": 0}),
        json!({"type": "CharDelimiterSplit", "delimiter": ""}),
        json!({"type": "Metaspace", "replacement": "", "prepend_scheme": "always", "split": true}),
        json!({"type": "Split", "pattern": {"String": ""}, "behavior": "MergedWithNext", "invert": true}),
    ] {
        survives(|t| t["pre_tokenizer"] = step);
    }
}

#[test]
fn an_endless_pattern_on_a_long_text_ends() {
    let dir = copy(&bert());
    let split =
        json!({"type": "Split", "pattern": {"Regex": "(a+)+c"}, "behavior": "Isolated", "invert": false});
    change(&dir.path().join("tokenizer.json"), |t| t["pre_tokenizer"] = split);
    let start = Instant::now();
    let model = Model::open(dir.path()).unwrap();
    let error = model.embed(&["a b", &"a".repeat(60)]).map(|_| ()).map_err(|error| error.to_string());
    assert!(start.elapsed() < Duration::from_secs(20), "it takes {:?}", start.elapsed());
    assert!(error.as_ref().is_err_and(|error| error.starts_with("row 2: the tokenizer failed")), "{error:?}");
}

#[test]
fn bombs_are_refused() {
    let mut nested = json!({"type": "Lowercase"});
    for _ in 0..30 {
        nested = json!({"type": "Sequence", "normalizers": [nested]});
    }
    survives(|t| t["normalizer"] = nested);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    check(|dir| std::fs::write(dir.join("tokenizer.json"), deep).unwrap(), "tokenizer.json: ");
    let replace = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
    let many = json!({"type": "Sequence", "normalizers": vec![replace; 60]});
    check_tokenizer(|t| t["normalizer"] = many, "the steps of `normalizer` may make 1e18 bytes of one");
    for charsmap in ["", "AA==", "////////", "BAAAAP////8=", "BAAAAAAAAAA="] {
        survives(|t| t["normalizer"] = json!({"type": "Precompiled", "precompiled_charsmap": charsmap}));
    }
}

#[test]
fn a_panic_of_one_row_is_an_error_of_that_row() {
    let dir = copy(&bert());
    change(&dir.path().join("tokenizer.json"), |t| t["model"]["unk_token"] = json!("absent"));
    let model = Model::open(dir.path()).unwrap();
    let mut texts = vec!["a"; 500];
    texts[321] = "\u{1F980}";
    let message = model.embed(&texts).unwrap_err().to_string();
    assert!(message.starts_with("row 322: the tokenizer failed: "), "{message}");
    assert_eq!(read_json(&dir.path().join("config.json"))["model_type"], "bert");
}
