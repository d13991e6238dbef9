//! `umbel embed`.

use super::*;

const TEXTS: &str = "a fine film\n\nthe hotel was bad\n";

fn embeddings(ran: &Ran) -> Vec<Vec<f32>> {
    let numbers = |line: Value| serde_json::from_value(line["embedding"].clone()).unwrap();
    ran.lines().into_iter().map(numbers).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

#[test]
fn all_formats_hold_the_same_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let model = bert();
    let expected = embeddings(&umbel(&["embed", str(&model)], TEXTS)).concat();
    let write = |name: &str| {
        let path = dir.path().join(name);
        let ran = umbel(&["embed", str(&model), "-", "-o", str(&path), "--batch", "2"], TEXTS);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        std::fs::read(path).unwrap()
    };
    let npy = write("a.npy");
    assert_eq!(&npy[..8], b"\x93NUMPY\x01\x00");
    let header = String::from_utf8_lossy(&npy[10..128]);
    assert!(header.contains("'shape': (3, 32), "), "{header}");
    assert_eq!(floats(&npy[128..]), expected);

    let safetensors = write("a.safetensors");
    let start = 8 + u64::from_le_bytes(safetensors[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&safetensors[8..start]).unwrap();
    let tensor = json!({"dtype": "F32", "shape": [3, 32], "data_offsets": [0, 384]});
    assert_eq!(header, json!({"embeddings": tensor}));
    assert_eq!(floats(&safetensors[start..]), expected);

    let jsonl = String::from_utf8(write("a.jsonl")).unwrap();
    assert_eq!(json_lines(&jsonl)[2]["text"], "the hotel was bad");
}

#[test]
fn no_texts_are_no_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    assert_eq!(umbel(&["embed", str(&bert()), "-o", str(&path)], "").code, Some(0));
    let npy = std::fs::read(path).unwrap();
    assert!(npy.len() == 128 && String::from_utf8_lossy(&npy).contains("(0, 32)"));
}

#[test]
fn flags_change_what_becomes_of_token_states() {
    let model = bert();
    let embed = |flags: &[&str]| {
        let ran = umbel(&[&["embed", str(&model), "--no-text"], flags].concat(), "a fine film\n");
        assert!(!ran.stdout.contains("text"));
        embeddings(&ran).remove(0)
    };
    let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
    assert!((length(&embed(&["--normalize"])) - 1.0).abs() < 1e-5); // 32 numbers, each rounded once
    assert_eq!(
        embed(&["--pooling", "cls,max"]),
        [embed(&["--pooling", "cls"]), embed(&["--pooling", "max"])].concat()
    );
    assert_ne!(embed(&["--max-length", "4"]), embed(&["--max-length", "4", "--truncation-side", "left"]));
    assert_eq!(embed(&["--no-truncation"]), embed(&[]));
}

#[test]
fn a_prompt_goes_before_each_text() {
    let dir = trained();
    write(&dir, "config_sentence_transformers.json", r#"{"prompts": {"query": "film "}}"#);
    let embed =
        |flags: &[&str], text: &str| embeddings(&umbel(&[&["embed", str(dir.path())], flags].concat(), text));
    assert_eq!(embed(&["--prompt", "query"], "a\n"), embed(&[], "film a\n"));
    umbel(&["embed", str(dir.path()), "--prompt", "x"], "").failed(1, "unknown prompt `x`; there is: query");
    let default = r#"{"prompts": {"query": "film "}, "default_prompt_name": "query"}"#;
    write(&dir, "config_sentence_transformers.json", default);
    assert_eq!(embed(&[], "a\n"), embed(&["--no-prompt"], "film a\n"));
}

#[test]
fn only_the_first_numbers_are_given() {
    let (model, dir) = (bert(), tempfile::tempdir().unwrap());
    let embed = |flags: &[&str]| embeddings(&umbel(&[&["embed", str(&model)], flags].concat(), TEXTS));
    let (all, first) = (embed(&[]), embed(&["--truncate-dim", "5"]));
    assert_eq!((first.len(), &first[2][..]), (3, &all[2][..5]));
    let normalized = embed(&["--truncate-dim", "5", "--normalize"]);
    let length = first[0].iter().map(|x| x * x).sum::<f32>().sqrt();
    assert!((normalized[0][1] - first[0][1] / length).abs() < 1e-5); // each number rounded twice
    let path = dir.path().join("a.npy");
    let ran = umbel(&["embed", str(&model), "-o", str(&path), "--truncate-dim", "5"], TEXTS);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(floats(&std::fs::read(path).unwrap()[128..]), first.concat());
    umbel(&["embed", str(&model), "--truncate-dim", "33"], "").failed(1, "is 33; expected 1 to 32");
}

#[test]
fn static_encoders_embed_too() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/static");
    let embed = |name: &str| embeddings(&umbel(&["embed", str(&fixtures.join(name))], "a quiet harbour\n\n"));
    assert_eq!(embed("sentence-transformers")[1], [0.0; 16]);
    assert_eq!((embed("model2vec")[0].len(), embed("nested")[0].len()), (16, 8));
    umbel(&["embed", str(&fixtures.join("model2vec")), "--pooling", "max"], "")
        .failed(1, "a static encoder takes the mean");
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let (model, dir) = (bert(), tempfile::tempdir().unwrap());
    umbel(&["embed", str(&model), "--format", "npy"], "a\n")
        .failed(1, "expected `-o FILE`, found standard output");
    umbel(&["embed", str(&model), "-o", "a.bin"], "a\n").failed(1, "there is: jsonl, npy, safetensors");
    umbel(&["embed", str(&model), "--pooling", "maen"], "").failed(1, "did you mean `mean`?");
    umbel(&["embed", str(dir.path())], "a\n").failed(1, "config.json: there is no such file");
    umbel(&["embed", "./absent"], "a\n").failed(1, "there is no folder `./absent`");
}
