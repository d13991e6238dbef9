//! Whether the settings fit the encoder, told by the functions that training itself uses.

use std::path::Path;

use super::report::{Finding, Report, Severity};
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::evaluate::TaskScores;
use crate::model::Model;
use crate::nn::Matrix;
use crate::settings::Settings;
use crate::train::prepare;
use crate::train::selection::Selection;

/// The model that training would begin with; `None` if it could not be made.
pub(super) fn check(
    settings: &Settings,
    dir: &Path,
    data: Option<&Rows>,
    report: &mut Report,
) -> Option<Model> {
    let wrong = |name, error: Error| {
        Finding::new(Severity::Error, name, error.to_string()).advice("correct the settings")
    };
    let seed = settings.train.seed;
    let model = Model::with_settings(dir, &settings.model, seed);
    let mut model = model.map_err(|error| report.add(wrong("model", error))).ok()?;
    let Some(data) = data else { return Some(model) };
    for (settings, task) in &data.tasks {
        if let Err(error) = model.add_head(settings.clone(), task.boxed(), seed) {
            report.add(wrong("head", error));
            return Some(model);
        }
    }
    if let Err(error) = prepare(&mut model, &settings.train) {
        report.add(wrong("freeze", error));
    } else if model.params.iter().all(|(_, param)| !param.trainable) {
        let message = "`train.freeze` freezes every weight";
        report
            .add(Finding::new(Severity::Error, "all_frozen", message).advice("leave a head or a layer free"));
    }
    if let Err(error) = selection(settings, &model, data) {
        report.add(wrong("best_metric", error));
    }
    Some(model)
}

/// Whether there is such a metric; the scores of outputs that are all zeros have all names.
fn selection(settings: &Settings, model: &Model, data: &Rows) -> Result<()> {
    let split = data.split("validation").unwrap_or(data.training());
    let scores: Vec<TaskScores> = model
        .heads()
        .iter()
        .zip(&split.targets)
        .map(|(head, targets)| {
            TaskScores::of(head, &Matrix::zeros(targets.n_outputs(), head.n_outputs()), targets)
        })
        .collect();
    Selection::new(settings.train.best_metric.as_deref(), &scores).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::testing::{Files, is_silent};
    use super::*;

    const TASK: &str = "[[task]]\nname = 'topic'\nkind = 'classification'\n\
                        [data]\ntrain = 'train.csv'\nvalidation = 'validation.csv'\n";

    /// A tiny encoder with two layers.
    fn bert() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert")
    }

    fn check(settings: &str) -> (Files, Report) {
        let long = "one two three four five six seven ".repeat(30);
        let files = Files::new(&[
            ("train.csv", &format!("text,topic\none,x\n{long},y\nthree,x\n")),
            ("validation.csv", "text,topic\nsix,x\nfive,y\n"),
        ]);
        let report = files.check_with(settings, &bert());
        (files, report)
    }

    #[test]
    fn settings_that_do_not_fit_are_errors() {
        let error = |settings: &str, name: &str| {
            let (files, report) = check(settings);
            let found = files.found(&report, name);
            assert_eq!(found.severity, Severity::Error);
            found.message.clone()
        };
        let with_train = |line: &str| format!("{TASK}[train]\n{line}\n");
        let freeze = error(&with_train("freeze = ['head:tpoic']"), "freeze");
        assert!(freeze.contains("did you mean `topic`?"), "{freeze}");
        let metric = error(&with_train("best_metric = 'topic.acuracy'"), "best_metric");
        assert!(metric.contains("did you mean `topic.accuracy`?"), "{metric}");
        error(&with_train("freeze = ['backbone', 'head:topic']"), "all_frozen");
        let model = |line: &str| format!("[model]\nencoder = 'none'\n{line}\n{TASK}");
        assert!(error(&model("pooling = 'maen'"), "model").contains("did you mean `mean`?"));
        assert!(error(&model("max_length = 100000"), "model").contains("reads at most"));
    }

    #[test]
    fn settings_that_fit_say_nothing() {
        let (_files, report) =
            check(&format!("{TASK}[train]\nbest_metric = 'topic.accuracy'\nfreeze = ['backbone']"));
        assert_eq!(report.count(Severity::Error), 0, "{:#?}", report.findings);
        assert!(is_silent(&report, "no_encoder"));
    }

    #[test]
    fn texts_that_are_cut_are_counted() {
        let cut = |line: &str| check(&format!("[model]\nencoder = 'none'\n{line}\n{TASK}"));
        let (files, report) = cut("max_length = 8");
        let found = files.found(&report, "truncation");
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(found.message, "cut at 8 tokens: 1 text (20.0 %)");
        assert_eq!(found.examples[0].places[0].line, 3);
        let training = &report.lengths[0];
        assert_eq!(
            (training.limit, training.over, training.median < 8, training.max > 100),
            (8, 1, true, true)
        );
        let (files, report) = cut("truncation = false");
        assert_eq!(files.found(&report, "too_long").severity, Severity::Error);
    }

    #[test]
    fn texts_that_become_no_tokens_are_a_warning() {
        let files = Files::new(&[
            ("train.csv", "text,topic\none,x\n\u{ad}\u{200b},y\n\" \",x\n"),
            ("validation.csv", "text,topic\nsix,x\nfive,y\n"),
        ]);
        let report = files.check_with(TASK, &bert());
        let found = files.found(&report, "no_tokens");
        assert_eq!(found.message, "the text of 1 row of training becomes no tokens");
        assert_eq!((found.severity, found.examples[0].places[0].line), (Severity::Warning, 3));
    }

    #[test]
    fn without_an_encoder_its_checks_are_passed_over() {
        let files =
            Files::new(&[("train.csv", "text,topic\na,x\nb,y\n"), ("validation.csv", "text,topic\nc,x\n")]);
        let report = files.check(TASK);
        assert_eq!(files.found(&report, "no_encoder").severity, Severity::Note);
        assert!(report.lengths.is_empty());
    }
}
