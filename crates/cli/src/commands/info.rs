//! `umbel info`.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use umbel::Model;
use umbel::model::{CheckedFile, Head, check_files};
use umbel::nn::params::Part;
use umbel::text::{Side, Truncation};

use crate::output::Output;

/// Show what a model consists of, and check its files and weights.
///
/// All files are read: each is held against the size and SHA-256 in umbel.json, and each weight must be a
/// finite number. If something is wrong the exit code is 1.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel info MODEL\n  umbel info MODEL --json")]
pub struct Args {
    /// The model: a folder or a name on the hub.
    model: String,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let folder = crate::model::folder(&args.model)?;
    let model = Model::open(&folder)?;
    let files = check_files(&folder)?;
    let not_finite = model.check_finite().err().map(|error| error.to_string());
    if output.json {
        let mut info = describe(&model);
        info.insert("folder".into(), json!(folder));
        info.insert("files".into(), json!(files));
        info.insert("finite".into(), json!(not_finite.is_none()));
        output.line(Value::Object(info))?;
    } else {
        show(&model, &folder, output)?;
        show_files(&files, output)?;
    }
    let changed = files.iter().filter(|file| file.as_written == Some(false));
    let changed = changed.map(|file| format!("`{}` is not what umbel.json says", file.path));
    let problems: Vec<String> = changed.chain(not_finite).collect();
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("\n")) }
}

/// All that is to be said of a model apart from its files.
fn describe(model: &Model) -> Map<String, Value> {
    let (shape, embedding, tokenizer) = (model.encoder_shape(), &model.embedding, &model.tokenizer);
    let special = tokenizer.special_tokens().into_iter().map(|(id, token)| (token, json!(id)));
    let prompts = embedding.prompts.iter().map(|(name, prompt)| (name.clone(), json!(prompt)));
    let parameters = parameters(model);
    let info = json!({
        "model_type": model.origin().model_type,
        "hidden_size": shape.hidden_size,
        "layers": shape.n_layers,
        "attention_heads": model.origin().n_heads,
        "max_positions": shape.limit(),
        "parameters": parameters,
        "parameter_bytes": model.params.n_values() * size_of::<f32>(),
        "embedding_size": model.embedding_size(),
        "truncate_dim": embedding.truncate_dim,
        "similarity": model.origin().similarity,
        "pooling": embedding.poolings,
        "projections": projections(model),
        "normalize": embedding.normalize,
        "max_length": max_length(model),
        "truncation_side": embedding.tokens.side,
        "prompts": prompts.collect::<Map<_, _>>(),
        "default_prompt": embedding.default_prompt,
        "include_prompt": embedding.include_prompt,
        "vocabulary": tokenizer.vocab_size(),
        "special_tokens": special.collect::<Map<_, _>>(),
        "pad_id": tokenizer.pad_id(),
        "padding_side": tokenizer.config.padding_side,
        "tasks": model.heads().iter().map(task).collect::<Vec<_>>(),
    });
    match info {
        Value::Object(info) => info,
        _ => unreachable!("it is written as an object"),
    }
}

/// How many numbers there are to train, in all and in each part.
fn parameters(model: &Model) -> Value {
    let count = |is_in: fn(&Part) -> bool| -> usize {
        let params = model.params.iter().filter(|(_, param)| is_in(param.part()));
        params.map(|(_, param)| param.data().len()).sum()
    };
    json!({
        "all": model.params.n_values(),
        "encoder": count(|part| !matches!(part, Part::Projection | Part::Head(_))),
        "projections": count(|part| matches!(part, Part::Projection)),
        "heads": count(|part| matches!(part, Part::Head(_))),
    })
}

fn projections(model: &Model) -> Vec<Value> {
    let layers = model.embedding.projections.iter().map(|layer| {
        let weight = &model.params[layer.linear.weight];
        let activation = format!("{:?}", layer.activation).to_lowercase();
        json!({"in": weight.cols(), "out": weight.rows(), "activation": activation})
    });
    layers.collect()
}

fn max_length(model: &Model) -> Option<usize> {
    match model.embedding.tokens.truncation {
        Truncation::Off => None,
        Truncation::At(length) => Some(length),
    }
}

fn task(head: &Head) -> Value {
    let settings = &head.settings;
    json!({
        "name": settings.name,
        "kind": settings.kind,
        "weight": settings.weight,
        "dropout": settings.dropout,
        "options": head.task.options(),
    })
}

