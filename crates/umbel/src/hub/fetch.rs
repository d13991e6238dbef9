//! Which files a model consists of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::options::HubOptions;
use super::repository::Repository;
use crate::error::{Error, Result};
use crate::folder::config::read_json;
use crate::folder::sentence::TRANSFORMER_CONFIGS;

/// Beside `config.json` and the weights; a model may lack any of them.
const TOKENIZER_FILES: [&str; 3] = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];

/// Fetches a model, where it is not in the cache yet, and gives its folder there.
pub(super) fn fetch(id: &str, revision: &str, options: &HubOptions) -> Result<PathBuf> {
    if !super::name::is_revision(revision) {
        return Err(Error::Hub(format!("`{revision}` is no revision; expected a branch, a tag or a commit")));
    }
    let mut repository = Repository::open(id, revision, options)?;
    let config = repository.optional("config.json")?;
    let modules = repository.optional("modules.json")?;
    if config.is_none() && modules.is_none() {
        return Err(repository.not_found());
    }
    let modules = modules.map(|path| read_modules(&path)).transpose()?.unwrap_or_default();
    fetch_encoder(&mut repository, &modules)?;
    for module in modules.iter().filter(|module| !module.is_encoder() && !module.path.is_empty()) {
        fetch_module(&mut repository, module)?;
    }
    repository.optional("config_sentence_transformers.json")?;
    if let Some(heads) = repository.optional("umbel.json")? {
        for file in read_heads(&heads)? {
            repository.optional(&file)?;
        }
    }
    repository.snapshot().ok_or_else(|| repository.not_found())
}

/// A line of `modules.json`: the last part of its class, and its folder.
struct Module {
    class: String,
    path: String,
}

/// What it says is judged when the folder is read; here only the paths are wanted.
fn read_modules(path: &Path) -> Result<Vec<Module>> {
    let value = read_json(path)?;
    let module = |entry: &Value| {
        let class = entry["type"].as_str()?.rsplit('.').next()?.to_string();
        let parts = entry["path"].as_str()?.split('/').filter(|part| !["", "."].contains(part));
        Some(Module { class, path: parts.collect::<Vec<_>>().join("/") })
    };
    Ok(value.as_array().into_iter().flatten().filter_map(module).collect())
}

impl Module {
    /// True of the one that reads texts.
    fn is_encoder(&self) -> bool {
        ["Transformer", "StaticEmbedding"].contains(&&self.class[..])
    }
}

fn fetch_encoder(repository: &mut Repository<'_>, modules: &[Module]) -> Result<()> {
    let encoder = modules.iter().find(|module| module.is_encoder());
    let dir = encoder.map_or("", |module| &module.path);
    if encoder.is_some_and(|module| module.class == "StaticEmbedding") {
        repository.optional(&join(dir, "config.json"))?; // Those of model2vec have one.
        repository.required(&join(dir, "tokenizer.json"))?;
        return fetch_weights(repository, dir);
    }
    repository.required(&join(dir, "config.json"))?;
    for file in TOKENIZER_FILES {
        repository.optional(&join(dir, file))?;
    }
    if !modules.is_empty() {
        for file in TRANSFORMER_CONFIGS {
            if repository.optional(&join(dir, file))?.is_some() {
                break;
            }
        }
    }
    fetch_weights(repository, dir)
}

fn fetch_module(repository: &mut Repository<'_>, module: &Module) -> Result<()> {
    repository.optional(&join(&module.path, "config.json"))?;
    if module.class == "Dense" { fetch_weights(repository, &module.path) } else { Ok(()) }
}

fn fetch_weights(repository: &mut Repository<'_>, dir: &str) -> Result<()> {
    if repository.optional(&join(dir, "model.safetensors"))?.is_some() {
        return Ok(());
    }
    let Some(index) = repository.optional(&join(dir, "model.safetensors.index.json"))? else {
        return Err(no_weights(repository, dir));
    };
    let value = read_json(&index)?;
    let names = value["weight_map"].as_object().into_iter().flat_map(|map| map.values());
    let shards: BTreeSet<&str> = names.filter_map(Value::as_str).collect();
    shards.into_iter().try_for_each(|shard| repository.required(&join(dir, shard)).map(|_| ()))
}

fn no_weights(repository: &Repository<'_>, dir: &str) -> Error {
    let pickle = ["pytorch_model.bin", "pytorch_model.bin.index.json"].map(|name| join(dir, name));
    match pickle.iter().find(|name| repository.has(name)) {
        Some(name) => Error::Hub(format!(
            "{} has only `{name}`: a pickle can run any code, so umbel never opens one; in Python, \
             `AutoModel.from_pretrained(ID).save_pretrained(DIR)` converts it",
            repository.name()
        )),
        None => repository.lacks(&join(dir, "model.safetensors")),
    }
}

/// The weights of the heads that `umbel.json` lists as `tasks`.
fn read_heads(path: &Path) -> Result<Vec<String>> {
    let value = read_json(path)?;
    let names = value["tasks"].as_array().into_iter().flatten().filter_map(|task| task["name"].as_str());
    Ok(names.map(|name| format!("heads/{name}/model.safetensors")).collect())
}

fn join(dir: &str, file: &str) -> String {
    if dir.is_empty() { file.to_string() } else { format!("{dir}/{file}") }
}
