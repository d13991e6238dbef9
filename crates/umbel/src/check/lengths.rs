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
    let mut over = Tally::default();
    let n_around = model.tokenize(&[""]).map_or(0, |empty| empty.lengths[0]);
    for split in data.splits.iter().filter(|split| split.len() > 0) {
        match token_counts(&model, split) {
            Ok(counts) => {
                report.findings.extend(without_tokens(split, &counts, n_around));
                report.lengths.push(look(split, &counts, cuts.limit, &mut over));
            }
            Err(error) => report.add(
                Finding::new(Severity::Error, "untokenizable", format!("{}: {error}", split.name))
                    .advice("change or remove this text"),
            ),
        }
    }
    if over.n > 0 {
        let n_rows = data.splits.iter().map(Split::len).sum();
        let found = finding(&report.lengths, n_rows, &cuts).examples(over.examples);
        report.add(found);
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
        counts.extend(model.tokenize(&texts)?.lengths);
    }
    Ok(counts)
}

/// Texts that are not empty, and of which the tokenizer leaves nothing; `n_around` tokens stand around any text.
fn without_tokens(split: &Split, counts: &[usize], n_around: usize) -> Option<Finding> {
    let mut found = Tally::default();
    let bare =
        |&(row, &count): &(usize, &usize)| count <= n_around && !split.texts.get(row).trim().is_empty();
    for (row, _) in counts.iter().enumerate().filter(bare) {
        found.push(1, || split.example(row));
    }
    let message = format!("the text of {} of {} becomes no tokens", rows(found.n), split.name);
    let advice = "the tokenizer drops all that they hold, and to the encoder they are empty: remove them, or \
                  choose an encoder that knows their characters";
    let finding = || Finding::new(Severity::Warning, "no_tokens", message).advice(advice);
    (found.n > 0).then(finding).map(|finding| finding.examples(found.examples))
}

/// How long the texts of a split are; those over the limit are counted into `over`.
fn look(split: &Split, counts: &[usize], limit: usize, over: &mut Tally) -> Lengths {
    for (row, &count) in counts.iter().enumerate().filter(|(_, count)| **count > limit) {
        let what = |example: Example| format!("{count} tokens: {}", example.what);
        over.push(1, || Example { what: what(split.example(row)), ..split.example(row) });
    }
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let n_over = counts.iter().filter(|count| **count > limit).count();
    let (median, p95, max) = (quantile(0.5), quantile(0.95), quantile(1.0));
    Lengths { split: split.name, median, p95, max, limit, over: n_over }
}

fn finding(lengths: &[Lengths], n_rows: usize, cuts: &Cuts) -> Finding {
    let limit = cuts.limit;
    let n_over: usize = lengths.iter().map(|lengths| lengths.over).sum();
    let max = lengths.iter().map(|lengths| lengths.max).max().unwrap_or_default();
    let share = n_over as f64 / n_rows as f64;
    let texts = if n_over == 1 { "1 text".to_string() } else { format!("{n_over} texts") };
    let digits = if share < 0.001 { 2 } else { 1 };
    let texts = format!("{texts} ({:.digits$} %)", 100.0 * share);
    if !cuts.truncated {
        let message = format!("over {limit} tokens, all that the encoder reads, and not to be cut: {texts}");
        let advice = "split them, or set `truncation = true` in `[model]`";
        return Finding::new(Severity::Error, "too_long", message).advice(advice);
    }
    let severity = if share > MANY { Severity::Warning } else { Severity::Note };
    let advice = if limit < cuts.max_positions {
        let enough = max.min(cuts.max_positions);
        format!(
            "what comes later is not read; `max_length = {enough}` in `[model]` reads more, and takes longer"
        )
    } else {
        "what comes later is not read, and this encoder cannot read more: split them if their ends matter"
            .to_string()
    };
    Finding::new(severity, "truncation", format!("cut at {limit} tokens: {texts}")).advice(advice)
}
