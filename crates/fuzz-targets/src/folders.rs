//! Files of model folders: the model is opened and, if it opens, used.

use std::cell::{LazyCell, OnceCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use umbel::Model;
use umbel::folder::Weights;
use umbel::text::{Tokenizer, TokenizerOptions};

use super::base::{Base, corpus, model_type};

const TEXTS: [&str; 4] =
    ["A text, naïve \u{1F980} refund [SEP] ﷺ", "", "aaaaaaaaaaaaaaaaaaaaaaaa", " \u{0} 今天\n"];

/// Opens a model and takes texts through it; what comes out is finite, or there is an error.
fn open_and_use(dir: &Path) -> bool {
    let Ok(model) = Model::open(dir) else { return false };
    let Ok(predicted) = model.predict(&TEXTS) else { return false };
    assert_eq!(predicted.predictions.len(), TEXTS.len());
    assert!(predicted.embeddings.data().iter().all(|x| x.is_finite()), "results are checked");
    true
}

/// `model.safetensors` of a small BERT.
pub(super) fn weights(input: &[u8]) -> bool {
    thread_local!(static BASE: LazyCell<Base> = const { LazyCell::new(Base::bert) });
    BASE.with(|base| {
        base.write("model.safetensors", input);
        if let Ok(weights) = Weights::open(base.path()) {
            let tensors = weights.names().filter_map(|name| weights.tensor(name).ok());
            let n_values: usize = tensors.map(|tensor| tensor.as_slice().len()).sum();
            assert!(n_values <= input.len(), "no float takes less than a byte");
            let _ = weights.check_finite();
        }
        open_and_use(base.path())
    })
}

/// `config.json` beside the weights of the family that it names; those have the sizes that the corpus says.
pub(super) fn config(input: &[u8]) -> bool {
    thread_local!(static BASES: LazyCell<BTreeMap<String, Base>> = const { LazyCell::new(bases) });
    BASES.with(|bases| {
        let named = model_type(input).and_then(|name| bases.get(&name));
        let Some(base) = named.or_else(|| bases.get("bert")) else { return false };
        base.write("config.json", input);
        open_and_use(base.path())
    })
}

/// An encoder for each `config.json` of the corpus that is one.
fn bases() -> BTreeMap<String, Base> {
    let files = fs::read_dir(corpus("config")).into_iter().flatten().flatten();
    let configs = files.filter_map(|file| fs::read(file.path()).ok());
    let base = |config: Vec<u8>| Some((model_type(&config)?, Base::of_config(&config).ok()?));
    configs.filter_map(base).collect()
}

/// `tokenizer.json` of a small BERT.
pub(super) fn tokenizer(input: &[u8]) -> bool {
    thread_local!(static BASE: LazyCell<Base> = const { LazyCell::new(Base::bert) });
    BASE.with(|base| {
        base.write("tokenizer.json", input);
        let tokenizer = Tokenizer::open(base.path());
        if let Ok(tokenizer) = &tokenizer {
            let check = |encoded: umbel::text::Encoded| {
                let ids = encoded.texts.iter().flat_map(|tokens| &tokens.input_ids);
                assert!(ids.max() <= Some(&tokenizer.max_id()), "ids have rows of the embedding");
            };
            for options in [TokenizerOptions::at(8), TokenizerOptions::whole()] {
                let _ = tokenizer.encode(&TEXTS, options).map(check);
                let _ = tokenizer.encode_pair(&[(TEXTS[0], TEXTS[3])], options).map(check);
                let _ = tokenizer.explain(TEXTS[0], options);
            }
        }
        open_and_use(base.path());
        tokenizer.is_ok()
    })
}

/// The files of sentence-transformers, as one JSON object of names and contents.
pub(super) fn sentence(input: &[u8]) -> bool {
    const FILES: [&str; 6] = [
        "modules.json",
        "1_Pooling/config.json",
        "2_Dense/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "tokenizer_config.json",
    ];
    thread_local!(static BASE: LazyCell<Base> = const { LazyCell::new(Base::with_dense) });
    let Ok(contents) = serde_json::from_slice::<Value>(input) else { return false };
    BASE.with(|base| {
        for name in FILES {
            match &contents[name] {
                Value::Null => drop(fs::remove_file(base.path().join(name))),
                Value::String(text) => base.write(name, text.as_bytes()),
                json => base.write(name, json.to_string().as_bytes()),
            }
        }
        open_and_use(base.path())
    })
}

/// `umbel.json` of a small BERT with two heads.
pub(super) fn manifest(input: &[u8]) -> bool {
    thread_local!(static BASE: OnceCell<Base> = const { OnceCell::new() });
    BASE.with(|base| {
        let base = base.get_or_init(|| Base::with_heads().expect("a model can be saved"));
        base.write("umbel.json", input);
        let _ = umbel::model::check_files(base.path());
        open_and_use(base.path())
    })
}
