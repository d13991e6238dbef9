//! How the numbers of regression tasks are spread.

use super::report::{Example, Finding, NumberSpread, Report, Severity, Spread, Tally, rows};
use super::rows::{Rows, Split};

/// Labels this many standard deviations from the mean are outliers.
const OUTLIER: f64 = 6.0;
/// Labels of more numbers are vectors, whose single numbers mean nothing.
const MOST: usize = 16;

pub(super) fn check(data: &Rows, report: &mut Report) {
    for (task_idx, (settings, task)) in data.tasks.iter().enumerate() {
        if settings.kind != "regression" {
            continue;
        }
        let n_numbers = task.n_targets().filter(|n| *n <= MOST).unwrap_or(0);
        for column in 0..n_numbers {
            let splits = data.splits.iter().map(|split| spread(split, task_idx, column)).collect();
            report.tasks[task_idx].numbers.push(NumberSpread { splits });
            let found = look(data.training(), task_idx, column);
            report.findings.extend(found.map(|finding| finding.task(&settings.name)));
        }
    }
}

/// The spread of a number over the rows that have it.
pub(super) fn spread(split: &Split, task_idx: usize, column: usize) -> Option<Spread> {
    let values = || split.targets[task_idx].iter().flatten().map(|target| target[column]);
    let n = values().count() as f64;
    if n == 0.0 {
        return None;
    }
    let mean = values().map(f64::from).sum::<f64>() / n;
    let variance = values().map(|value| (f64::from(value) - mean).powi(2)).sum::<f64>() / n;
    let (min, max) = values().fold((f32::MAX, f32::MIN), |(min, max), x| (min.min(x), max.max(x)));
    Some(Spread { mean, sd: variance.sqrt(), min, max })
}

fn look(split: &Split, task_idx: usize, column: usize) -> Option<Finding> {
    let Spread { mean, sd, min, max } = spread(split, task_idx, column)?;
    if min == max {
        let message = format!("all training labels are {min}");
        let advice = "there is nothing to learn; is it the right column?";
        return Some(Finding::new(Severity::Warning, "constant_labels", message).advice(advice));
    }
    let mut outliers = Tally::default();
    for (row, target) in split.targets[task_idx].iter().enumerate() {
        let Some(value) = target.map(|target| target[column]) else { continue };
        if (f64::from(value) - mean).abs() > OUTLIER * sd {
            outliers.push(1, || Example {
                what: format!("{value}: {}", split.example(row).what),
                ..split.example(row)
            });
        }
    }
    if outliers.n == 0 {
        return None;
    }
    let message = format!(
        "the label of {} of training is more than {OUTLIER} standard deviations from the mean ({mean:.4} ± {sd:.4})",
        rows(outliers.n)
    );
    let advice =
        "the squared error lets such rows outweigh many others: are they typing errors, or another scale?";
    Some(Finding::new(Severity::Note, "outliers", message).advice(advice).examples(outliers.examples))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, is_silent};
    use super::*;

    const SCORE: &str = "[[task]]\nname = 'score'\nkind = 'regression'\n\
                         [data]\ntrain = 'train.csv'\nvalidation = 'train.csv'";

    fn report(scores: impl Iterator<Item = f32>) -> (Files, Report) {
        let lines: String = scores.enumerate().map(|(i, score)| format!("t{i},{score}\n")).collect();
        let files = Files::new(&[("train.csv", &format!("text,score\n{lines}unlabelled,\n"))]);
        let report = files.check(SCORE);
        (files, report)
    }

    #[test]
    fn the_spread_is_shown() {
        let (_files, report) = report([1.0, 2.0, 3.0].into_iter());
        assert_eq!(report.tasks[0].labelled, [3, 3]);
        let spread = report.tasks[0].numbers[0].splits[0].unwrap();
        assert_eq!((spread.mean, spread.min, spread.max), (2.0, 1.0, 3.0));
        assert!((spread.sd - (2.0f64 / 3.0).sqrt()).abs() < 1e-9);
        assert!(is_silent(&report, "constant_labels") && is_silent(&report, "outliers"));
    }

    #[test]
    fn labels_that_are_all_alike_are_a_warning() {
        let (files, report) = report([2.5; 4].into_iter());
        let found = files.found(&report, "constant_labels");
        assert_eq!(
            (&found.message[..], found.task.as_deref()),
            ("all training labels are 2.5", Some("score"))
        );
    }

    #[test]
    fn outliers_are_shown_with_their_lines() {
        let (files, report) = report((0..100).map(|i| if i == 40 { 1000.0 } else { i as f32 / 100.0 }));
        let found = files.found(&report, "outliers");
        assert!(
            found.message.starts_with("the label of 1 row of training is more than 6"),
            "{}",
            found.message
        );
        assert_eq!((found.examples[0].places[0].line, &found.examples[0].what[..]), (42, "1000: \"t40\""));
    }
}
