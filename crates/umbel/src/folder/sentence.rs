//! The files that make an encoder's folder a sentence-transformers folder, in all their spellings.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::config::{Config, read_json};
use super::dense::DenseLayer;
use super::{causal, paths, static_folder::Input};
use crate::error::{Error, Result};

/// What a sentence-transformers folder says beside the encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct SentenceFolder {
    /// Where `config.json`, the weights and the tokenizer are.
    pub transformer_dir: PathBuf,
    /// What is there.
    pub input: Input,
    /// Names of poolings, in the order in which their results are joined.
    pub poolings: Vec<String>,
    /// False if a prompt's tokens are left out of pooling.
    pub include_prompt: bool,
    /// Projections of the pooled vector, in their order.
    pub dense: Vec<DenseLayer>,
    /// True if the embedding is scaled to length 1.
    pub normalize: bool,
    /// How many tokens of a text are read, if the folder says so.
    pub max_seq_length: Option<usize>,
    /// True if texts are lower-cased first.
    pub do_lower_case: bool,
    /// Names of prompts, and the text that is put before a text.
    pub prompts: Vec<(String, String)>,
    /// The prompt that is used where none is asked for.
    pub default_prompt_name: Option<String>,
    /// How embeddings are meant to be compared: `cosine`, `dot`, ...
    pub similarity: Option<String>,
    /// How many numbers of an embedding are given, if not all.
    pub truncate_dim: Option<usize>,
}

/// The names that the transformer's own settings have had.
pub const TRANSFORMER_CONFIGS: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// Poolings by the flags of older files, in the order in which older versions joined them.
pub(super) const POOLING_FLAGS: [(&str, &str); 6] = [
    ("pooling_mode_cls_token", "cls"),
    ("pooling_mode_max_tokens", "max"),
    ("pooling_mode_mean_tokens", "mean"),
    ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len"),
    ("pooling_mode_weightedmean_tokens", "weightedmean"),
    ("pooling_mode_lasttoken", "lasttoken"),
];

impl SentenceFolder {
    /// Reads what a folder says; without `modules.json`, mean pooling, or the last token of what continues texts.
    ///
    /// # Errors
    /// [`Error::Model`] with everything that is wrong.
    pub fn read(dir: &Path) -> Result<Self> {
        let mut folder = Self::plain(dir);
        let mut problems = Problems { dir, found: Vec::new() };
        if dir.join("modules.json").exists() {
            let modules = Module::read_all(dir)?;
            problems.extend(check_order(&modules));
            for module in &modules {
                problems.note(folder.read_module(module));
            }
        } else if causal::is_causal(dir) {
            folder.poolings = vec!["lasttoken".into()];
        }
        problems.note(folder.read_model2vec());
        problems.note(folder.read_transformer());
        problems.note(folder.read_prompts(dir));
        problems.extend(folder.check_widths());
        problems.into_result(folder)
    }

    /// Mean pooling, and nothing else.
    pub fn plain(dir: &Path) -> Self {
        Self {
            transformer_dir: dir.to_path_buf(),
            input: Input::Transformer,
            poolings: vec!["mean".into()],
            include_prompt: true,
            dense: Vec::new(),
            normalize: false,
            max_seq_length: None,
            do_lower_case: false,
            prompts: Vec::new(),
            default_prompt_name: None,
            similarity: None,
            truncate_dim: None,
        }
    }

    fn read_module(&mut self, module: &Module) -> Result<()> {
        match module.kind {
            Kind::StaticEmbedding => {
                (self.transformer_dir, self.input) = (module.dir.clone(), Input::StaticEmbedding);
            }
            Kind::Transformer => self.transformer_dir = module.dir.clone(),
            Kind::Pooling => self.read_pooling(&Config::read(&module.dir.join("config.json"))?)?,
            Kind::Dense => self.dense.push(DenseLayer::read(&module.dir)?),
            Kind::Normalize => self.normalize = true,
        }
        Ok(())
    }

