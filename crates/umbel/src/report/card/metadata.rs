//! What the hub reads of a model card: `pipeline_tag`, `base_model`, and a result for each task.

use std::path::Path;

use serde_json::{Value, json};

use super::single;
use crate::evaluate::TaskScores;
use crate::report::Run;
use crate::report::numbers::metric_name;
use crate::settings::{Files, Settings, Validation};

/// What the hub calls kinds of task that are not `text-classification`.
const TASKS: [(&str, &str); 4] = [
    ("contrastive", "sentence-similarity"),
    ("distill", "feature-extraction"),
    ("similarity", "sentence-similarity"),
    ("tagging", "token-classification"),
];

/// What the hub calls metrics, where it has a name of its own.
const METRICS: [(&str, &str); 4] =
    [("macro_f1", "f1"), ("mcc", "matthews_correlation"), ("pearson", "pearsonr"), ("spearman", "spearmanr")];

fn named(names: &[(&'static str, &'static str)], own: &str) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == own).map(|(_, name)| *name)
}

fn task(kind: &str) -> &'static str {
    named(&TASKS, kind).unwrap_or("text-classification")
}

/// The rows that speak for the model: those of test if there are some, else those of validation.
pub(super) fn held_out<'a>(run: &Run<'a>) -> Option<(&'static str, &'a [TaskScores])> {
    match run.tested {
        Some(tested) => Some(("test", &tested.evaluated.tasks)),
        None => Some(("validation", &run.epochs.iter().rfind(|epoch| epoch.best)?.validation)),
    }
}

/// The names of the files of a split; rows that were held out are of the training files.
pub(super) fn files(settings: &Settings, split: &str) -> String {
    let data = &settings.data;
    let files = match (split, &data.validation) {
        ("test", _) => data.test.as_ref(),
        ("validation", Validation::Files(files)) => Some(files),
        _ => Some(&data.train),
    };
    let sources = files.into_iter().flat_map(Files::sources);
    sources.map(|source| source.path().to_string_lossy()).collect::<Vec<_>>().join(", ")
}

/// The front matter; `settings` are those that may be published.
pub(super) fn metadata(run: &Run<'_>, settings: &Settings) -> Value {
    let heads = run.model.heads();
    let tasks: Vec<&str> = heads.iter().map(|head| task(&head.settings.kind)).collect();
    let answers = tasks.iter().find(|task| ["text-classification", "token-classification"].contains(task));
    let pipeline = answers.or(tasks.first()).copied().unwrap_or("sentence-similarity");
    let mut tags = vec!["umbel", "multi-task", "sentence-transformers", "feature-extraction"];
    tags.extend(tasks.iter().filter(|task| **task != "feature-extraction"));
    let mut seen = Vec::new();
    tags.retain(|tag| {
        !seen.contains(tag) && {
            seen.push(tag);
            true
        }
    });
    let mut metadata =
        json!({ "library_name": "sentence-transformers", "pipeline_tag": pipeline, "tags": tags });
    if !Path::new(&run.settings.model.encoder).is_dir() {
        let id = settings.model.encoder.split('@').next().unwrap_or_default();
        metadata["base_model"] = json!(id);
    }
    let results: Vec<Value> = results(run, settings);
    if !results.is_empty() {
        metadata["model-index"] = json!([{ "name": name(run, settings), "results": results }]);
    }
    metadata
}

/// The encoder's name and the tasks', since a folder may be called anything.
fn name(run: &Run<'_>, settings: &Settings) -> String {
    let encoder = settings.model.encoder.rsplit('/').next().unwrap_or_default();
    let tasks: Vec<&str> = run.model.heads().iter().map(|head| head.name()).collect();
    format!("{encoder}: {}", tasks.join(", "))
}

/// A result for each task that has labelled rows and a metric.
fn results(run: &Run<'_>, settings: &Settings) -> Vec<Value> {
    let Some((split, scores)) = held_out(run) else { return Vec::new() };
    let of_task = |(head, scores): (&crate::model::Head, &TaskScores)| {
        let metric = |(key, value): (&String, f64)| json!({ "type": named(&METRICS, key).unwrap_or(key), "name": metric_name(key), "value": value });
        let metrics: Vec<Value> = single(scores).into_iter().map(metric).collect();
        let name = files(settings, split);
        // The column keeps two tasks of one file apart, which the hub tells by type and data set.
        let dataset =
            json!({ "name": name, "type": "local", "config": head.settings.column(), "split": split });
        let task = json!({ "type": task(&head.settings.kind), "name": head.name() });
        (!metrics.is_empty()).then(|| json!({ "task": task, "dataset": dataset, "metrics": metrics }))
    };
    run.model.heads().iter().zip(scores).filter_map(of_task).collect()
}
