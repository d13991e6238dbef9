//! How many tokens texts have, and how many texts are cut.

use super::report::{Example, Finding, Lengths, Report, Severity, Tally, rows};
use super::rows::{Rows, Split};
use crate::error::Result;
use crate::model::Model;
use crate::text::Truncation;

/// Texts that are turned into tokens at a time, so that memory does not grow with their number.
const CHUNK: usize = 8192;

/// A larger share of cut texts than this is a warning.
const MANY: f64 = 0.05;

pub(super) fn check(mut model: Model, data: &Rows, report: &mut Report) {
    let max_positions = model.encoder_shape().max_positions;
    let cuts = match model.embedding.tokens.truncation {
        Truncation::At(limit) => Cuts { limit, max_positions, truncated: true },
        Truncation::Off => Cuts { limit: max_positions, max_positions, truncated: false },
    };
    // Lengths are those before the cut; without one, a text that is too long would end the counting.
    model.embedding.tokens.truncation = Truncation::At(cuts.limit);
    for split in data.splits.iter().filter(|split| split.len() > 0) {
        match token_counts(&model, split) {
            Ok(counts) => look(split, &counts, &cuts, report),
            Err(error) => report.add(
                Finding::new(Severity::Error, "untokenizable", format!("{}: {error}", split.name))
                    .advice("change or remove this text"),
            ),
        }
    }
}

/// How many tokens are read.
struct Cuts {
    limit: usize,
    // The most that the encoder can read.
    max_positions: usize,
    // Whether longer texts are cut; if not, they are errors.
    truncated: bool,
}

fn token_counts(model: &Model, split: &Split) -> Result<Vec<usize>> {
    let mut counts = Vec::with_capacity(split.len());
    for texts in split.texts.chunks(CHUNK) {
        counts.extend(model.tokenize(texts)?.lengths);
    }
    Ok(counts)
}

fn look(split: &Split, counts: &[usize], cuts: &Cuts, report: &mut Report) {
    let mut over = Tally::default();
    for (row, &count) in counts.iter().enumerate().filter(|(_, count)| **count > cuts.limit) {
        over.push(1, || Example {
            what: format!("{count} tokens: {}", split.example(row).what),
            ..split.example(row)
        });
    }
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let lengths = Lengths {
        split: split.name,
        median: quantile(0.5),
        p95: quantile(0.95),
        max: quantile(1.0),
        limit: cuts.limit,
        over: over.n,
    };
    if over.n > 0 {
        report.add(finding(&lengths, split.len(), cuts).examples(over.examples));
    }
    report.lengths.push(lengths);
}

fn finding(lengths: &Lengths, n_rows: usize, cuts: &Cuts) -> Finding {
    let Lengths { split, limit, over, max, .. } = lengths;
    let percent = 100.0 * *over as f64 / n_rows as f64;
    let what = format!("the text of {} of {split} ({percent:.1} %)", rows(*over));
    if !cuts.truncated {
        let message = format!(
            "{what} is longer than the {limit} tokens that the encoder reads, and `truncation` is off"
        );
        return Finding::new(Severity::Error, "too_long", message)
            .advice("split them, or set `truncation = true` in `[model]`");
    }
    let severity = if percent > 100.0 * MANY { Severity::Warning } else { Severity::Note };
    let advice = if *limit < cuts.max_positions {
        let enough = (*max).min(cuts.max_positions);
        format!(
            "what comes later is not read; `max_length = {enough}` in `[model]` reads more, and takes longer"
        )
    } else {
        "what comes later is not read, and this encoder cannot read more: split them if their ends matter"
            .to_string()
    };
    Finding::new(severity, "truncation", format!("{what} is cut at {limit} tokens")).advice(advice)
}