    fn read_pooling(&mut self, config: &Config) -> Result<()> {
        let names = config.strings("pooling_mode")?;
        let flagged = |(flag, name): &(&str, &'static str)| match config.bool_or(flag, false) {
            Ok(chosen) => chosen.then_some(Ok(*name)),
            Err(error) => Some(Err(error)),
        };
        let poolings = if names.is_empty() {
            POOLING_FLAGS.iter().filter_map(flagged).collect::<Result<Vec<_>>>()?
        } else {
            let known =
                |name: &str| POOLING_FLAGS.iter().find(|(_, known)| *known == name).map(|(_, known)| *known);
            let name =
                |name: &&str| known(if *name == "mean_sqrt_len_tokens" { "mean_sqrt_len" } else { name });
            let names = names.iter().map(name).collect::<Option<Vec<_>>>();
            names.ok_or_else(|| {
                config
                    .wrong("pooling_mode", "cls, mean, max, mean_sqrt_len_tokens, weightedmean or lasttoken")
            })?
        };
        if !poolings.is_empty() {
            self.poolings = poolings.into_iter().map(String::from).collect();
        }
        self.include_prompt = config.bool_or("include_prompt", true)?;
        Ok(())
    }

    fn read_transformer(&mut self) -> Result<()> {
        if self.input.is_static() {
            return Ok(());
        }
        let files = TRANSFORMER_CONFIGS.iter().map(|name| self.transformer_dir.join(name));
        let Some(path) = files.into_iter().find(|path| path.exists()) else { return Ok(()) };
        let config = Config::read(&path)?;
        if config.str_or("transformer_task", "feature-extraction")? != "feature-extraction" {
            return Err(config.wrong("transformer_task", "`feature-extraction`"));
        }
        self.max_seq_length =
            config.has("max_seq_length").then(|| config.usize("max_seq_length")).transpose()?;
        self.do_lower_case = config.bool_or("do_lower_case", false)?;
        Ok(())
    }

    fn read_prompts(&mut self, dir: &Path) -> Result<()> {
        let Some(config) = Config::read_optional(&dir.join("config_sentence_transformers.json"))? else {
            return Ok(());
        };
        if config.str_or("model_type", "SentenceTransformer")? != "SentenceTransformer" {
            return Err(config.wrong("model_type", "`SentenceTransformer`"));
        }
        if let Some(prompts) = config.section("prompts")? {
            self.prompts = prompts
                .entries()
                .map(|(name, text)| read_prompt(&prompts, name, text))
                .collect::<Result<_>>()?;
        }
        let default = config.str_or("default_prompt_name", "")?;
        let known = |name: &str| self.prompts.iter().any(|(known, _)| known == name);
        if known(default) {
            self.default_prompt_name = Some(default.to_string());
        } else if !["", "query", "document"].contains(&default) {
            // sentence-transformers gives every model an empty `query` and an empty `document` prompt
            return Err(config.wrong("default_prompt_name", "the name of one of the `prompts`"));
        }
        self.similarity =
            Some(config.str_or("similarity_fn_name", "")?.to_string()).filter(|name| !name.is_empty());
        self.truncate_dim = config.positive("truncate_dim")?;
        Ok(())
    }

    /// Each projection must read as many numbers as the one before gives.
    fn check_widths(&self) -> Vec<String> {
        let wrong = |pair: &[DenseLayer]| {
            let (gives, reads) = (pair[0].weight.shape[0], pair[1].weight.shape[1]);
            (gives != reads).then(|| format!("a Dense gives {gives} numbers, but the next one reads {reads}"))
        };
        self.dense.windows(2).filter_map(wrong).collect()
    }
}

fn read_prompt(prompts: &Config, name: &str, text: &Value) -> Result<(String, String)> {
    match text {
        Value::Null => Ok((name.to_string(), String::new())),
        Value::String(text) => Ok((name.to_string(), text.clone())),
        _ => Err(prompts.wrong(name, "a string")),
    }
}

