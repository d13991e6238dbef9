//! Model folders: those that others wrote give their embeddings, broken ones are refused, ours come back.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod golden;

use std::path::Path;

use golden::{File, shared, worst};
use serde_json::Value;
use umbel::Model;
use umbel::nn::Tape;
use umbel::settings::TaskSettings;
use umbel::text::Batch;

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn texts(expected: &Value) -> Vec<String> {
    serde_json::from_value(expected["texts"].clone()).unwrap()
}

#[test]
fn sentence_transformers_folders_give_their_embeddings() {
    let Some(dir) = shared().map(|dir| dir.join("parity/fixtures/st")) else { return };
    let expected = read_json(&dir.join("expected.json"));
    let golden = File::open(&dir.join("golden.safetensors"));
    let texts = texts(&expected);
    let cases = expected["cases"].as_array().unwrap();
    for case in cases {
        let name = case["dir"].as_str().unwrap();
        if case["expect"] == "reject" {
            assert!(Model::open(&dir.join(name)).is_err(), "{name} is refused");
            continue;
        }
        let mut model = Model::open(&dir.join(name)).unwrap();
        let reference = case["golden"].as_str().unwrap();
        let check = |model: &Model, key: &str, tokens: umbel::text::Encoded| {
            let error = worst(
                model.embed_tokens(&tokens.texts).data(),
                &golden.floats(&format!("{reference}.{key}")),
            );
            assert!(error <= 3e-5, "{name}: {key} is off by {error}");
        };
        check(&model, "embeddings", model.tokenize(&texts).unwrap());
        for prompt in case["prompts"].as_array().unwrap().iter().map(|prompt| prompt.as_str().unwrap()) {
            let tokens = model.tokenize_with_prompt(&texts, prompt).unwrap();
            check(&model, &format!("prompt.{prompt}"), tokens);
        }
        model.set_truncate_dim(Some(8)).unwrap();
        let truncated = model.embed(&texts).unwrap().embeddings;
        let error = worst(truncated.data(), &golden.floats(&format!("{reference}.truncated_8")));
        assert!(error <= 3e-5, "{name}: truncated_8 is off by {error}");
        model.embedding.normalize = true;
        check(&model, "embeddings_normalized", model.tokenize(&texts).unwrap());
    }
}

#[test]
fn odd_folders_load_equal_and_broken_ones_are_refused() {
    let Some(dir) = shared().map(|dir| dir.join("parity/fixtures/edge")) else { return };
    let expected = read_json(&dir.join("expected.json"));
    let golden = File::open(&dir.join("golden.safetensors"));
    let texts = texts(&expected);
    for case in expected["cases"].as_array().unwrap() {
        let name = case["dir"].as_str().unwrap();
        let opened = Model::open(&dir.join(name));
        match (case["expect"].as_str().unwrap(), opened) {
            ("equal", Ok(mut model)) => {
                model.set_truncation(Some(Some(expected["max_length"].as_u64().unwrap() as usize))).unwrap();
                let tokens = model.tokenize(&texts).unwrap().texts;
                let mut tape = Tape::inference(&model.params);
                let states = model.token_states(&mut tape, &Batch::new(&tokens));
                let reference = case["reference"].as_str().unwrap();
                let padded = golden.floats(&format!("{reference}.last_hidden_state"));
                let mask = golden.integers(&format!("{reference}.attention_mask"));
                let (rows, mask) = (padded.chunks(states.cols()), mask.iter());
                let own = rows.zip(mask).filter(|(_, mask)| **mask == 1).flat_map(|(row, _)| row.to_vec());
                let error = worst(states.data(), &own.collect::<Vec<_>>());
                assert!(error <= 3e-5, "{name} is off by {error}");
            }
            ("equal", Err(error)) => panic!("{name} is refused: {error}"),
            (_, Ok(_)) => panic!("{name} is not refused, though {}", case["why"]),
            (_, Err(error)) => {
                let error = error.to_string().to_lowercase();
                let words = case["message_should_mention_one_of"].clone();
                let words: Vec<String> = serde_json::from_value(words).unwrap();
                let said = words.iter().any(|word| error.contains(&word.to_lowercase()));
                assert!(said, "{name}: {error} should contain one of {words:?}");
            }
        }
    }
}

