//! What is wrong with the settings and the data of a run, found before training.

pub mod report;

mod columns;
mod confident;
mod coverage;
mod fit;
mod labels;
mod lengths;
mod likeness;
mod mixture;
mod noise;
mod numbers;
mod rows;
#[cfg(test)]
mod testing;
mod texts;

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::settings::Settings;

pub use noise::noise;
pub use report::{Example, Finding, Lengths, Place, Report, Severity};

use rows::Rows;

/// Looks through the settings and all rows that they name, as training would read and split them.
///
/// `encoder` is the folder of the encoder, or why it is not to be had: then neither the lengths of texts nor
/// the settings that depend on the encoder are looked at. Problems are findings, all of them at once.
pub fn check(settings: &Settings, encoder: Result<PathBuf>) -> Report {
    let mut report = Report::default();
    let rows = Rows::read(settings, &mut report);
    if let Some(rows) = &rows {
        coverage::check(rows, &mut report);
        labels::check(settings, rows, &mut report);
        numbers::check(rows, &mut report);
        texts::check(&settings.check, rows, &mut report);
        columns::check(settings, rows, &mut report);
        mixture::check(settings, rows, &mut report);
    }
    match encoder {
        Ok(dir) => {
            if let Some(model) = fit::check(settings, &dir, rows.as_ref(), &mut report)
                && let Some(rows) = &rows
            {
                lengths::check(model, rows, &mut report);
            }
        }
        Err(error) => report.add(no_encoder(&error)),
    }
    report.findings.sort_by_key(|finding| finding.severity);
    report
}

fn no_encoder(error: &Error) -> Finding {
    let message = format!("the encoder is not to be had: {error}");
    let advice = "is it spelled right? training fetches models of the hub, this check does not: \
                  the lengths of texts and the settings that depend on the encoder were not looked at";
    Finding::new(Severity::Note, "no_encoder", message).advice(advice)
}
