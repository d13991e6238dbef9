//! `umbel info`.

use super::*;

#[test]
fn a_model_is_described() {
    let model = trained();
    let info = umbel(&["info", str(model.path()), "--json"], "").lines().remove(0);
    assert_eq!((&info["model_type"], &info["embedding_size"]), (&json!("bert"), &json!(32)));
    assert_eq!(info["tasks"][0]["options"]["labels"], json!(["film", "hotel"]));
    assert_eq!(info["tasks"][1]["options"]["mean"], json!([3.0]));
    assert_eq!(info["parameters"]["heads"], json!(32 * 3 + 3));
    assert_eq!((&info["attention_heads"], &info["max_positions"]), (&json!(4), &json!(128)));
    let files = info["files"].as_array().unwrap();
    let checked = files.iter().filter(|file| file["as_written"] == json!(true)).count();
    assert_eq!(checked, 3, "{files:?}");

    let ran = umbel(&["info", str(model.path())], "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("  domain: classification, weight 1, dropout"), "{}", ran.stdout);
}

#[test]
fn static_encoders_are_described() {
    let nested = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/static/nested");
    let info = umbel(&["info", str(&nested), "--json"], "").lines().remove(0);
    assert_eq!((&info["model_type"], &info["layers"]), (&json!("static_embedding"), &json!(0)));
    assert_eq!((&info["max_positions"], &info["attention_heads"]), (&Value::Null, &Value::Null));
    assert_eq!((&info["truncate_dim"], &info["similarity"]), (&json!(8), &json!("cosine")));
    let shown = umbel(&["info", str(&nested)], "").stdout;
    for line in [
        "encoder       a table of tokens, 16 hidden, texts of any length",
        "embedding     12 numbers: mean pooling, dense 16 → 12 (tanh), length one, the first 8 numbers are given",
        "max length    9 tokens, cut on the right",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
}

#[test]
fn a_changed_file_and_weights_that_are_no_numbers_are_failures() {
    let model = trained();
    let path = model.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let ran = umbel(&["info", str(model.path())], "");
    ran.failed(1, "`model.safetensors` is not what umbel.json says");
    assert!(ran.stdout.contains("CHANGED"), "{}", ran.stdout);
}

#[test]
fn a_damaged_head_is_refused() {
    let model = trained();
    let path = model.path().join("heads/domain/model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    umbel(&["info", str(model.path())], "").failed(1, "`heads/domain/model.safetensors` has the SHA-256");
}