/// A line of `modules.json`.
struct Module {
    kind: Kind,
    dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    StaticEmbedding,
    Transformer,
    Pooling,
    Dense,
    Normalize,
}

impl Module {
    fn read_all(dir: &Path) -> Result<Vec<Self>> {
        let path = dir.join("modules.json");
        let value = read_json(&path)?;
        let entries = value.as_array().ok_or_else(|| Error::model(&path, "expected a list of modules"))?;
        let read: Vec<_> = entries.iter().enumerate().map(|(i, entry)| Self::read(dir, i, entry)).collect();
        let problems: Vec<String> = read.iter().filter_map(|module| module.as_ref().err().cloned()).collect();
        if problems.is_empty() {
            Ok(read.into_iter().flatten().collect())
        } else {
            Err(Error::Model { path, problems })
        }
    }

    fn read(dir: &Path, i: usize, entry: &Value) -> Result<Self, String> {
        let (Some(name), Some(path)) = (entry["type"].as_str(), entry["path"].as_str()) else {
            return Err(format!("module {i} lacks a `type` or a `path`; expected two strings"));
        };
        let dir = paths::inside(dir, path).map_err(|problem| format!("module {i}: {problem}"))?;
        let class = name.strip_prefix("sentence_transformers.").and_then(|name| name.rsplit('.').next());
        let kind = match class {
            Some("StaticEmbedding") => Kind::StaticEmbedding,
            Some("Transformer") => Kind::Transformer,
            Some("Pooling") => Kind::Pooling,
            Some("Dense") => Kind::Dense,
            Some("Normalize") => Kind::Normalize,
            _ => {
                return Err(format!(
                    "module {i} is a `{name}`; there is: StaticEmbedding, Transformer, Pooling, Dense, Normalize"
                ));
            }
        };
        Ok(Self { kind, dir })
    }
}

fn check_order(modules: &[Module]) -> Vec<String> {
    let count = |kind| modules.iter().filter(|module| module.kind == kind).count();
    let wrong_count = |(kind, expected, beside): (Kind, usize, &str)| {
        let found = count(kind);
        let number = ["no", "one"][expected];
        let problem = || format!("modules.json: expected {number} {kind:?}{beside}, found {found}");
        (found != expected).then(problem)
    };
    let swapped = |pair: &[Module]| {
        let (first, second) = (pair[0].kind, pair[1].kind);
        (first > second).then(|| format!("modules.json: a {second:?} after a {first:?} is not supported"))
    };
    let beside = " beside StaticEmbedding";
    let counts = match count(Kind::StaticEmbedding) {
        0 => vec![(Kind::Transformer, 1, ""), (Kind::Pooling, 1, "")],
        _ => vec![(Kind::StaticEmbedding, 1, ""), (Kind::Transformer, 0, beside), (Kind::Pooling, 0, beside)],
    };
    counts.into_iter().filter_map(wrong_count).chain(modules.windows(2).filter_map(swapped)).collect()
}

/// Everything that is wrong with a folder.
struct Problems<'a> {
    dir: &'a Path,
    found: Vec<Error>,
}

