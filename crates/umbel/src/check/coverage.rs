//! Which rows carry which tasks' labels.

use super::report::{Finding, Report, Severity, Together, counted, rows};
use super::rows::{Rows, Split};

pub(super) fn check(data: &Rows, report: &mut Report) {
    (0..data.tasks.len()).for_each(|task_idx| of_task(data, task_idx, report));
    unlabelled(data, report);
    together(data, report);
}

/// Splits in which no row has the task's label.
fn of_task(data: &Rows, task_idx: usize, report: &mut Report) {
    let name = &data.tasks[task_idx].0.name;
    let is_unlabelled = |split: &Split| split.targets.iter().all(|targets| targets.n_present() == 0);
    for split in data.splits.iter().filter(|split| split.len() > 0) {
        if split.targets[task_idx].n_present() > 0 {
            continue;
        }
        let (severity, advice) = match split.name {
            "training" => {
                (Severity::Error, "label some rows, or remove the task: its head would learn nothing")
            }
            "validation" => (
                Severity::Warning,
                "without them nothing says how good this task is, nor which epoch is best",
            ),
            _ if is_unlabelled(split) => (
                Severity::Error,
                "training would fail at its end: label some rows, or take `test` out of `[data]`",
            ),
            _ => (Severity::Warning, "without them the test says nothing of this task"),
        };
        let message = format!("no {} row has a label", split.name);
        report.add(Finding::new(severity, "no_labels", message).task(name).advice(advice));
    }
}

/// Rows that have no label of any task.
fn unlabelled(data: &Rows, report: &mut Report) {
    for (split_idx, split) in data.splits.iter().enumerate() {
        let is_bare = |row: &usize| split.targets.iter().all(|targets| targets.get(*row).is_none());
        let bare: Vec<usize> = (0..split.len()).filter(is_bare).collect();
        report.splits[split_idx].unlabelled = bare.len();
        if bare.is_empty() || bare.len() == split.len() {
            continue; // That none has a label is said of each task.
        }
        let severity = if split.name == "training" { Severity::Warning } else { Severity::Note };
        let share = 100.0 * bare.len() as f64 / split.len() as f64;
        let message =
            format!("{} of {} ({share:.1} %) have no label of any task", rows(bare.len()), split.name);
        let advice = "they cost a pass through the encoder and teach nothing: label or remove them";
        let examples = bare.iter().take(3).map(|&row| split.example(row)).collect();
        report.add(Finding::new(severity, "unlabelled", message).advice(advice).examples(examples));
    }
}

/// Rows with the labels of two tasks.
fn together(data: &Rows, report: &mut Report) {
    let training = data.training();
    let mut apart = Vec::new();
    for second in 0..data.tasks.len() {
        for first in 0..second {
            let rows = n_together(training, first, second);
            let tasks = [first, second].map(|task_idx| data.tasks[task_idx].0.name.clone());
            if rows == 0 && [first, second].iter().all(|&task| training.targets[task].n_present() > 0) {
                apart.push(format!("`{}` and `{}`", tasks[0], tasks[1]));
            }
            report.together.push(Together { tasks, rows });
        }
    }
    if apart.is_empty() {
        return;
    }
    const SHOWN: usize = 5;
    let more = match apart.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", nor of {}", counted(more, "more pair")),
    };
    apart.truncate(SHOWN);
    let message = format!("no training row has labels of both {}{more}", apart.join(", nor of "));
    let advice = "that is fine, each task learns from its own rows; but if their texts differ in kind, \
                  an embedding can tell the tasks' rows apart instead of sharing what it learns";
    report.add(Finding::new(Severity::Note, "never_together", message).advice(advice));
}

fn n_together(split: &Split, first: usize, second: usize) -> usize {
    let both = split.targets[first].iter().zip(split.targets[second].iter());
    both.filter(|(first, second)| first.is_some() && second.is_some()).count()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, TOPIC, is_silent, lines};
    use super::*;

    fn with_score() -> String {
        format!("[[task]]\nname = 'score'\nkind = 'regression'\n{TOPIC}")
    }

    #[test]
    fn a_split_without_labels_is_found() {
        let settings = format!("[[task]]\nname = 'score'\nkind = 'regression'\nstandardize = false\n{TOPIC}");
        let score = |i: usize| format!("{{\"text\": \"s {i}\", \"score\": null}}\n");
        let files = Files::new(&[
            ("train.jsonl", &(score(0) + &lines("t", &[("x", 2), ("y", 2)]))),
            ("validation.jsonl", &(score(1) + &lines("v", &[("x", 1)]))),
        ]);
        let report = files.check(&settings);
        let found: Vec<_> = report.findings.iter().filter(|found| found.name == "no_labels").collect();
        assert_eq!(
            (found[0].severity, &found[0].message[..]),
            (Severity::Error, "no training row has a label")
        );
        assert_eq!((found[1].severity, found[1].task.as_deref()), (Severity::Warning, Some("score")));
    }

    #[test]
    fn rows_without_any_label_are_counted() {
        let bare = "{\"text\": \"bare\"}\n";
        let files = Files::new(&[
            ("train.jsonl", &(lines("t", &[("x", 2), ("y", 1)]) + bare)),
            ("validation.jsonl", &lines("v", &[("x", 1)])),
        ]);
        let report = files.check(TOPIC);
        let found = files.found(&report, "unlabelled");
        assert_eq!(found.message, "1 row of training (25.0 %) have no label of any task");
        assert_eq!((found.severity, found.examples[0].places[0].line), (Severity::Warning, 4));
        assert_eq!((report.splits[0].unlabelled, report.splits[1].unlabelled), (1, 0));
    }

    #[test]
    fn tasks_that_share_no_row_are_a_note() {
        let scores = "{\"text\": \"s\", \"score\": 1}\n{\"text\": \"u\", \"score\": 2}\n";
        let check = |more: &str| {
            let train = format!("{scores}{}{more}", lines("t", &[("x", 2), ("y", 2)]));
            let files = Files::new(&[("train.jsonl", &train), ("validation.jsonl", &train)]);
            let report = files.check(&with_score());
            (report.together[0].rows, is_silent(&report, "never_together"))
        };
        assert_eq!(check(""), (0, false));
        assert_eq!(check("{\"text\": \"b\", \"score\": 1, \"topic\": \"x\"}\n"), (1, true));
    }
}