fn show(model: &Model, folder: &Path, output: &Output) -> Result<()> {
    let info = describe(model);
    let line = |name: &str, value: String| output.line(format_args!("{name:12}  {value}"));
    let of = |key: &str| plain(&info[key]);
    let parts = info["parameters"].as_object().into_iter().flatten();
    let parts = parts.map(|(name, n)| format!("{name} {}", grouped(n.as_u64().unwrap_or(0))));
    line("folder", folder.display().to_string())?;
    line("model_type", of("model_type"))?;
    line("encoder", encoder(&info))?;
    let bytes = grouped(info["parameter_bytes"].as_u64().unwrap_or(0));
    line("parameters", format!("{} ({bytes} bytes)", parts.collect::<Vec<_>>().join(", ")))?;
    line("embedding", embedding(model))?;
    line("similarity", of("similarity"))?;
    let cut = match (max_length(model), model.embedding.tokens.side) {
        (None, _) => "texts are never cut".to_string(),
        (Some(length), Side::Left) => format!("{length} tokens, cut on the left"),
        (Some(length), Side::Right) => format!("{length} tokens, cut on the right"),
    };
    line("max length", cut)?;
    line(
        "vocabulary",
        format!("{} tokens, padding {} on the {}", of("vocabulary"), of("pad_id"), of("padding_side")),
    )?;
    line("special", special(model))?;
    line("prompts", prompts(model, of("prompts")))?;
    show_tasks(model, output)
}

/// The sizes of what makes token states.
fn encoder(info: &Map<String, Value>) -> String {
    let of = |key: &str| plain(&info[key]);
    let positions = match info["max_positions"].is_null() {
        true => "texts of any length".to_string(),
        false => format!("{} positions", of("max_positions")),
    };
    let (layers, hidden, heads) = (of("layers"), of("hidden_size"), of("attention_heads"));
    if info["layers"] == 0 {
        return format!("a table of tokens, {hidden} hidden, {positions}");
    }
    format!("{layers} layers, {hidden} hidden, {heads} heads, {positions}")
}

/// The first special tokens; some models have thousands.
fn special(model: &Model) -> String {
    let all = model.tokenizer.special_tokens();
    let shown = all.iter().take(SPECIAL_SHOWN).map(|(id, token)| format!("{token} {id}"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => "none".to_string(),
        n if n > SPECIAL_SHOWN => format!("{shown}, and {} more", n - SPECIAL_SHOWN),
        _ => shown,
    }
}

const SPECIAL_SHOWN: usize = 8;

fn prompts(model: &Model, all: String) -> String {
    let default = model.embedding.default_prompt.as_ref();
    let default = default.map_or(String::new(), |name| format!("; {name} unless another is asked for"));
    let pooled = if model.embedding.include_prompt { "" } else { "; their tokens are left out of pooling" };
    format!("{all}{default}{pooled}")
}

/// What becomes of token states, step by step.
fn embedding(model: &Model) -> String {
    let mut steps = vec![format!("{} pooling", model.embedding.poolings.join(" + "))];
    let layer =
        |layer: &Value| format!("dense {} → {} ({})", layer["in"], layer["out"], plain(&layer["activation"]));
    steps.extend(projections(model).iter().map(layer));
    steps.extend(model.embedding.normalize.then(|| "length one".to_string()));
    steps.extend(model.embedding.truncate_dim.map(|n| format!("the first {n} numbers are given")));
    format!("{} numbers: {}", model.embedding_size(), steps.join(", "))
}

fn show_tasks(model: &Model, output: &Output) -> Result<()> {
    output.line(if model.heads().is_empty() { "tasks         none" } else { "tasks" })?;
    for Head { settings, task, .. } in model.heads() {
        let options = Value::Object(task.options());
        let (name, kind, weight, dropout) =
            (&settings.name, &settings.kind, settings.weight, settings.dropout);
        output.line(format_args!("  {name}: {kind}, weight {weight}, dropout {dropout}"))?;
        output.line(format_args!("    {}", plain(&options)))?;
    }
    Ok(())
}

fn show_files(files: &[CheckedFile], output: &Output) -> Result<()> {
    output.line("files")?;
    let width = files.iter().map(|file| file.path.len()).max().unwrap_or(0);
    for CheckedFile { path, bytes, sha256, as_written } in files {
        let state = match as_written {
            None => "",
            Some(true) => "  as written",
            Some(false) => "  CHANGED",
        };
        output.line(format_args!("  {path:width$}  {bytes:>12}  {sha256}{state}"))?;
    }
    Ok(())
}

/// A value as people write it: no quotes, `name value` for what has a name.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_string(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(map) if map.is_empty() => "none".to_string(),
        Value::Object(map) => {
            let pairs = map.iter().map(|(name, value)| format!("{name} {}", value_in_list(value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// A value within a list, where its ends must be seen.
fn value_in_list(value: &Value) -> String {
    match value {
        Value::Array(_) => format!("[{}]", plain(value)),
        other => other.to_string(),
    }
}

/// 1234567 as 1,234,567.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or("")).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    #[test]
    fn large_numbers_are_grouped() {
        for (n, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(super::grouped(n), expected);
        }
    }
}
