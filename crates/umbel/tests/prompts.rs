//! Prompts: the same one stands before a text in training, evaluation and answers, and a model keeps it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use umbel::Model;
use umbel::evaluate::evaluate;
use umbel::folder::SentenceFolder;
use umbel::settings::Settings;
use umbel::train::Silent;
use umbel::train::run::{Trained, run};

const QUERY: &str = "find a letter: ";
const TEXTS: [&str; 8] =
    ["boats", "a tide", "the harbour", "a boat", "a refund", "late", "my order", "bread and boats"];

/// The tiny BERT as a sentence-transformers folder with two prompts, of which `default` is used.
fn encoder(dir: &Path, default: &str, include_prompt: bool) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(source.join(name), dir.join(name)).unwrap();
    }
    std::fs::create_dir(dir.join("1_Pooling")).unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.join(name), text).unwrap();
    let module = |class: &str, path: &str| {
        format!(r#"{{"type": "sentence_transformers.models.{class}", "path": "{path}"}}"#)
    };
    write("modules.json", format!("[{}, {}]", module("Transformer", ""), module("Pooling", "1_Pooling")));
    write(
        "1_Pooling/config.json",
        format!(r#"{{"pooling_mode": "mean", "include_prompt": {include_prompt}}}"#),
    );
    write(
        "config_sentence_transformers.json",
        format!(
            r#"{{"prompts": {{"query": "{QUERY}", "document": "text: "}}, "default_prompt_name": {default}}}"#
        ),
    );
}

/// Trains on `TEXTS`, each after `before`, and gives what came of it with the folder it is in.
fn train(
    default: &str,
    include_prompt: bool,
    before: &str,
    overrides: &[&str],
) -> (tempfile::TempDir, Trained) {
    let dir = tempfile::tempdir().unwrap();
    let (source, data) = (dir.path().join("encoder"), dir.path().join("rows.jsonl"));
    std::fs::create_dir(&source).unwrap();
    encoder(&source, default, include_prompt);
    let row = |(i, text): (usize, &&str)| format!("{{\"text\": \"{before}{text}\", \"mood\": {i}}}\n");
    std::fs::write(&data, TEXTS.iter().enumerate().map(row).collect::<String>()).unwrap();
    let text = format!(
        r#"
        model = {{ encoder = "bert" }}
        data = {{ train = "{0}", validation = "{0}" }}
        task = [{{ name = "mood", kind = "regression" }}]
        train = {{ epochs = 1, batch_size = 4, learning_rate = 1e-3 }}
        "#,
        data.display()
    );
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let settings = Settings::parse(&text, &overrides).unwrap();
    let trained = run(&settings, &source, &dir.path().join("model"), false, &mut Silent).unwrap();
    (dir, trained)
}

fn bits(trained: &Trained) -> Vec<Vec<u32>> {
    let of = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    trained.model.params.iter().map(|(_, param)| of(param.data())).collect()
}

#[test]
fn training_puts_the_prompt_before_texts() {
    let typed = train("null", true, QUERY, &[]).1;
    let default = train(r#""query""#, true, "", &[]).1;
    assert_eq!(bits(&typed), bits(&default), "the default prompt applies");
    let chosen = train(r#""document""#, true, "", &["model.prompt=query"]).1;
    assert_eq!(bits(&typed), bits(&chosen), "another one is chosen");
    let none = train("null", true, "", &[]).1;
    assert_ne!(bits(&typed), bits(&none));
    let turned_off = train(r#""query""#, true, "", &["model.prompt=\"\""]).1;
    assert_eq!(bits(&none), bits(&turned_off), "an empty name is none");
    let left_out = train(r#""query""#, false, "", &[]).1;
    assert_ne!(bits(&typed), bits(&left_out), "its tokens are left out of pooling");
}

#[test]
fn a_trained_model_keeps_its_prompts() {
    for include_prompt in [true, false] {
        let (dir, trained) = train(r#""document""#, include_prompt, "", &["model.prompt=query"]);
        let target = dir.path().join("model");
        let folder = SentenceFolder::read(&target).unwrap();
        let prompts =
            [("query".to_string(), QUERY.to_string()), ("document".to_string(), "text: ".to_string())];
        assert_eq!((folder.prompts, folder.include_prompt), (prompts.to_vec(), include_prompt));
        assert_eq!(folder.default_prompt_name.as_deref(), Some("query"));

        let mut model = Model::open(&target).unwrap();
        let answers = model.predict(&TEXTS).unwrap();
        assert_eq!(answers.predictions, trained.model.predict(&TEXTS).unwrap().predictions);
        let outputs = evaluate(&model, &trained.data.validation).unwrap().outputs;
        assert_eq!(model.head_outputs(&model.tokenize_with_prompt(&TEXTS, "query").unwrap().texts), outputs);
        assert_eq!(model.embed(&TEXTS).unwrap().embeddings, answers.embeddings);
        model.set_prompt(None).unwrap();
        assert_ne!(model.embed(&TEXTS).unwrap().embeddings, answers.embeddings);
    }
}

#[test]
fn a_prompt_that_the_folder_lacks_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    encoder(dir.path(), "null", true);
    let error = Model::open(dir.path()).unwrap().set_prompt(Some("qeury")).unwrap_err().to_string();
    assert_eq!(error, "unknown prompt `qeury`; there is: query, document (did you mean `query`?)");
}