impl Problems<'_> {
    fn note(&mut self, result: Result<()>) {
        self.found.extend(result.err());
    }

    fn extend(&mut self, problems: Vec<String>) {
        self.found.extend(problems.into_iter().map(|problem| Error::model(self.dir, problem)));
    }

    fn into_result<T>(mut self, value: T) -> Result<T> {
        match self.found.len() {
            0 => Ok(value),
            1 => Err(self.found.remove(0)),
            _ => {
                let problems = self.found.iter().map(ToString::to_string).collect();
                Err(Error::Model { path: self.dir.to_path_buf(), problems })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::fixtures::{json, shared};
    use super::*;

    #[test]
    fn every_spelling_of_a_folder_is_read() {
        let Some(root) = shared("parity/fixtures/st") else { return };
        for case in json(&root.join("expected.json"))["cases"].as_array().unwrap() {
            let dir = root.join(case["dir"].as_str().unwrap());
            let read = SentenceFolder::read(&dir);
            if case["expect"] == "reject" {
                assert!(read.unwrap_err().to_string().contains("2_Dense/pytorch_model.bin"));
                continue;
            }
            let folder = read.unwrap();
            for prompt in case["prompts"].as_array().unwrap() {
                assert!(folder.prompts.iter().any(|(name, _)| name == prompt), "{}", dir.display());
            }
        }
    }

    #[test]
    fn old_and_new_spellings_say_the_same() {
        let Some(root) = shared("parity/fixtures/st") else { return };
        let read = |dir: &str| {
            let folder = SentenceFolder::read(&root.join(dir)).unwrap();
            SentenceFolder { transformer_dir: root.clone(), max_seq_length: None, ..folder }
        };
        let new = read("bert-v6");
        assert_eq!((&new.poolings[..], new.dense.len(), new.normalize), (&["mean".to_string()][..], 1, true));
        assert_eq!(new.dense[0].activation, "tanh");
        assert_eq!(read("bert-v2"), new);
        let without_prompts = |folder| SentenceFolder { prompts: Vec::new(), similarity: None, ..folder };
        assert_eq!(without_prompts(read("bert-v1")), without_prompts(new));
        assert_eq!(read("xlm-roberta-v6").poolings, ["cls", "max", "lasttoken"]);
        assert_eq!(read("xlm-roberta-v2").poolings, ["cls", "max", "lasttoken"]);
        assert_eq!(read("bert-two-dense-v6").dense.len(), 2);
        let left_out = read("bert-prompt-left-out");
        assert_eq!(
            (left_out.include_prompt, left_out.default_prompt_name.as_deref()),
            (false, Some("query"))
        );
        assert_eq!(left_out.similarity.as_deref(), Some("dot"));
    }

    /// Writes `files` into a folder, reads it, and gives the message of the error.
    fn refused(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        SentenceFolder::read(folder.path()).unwrap_err().to_string()
    }

    fn modules(modules: &[(&str, &str)]) -> String {
        let entry = |(class, path): &(&str, &str)| {
            format!(r#"{{"type": "sentence_transformers.models.{class}", "path": "{path}"}}"#)
        };
        format!("[{}]", modules.iter().map(entry).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn unknown_modules_and_orders_are_refused() {
        let check = |modules: &str, expected: &str| {
            let message = refused(&[("modules.json", modules), ("1_Pooling/config.json", "{}")]);
            assert!(message.contains(expected), "{message}");
        };
        let (transformer, pooling) = (("Transformer", ""), ("Pooling", "1_Pooling"));
        check(&modules(&[transformer, ("LSTM", "")]), "module 1 is a `sentence_transformers.models.LSTM`");
        check(r#"[{"type": "evil.Transformer", "path": ""}]"#, "`evil.Transformer`");
        check(&modules(&[transformer, ("Pooling", "../1_Pooling")]), "outside");
        check(&modules(&[transformer]), "expected one Pooling, found 0");
        check(&modules(&[transformer, pooling, pooling]), "expected one Pooling, found 2");
        let dense_last = [transformer, pooling, ("Normalize", ""), ("Dense", "3")];
        check(&modules(&dense_last), "a Dense after a Normalize is not supported");
        check("{}", "expected a list");
        check("[1]", "module 0 lacks");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let message = refused(&[
            ("modules.json", &modules(&[("Transformer", ""), ("Pooling", "1_Pooling")])),
            ("1_Pooling/config.json", r#"{"pooling_mode": "maen"}"#),
            ("sentence_bert_config.json", r#"{"max_seq_length": "long"}"#),
            ("config_sentence_transformers.json", r#"{"prompts": {}, "default_prompt_name": "x"}"#),
        ]);
        for expected in
            [": 3 problems", "`pooling_mode` is \"maen\"", "`max_seq_length` is \"long\"", "is \"x\""]
        {
            assert!(message.contains(expected), "{message}");
        }
    }
}
