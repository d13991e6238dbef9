//! The model card: `README.md` with what the hub of Hugging Face reads, how to use the model, and how good it is.

mod metadata;
mod yaml;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Run;
use super::numbers::{count, counted, decimal, metric_name};
use crate::error::{Error, Result};
use crate::evaluate::TaskScores;
use crate::folder::write::write_file;
use crate::settings::{Files, Settings, Validation};

/// What tells our file from one that somebody wrote.
const MARK: &str = "<!-- Written by umbel. Without this line umbel leaves the file as it is. -->";

/// Labels of a task that are named.
const LABELS: usize = 30;

/// Writes the card, unless there is a file that umbel did not write.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written, or read to see whose it is.
pub(super) fn write(path: &Path, run: &Run<'_>) -> Result<()> {
    if path.exists() {
        let there = std::fs::read(path).map_err(Error::io(path))?;
        if !String::from_utf8_lossy(&there).contains(MARK) {
            return Ok(());
        }
    }
    write_file(path, card(run).as_bytes())
}

fn card(run: &Run<'_>) -> String {
    let settings = public(run.settings);
    let names: Vec<String> = run.model.heads().iter().map(|head| head.name().to_string()).collect();
    let front = yaml::block(&metadata::metadata(run, &settings));
    let title = names.join(", ");
    let encoder = escaped(&settings.model.encoder);
    let n = counted(names.len(), "task", "tasks");
    let mut card = format!("---\n{front}---\n{MARK}\n\n# {}\n\n", escaped(&title));
    let _ = writeln!(
        card,
        "{n} on one shared sentence embedding: `{}` with a head for each task, trained by umbel {}. The embedding and \
         every answer come from one pass through the encoder.\n",
        encoder.replace('`', ""),
        env!("CARGO_PKG_VERSION")
    );
    card + &tasks(run)
        + USE
        + &results(run, &settings)
        + &data(run, &settings)
        + &course(run)
        + &said(&settings)
}

const USE: &str = r#"## Use

With `MODEL` for the folder of this file:

```sh
echo 'Some text.' | umbel predict MODEL           # the answer of every task, as JSON
umbel embed MODEL texts.txt -o embeddings.npy     # the embedding alone
```

The folder is one of sentence-transformers too, so that Python loads the embedding as it is:

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("MODEL")
embeddings = model.encode(["Some text."])
```

The heads' weights are in `heads/<task>/model.safetensors`; `umbel.json` says what each reads and answers.

"#;

fn tasks(run: &Run<'_>) -> String {
    let mut text = String::from("| task | kind | labels |\n|---|---|---|\n");
    for head in run.model.heads() {
        let labels = head.task.labels();
        let named: Vec<String> = labels.iter().take(LABELS).map(|label| escaped(label)).collect();
        let more = labels.len() - named.len();
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        let labels = format!("{}{more}", named.join(", "));
        let _ = writeln!(text, "| {} | {} | {labels} |", escaped(head.name()), escaped(&head.settings.kind));
    }
    text + "\n"
}

/// A table of every task's numbers.
fn results(run: &Run<'_>, settings: &Settings) -> String {
    let Some((split, scores)) = metadata::held_out(run) else { return String::new() };
    let files = metadata::files(settings, split);
    let mut text = format!("## Results\n\nOn the rows of {split} ({}).\n\n", escaped(&files));
    text += "| task | metric | value | labelled rows |\n|---|---|---|---|\n";
    for task in scores {
        for (metric, value) in single(task) {
            let (name, n) = (escaped(&task.task), count(task.n));
            let _ = writeln!(text, "| {name} | {} | {} | {n} |", metric_name(metric), decimal(Some(value)));
        }
    }
    text + "\n"
}

/// The metrics of a task that are one number, first the one that stands for it; none of a task without labels.
fn single(task: &TaskScores) -> Vec<(&String, f64)> {
    let number = |(name, value): (_, &Value)| Some((name, value.as_f64().filter(|_| value.is_f64())?));
    let all = task.metrics.iter().filter_map(number);
    let (main, others): (Vec<_>, Vec<_>) = all.partition(|(name, _)| **name == task.main_metric);
    if task.n == 0 { Vec::new() } else { [main, others].concat() }
}

fn data(run: &Run<'_>, settings: &Settings) -> String {
    let mut splits =
        vec![("training", "train", &run.data.train), ("validation", "validation", &run.data.validation)];
    splits.extend(run.tested.map(|tested| ("test", "test", &tested.data)));
    let mut text = String::from("## Data\n\n| rows | files | all |");
    run.model.heads().iter().for_each(|head| text += &format!(" {} |", escaped(head.name())));
    text += "\n|---|---|---|";
    text += &"---|".repeat(run.model.heads().len());
    for (name, split, data) in splits {
        let _ = write!(
            text,
            "\n| {name} | {} | {} |",
            escaped(&metadata::files(settings, split)),
            count(data.len())
        );
        for task in 0..run.model.heads().len() {
            let _ = write!(text, " {} |", count(data.targets(task).n_present()));
        }
    }
    let cut = count(run.report.n_truncated);
    text + &format!(
        "\n\nThe columns of the tasks count the rows that have their label. Texts of training and validation that were \
         cut: {cut}.\n\n"
    )
}

/// What was seen in training.
fn course(run: &Run<'_>) -> String {
    let Some(best) = run.best() else { return String::new() };
    let n = counted(run.epochs.len(), "epoch", "epochs");
    let mut text = format!("## Training\n\n{n}, of which epoch {} was the best. ", best.epoch);
    text += "`training/report.html` shows the course of it, `training/metrics.jsonl` has the numbers.\n\n";
    let findings = run.epochs.last().map(|last| &last.findings[..]).unwrap_or_default();
    findings.iter().for_each(|finding| text += &format!("- {}\n", escaped(&finding.sentence)));
    text + if findings.is_empty() { "" } else { "\n" }
}

fn said(settings: &Settings) -> String {
    let toml = settings.to_toml();
    // A fence that no line of the settings can end.
    let fence = "`".repeat(3 + toml.split(|c| c != '`').map(str::len).max().unwrap_or(0));
    format!("## Settings\n\n{fence}toml\n{}\n{fence}\n", toml.trim_end())
}

/// The settings with the names of files in place of their paths, which are nobody else's business.
fn public(settings: &Settings) -> Settings {
    let mut public = settings.clone();
    let name = |path: &mut PathBuf| *path = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
    let names = |files: &mut Files| files.paths_mut().for_each(name);
    names(&mut public.data.train);
    public.data.test.iter_mut().for_each(names);
    if let Validation::Files(files) = &mut public.data.validation {
        names(files);
    }
    let encoder = Path::new(&settings.model.encoder);
    if let (true, Some(name)) = (encoder.is_dir(), encoder.file_name()) {
        public.model.encoder = name.to_string_lossy().into_owned();
    }
    public
}

/// Text that Markdown shows as it is, in one line.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            c if "\\`*_[]|#~!".contains(c) => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("<b>|x|\n[a](b)"), "&lt;b&gt;\\|x\\| \\[a\\](b)");
    }

    #[test]
    fn settings_cannot_end_their_fence() {
        let text = "model = { encoder = \"a```b\" }\ndata = { train = \"t\" }";
        let text = said(&Settings::parse(text, &[]).unwrap());
        assert!(text.contains("\n``````toml\n") && text.ends_with("\n``````\n"), "{text}");
    }
}
