//! Static encoders of sentence-transformers and model2vec: their embeddings, training, and the folders that come of it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod golden;

use std::path::{Path, PathBuf};

use golden::{File, worst};
use umbel::Model;
use umbel::nn::{Matrix, Tape, ops};
use umbel::text::{Batch, Truncation};

const FOLDERS: [&str; 5] =
    ["sentence-transformers", "nested", "model2vec", "model2vec-quantized", "model2vec-half"];

/// Means of up to 100 numbers of size 1, summed in another order than Python does: some 10 roundings of 1e-7.
const TOLERANCE: f32 = 1e-6;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/static")
}

fn open(name: &str) -> Model {
    Model::open(&fixtures().join(name)).unwrap()
}

fn texts() -> Vec<String> {
    let json = std::fs::read(fixtures().join("golden.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    serde_json::from_value(json["texts"].clone()).unwrap()
}

fn golden(name: &str) -> Vec<f32> {
    File::open(&fixtures().join("golden.safetensors")).floats(name)
}

#[test]
fn embeddings_are_those_of_python() {
    for name in FOLDERS {
        check(&open(name), name, "embeddings");
        for (prompt, _) in &open(name).embedding.prompts {
            let mut model = open(name);
            model.set_prompt(Some(prompt)).unwrap();
            check(&model, name, &format!("prompt.{prompt}"));
        }
    }
}

fn check(model: &Model, name: &str, key: &str) {
    let found = model.embed(&texts()).unwrap().embeddings;
    let error = worst(found.data(), &golden(&format!("{name}.{key}")));
    assert!(error <= TOLERANCE, "{name}: {key} is off by {error}");
}

#[test]
fn the_first_numbers_are_those_of_python() {
    for name in ["sentence-transformers", "nested"] {
        let mut model = open(name);
        model.set_truncate_dim(Some(5)).unwrap();
        check(&model, name, "truncated_5");
        model.set_normalize(true);
        check(&model, name, "truncated_5_normalized");
    }
    let mut model = open("nested");
    assert_eq!((model.embedding_size(), model.truncated_size()), (12, 8));
    let error = model.set_truncate_dim(Some(13)).unwrap_err().to_string();
    assert_eq!(error, "`truncate_dim` is 13; expected 1 to 12");
    model.set_truncate_dim(None).unwrap();
    assert_eq!(model.embed(&["a"]).unwrap().embeddings.cols(), 12);
}

#[test]
fn a_text_without_known_tokens_is_zero() {
    let embedded = open("model2vec").embed(&["", "🙂", "A quiet harbour."]).unwrap().embeddings;
    assert_eq!((embedded.row(0), embedded.row(1)), (&[0.0; 16][..], &[0.0; 16][..]));
    assert!(embedded.row(2).iter().any(|x| *x != 0.0));
}

#[test]
fn a_text_embeds_the_same_alone_and_among_others() {
    for name in FOLDERS {
        let model = open(name);
        let many: Vec<String> = texts().into_iter().cycle().take(500).collect();
        let embedded = model.embed(&many).unwrap().embeddings;
        for (i, text) in texts().iter().enumerate() {
            let alone = model.embed(std::slice::from_ref(text)).unwrap().embeddings;
            assert_eq!(alone.row(0), embedded.row(i), "{name}: text {i}");
        }
    }
}

#[test]
fn texts_are_cut_where_the_folder_says() {
    let check = |name: &str, expected: Truncation| {
        assert_eq!(open(name).embedding.tokens.truncation, expected, "{name}");
    };
    check("sentence-transformers", Truncation::Off);
    check("nested", Truncation::At(9));
    check("model2vec", Truncation::At(20));
    check("model2vec-quantized", Truncation::Off);
    check("model2vec-half", Truncation::At(512));
}

#[test]
fn the_rows_of_a_texts_tokens_are_trained() {
    let model = open("sentence-transformers");
    let texts = model.tokenize(&["A quiet harbour.", ""]).unwrap().texts;
    let mut tape = Tape::training(&model.params, 0);
    let embedding = model.embedding(&mut tape, &Batch::new(&texts));
    let loss = ops::squared_error(&mut tape, &embedding, &Matrix::zeros(2, 16), &[true, true]);
    let grads = tape.backward(&[(&loss, 1.0)]);
    let (table, _) = model.params.iter().next().unwrap();
    let grads = grads.param(table).unwrap().to_matrix();
    let n_tokens = texts[0].len() as f32;
    for id in 0..grads.rows() {
        let n = texts[0].input_ids.iter().filter(|&&token| token as usize == id).count() as f32;
        for (found, x) in grads.row(id).iter().zip(embedding.row(0)) {
            // The derivative of the mean of 2 · 16 squares.
            let expected = 2.0 * x / 32.0 * n / n_tokens;
            assert!((found - expected).abs() < 1e-6, "token {id}: {found} != {expected}");
        }
    }
}

#[test]
fn a_saved_model_comes_back_with_the_same_bits() {
    for name in FOLDERS {
        let mut model = open(name);
        let dir = tempfile::tempdir().unwrap();
        model.set_truncation(Some(Some(12))).unwrap();
        let before = model.embed(&texts()).unwrap();
        model.save(dir.path()).unwrap();
        let again = Model::open(dir.path()).unwrap();
        let after = again.embed(&texts()).unwrap();
        assert_eq!((before.embeddings, before.n_truncated), (after.embeddings, after.n_truncated), "{name}");
        assert_eq!(again.origin().model_type, model.origin().model_type);
        assert_eq!(again.embedding.prompts, model.embedding.prompts);

        model.set_truncation(None).unwrap();
        model.save(dir.path()).unwrap();
        assert_eq!(Model::open(dir.path()).unwrap().embedding.tokens.truncation, Truncation::Off, "{name}");
    }
}

#[test]
fn only_the_mean_is_taken() {
    let error = open("model2vec").set_poolings(&["max".into()]).unwrap_err().to_string();
    assert_eq!(error, "`pooling` is max; a static encoder takes the mean");
}