/// The published all-MiniLM-L6-v2, in the folder that `UMBEL_MINILM` names.
#[test]
fn minilm_gives_its_published_embeddings() {
    gives_its_published_embeddings("UMBEL_MINILM", "minilm");
}

/// The published all-mpnet-base-v2, in the folder that `UMBEL_MPNET` names.
#[test]
fn mpnet_gives_its_published_embeddings() {
    gives_its_published_embeddings("UMBEL_MPNET", "mpnet");
}

fn gives_its_published_embeddings(variable: &str, name: &str) {
    let (Some(shared), Some(dir)) = (shared(), std::env::var_os(variable)) else {
        // Written past the capture of test output, so that it is seen.
        let skipped = format!("SKIPPED: {variable} does not name the folder of the published {name}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), skipped.as_bytes());
        return;
    };
    let mut model = Model::open(Path::new(&dir)).unwrap();
    let golden = File::open(&shared.join(format!("parity/{name}/golden.safetensors")));
    let texts = texts(&read_json(&shared.join(format!("parity/{name}/texts.json"))));
    let embedded = model.embed(&texts).unwrap();
    let error = worst(embedded.embeddings.data(), &golden.floats("embeddings"));
    assert!(error <= 1e-5, "embeddings are off by {error}");
    for (i, text) in texts.iter().enumerate().step_by(8) {
        let alone = model.embed(std::slice::from_ref(text)).unwrap().embeddings;
        assert_eq!(alone.row(0), embedded.embeddings.row(i), "text {i} alone and among others");
    }
    model.embedding.normalize = false;
    let error = worst(model.embed(&texts).unwrap().embeddings.data(), &golden.floats("pooled"));
    assert!(error <= 3e-5, "pooled states are off by {error}");
}

#[test]
fn a_saved_model_comes_back_with_the_same_bits() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
    let mut model = Model::open(&fixture).unwrap();
    model.set_poolings(&["mean".into(), "cls".into()]).unwrap();
    model.set_truncation(Some(Some(12))).unwrap();
    let tasks = [
        serde_json::json!({"name": "topic", "kind": "classification", "labels": ["b", "a"]}),
        serde_json::json!({"name": "mood", "kind": "regression", "mean": [2.0], "sd": [3.0]}),
    ];
    for settings in tasks {
        let settings: TaskSettings = serde_json::from_value(settings).unwrap();
        let task = umbel::task::make(&settings).unwrap();
        model.add_head(settings, task, 7).unwrap();
    }
    let texts = ["The harbour was quiet before the first boats came home with the tide.", "", "Refund!"];
    let before = model.predict(&texts).unwrap();
    let dir = tempfile::tempdir().unwrap();
    model.save(dir.path()).unwrap();
    let again = Model::open(dir.path()).unwrap();
    let after = again.predict(&texts).unwrap();
    assert_eq!(before.embeddings, after.embeddings);
    assert_eq!(before.predictions, after.predictions);
    assert_eq!((before.n_truncated, after.n_truncated), (1, 1));

    let pooler = |model: &Path| File::open(&model.join("model.safetensors")).floats("pooler.dense.weight");
    assert_eq!(pooler(dir.path()), pooler(&fixture), "what no pooling uses is kept");
    again.save(dir.path()).unwrap();
    assert_eq!(Model::open(dir.path()).unwrap().predict(&texts).unwrap().predictions, before.predictions);
}

#[test]
fn a_damaged_head_is_refused() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
    let mut model = Model::open(&fixture).unwrap();
    let settings = serde_json::json!({"name": "topic", "kind": "classification", "labels": ["b", "a"]});
    let settings: TaskSettings = serde_json::from_value(settings).unwrap();
    let task = umbel::task::make(&settings).unwrap();
    model.add_head(settings, task, 7).unwrap();
    let dir = tempfile::tempdir().unwrap();
    model.save(dir.path()).unwrap();
    let path = dir.path().join("heads/topic/model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = Model::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("`heads/topic/model.safetensors` has the SHA-256"), "{error}");
}
