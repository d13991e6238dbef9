//! How many rows carry each task's label, and how the classes are spread.

use super::report::{ClassRows, Finding, Report, Severity, TaskLabels, Together, rows};
use super::rows::{Rows, Split};
use crate::settings::TaskSettings;

/// The largest class may be this many times the smallest before a warning says so.
const IMBALANCE: usize = 10;

pub(super) fn check(data: &Rows, report: &mut Report) {
    for (task_idx, (settings, task)) in data.tasks.iter().enumerate() {
        let labelled = data.splits.iter().map(|split| split.targets[task_idx].n_present()).collect();
        let classes = if task.n_targets() == Some(1) {
            count_classes(data, task_idx, task.labels())
        } else {
            Vec::new()
        };
        coverage(data, task_idx, report);
        class_sizes(settings, &classes, report);
        let (task, kind) = (settings.name.clone(), settings.kind.clone());
        report.tasks.push(TaskLabels { task, kind, labelled, classes, numbers: Vec::new() });
    }
    together(data, report);
}

fn count_classes(data: &Rows, task_idx: usize, labels: &[String]) -> Vec<ClassRows> {
    let mut classes: Vec<ClassRows> = labels
        .iter()
        .map(|label| ClassRows { label: label.clone(), rows: vec![0; data.splits.len()] })
        .collect();
    for (split_idx, split) in data.splits.iter().enumerate() {
        for target in split.targets[task_idx].iter().flatten().filter(|_| !labels.is_empty()) {
            classes[target[0] as usize].rows[split_idx] += 1;
        }
    }
    classes
}

/// Splits in which no row, or hardly any, has the task's label.
fn coverage(data: &Rows, task_idx: usize, report: &mut Report) {
    let name = &data.tasks[task_idx].0.name;
    for split in data.splits.iter().filter(|split| split.len() > 0) {
        let n = split.targets[task_idx].n_present();
        let (severity, advice) = match split.name {
            _ if n > 0 => continue,
            "training" => {
                (Severity::Error, "label some rows, or remove the task: its head would learn nothing")
            }
            "validation" => (
                Severity::Warning,
                "without them nothing says how good this task is, nor which epoch is best",
            ),
            _ if data
                .tasks
                .iter()
                .enumerate()
                .all(|(task_idx, _)| split.targets[task_idx].n_present() == 0) =>
            {
                (
                    Severity::Error,
                    "training would fail at its end: label some rows, or take `test` out of `[data]`",
                )
            }
            _ => (Severity::Warning, "without them the test says nothing of this task"),
        };
        let message = format!("no {} row has a label", split.name);
        report.add(Finding::new(severity, "no_labels", message).task(name).advice(advice));
    }
}

/// Classes that are missing, that are rare, or that others outnumber.
fn class_sizes(settings: &TaskSettings, classes: &[ClassRows], report: &mut Report) {
    let mut warn = |name, classes: &[&ClassRows], what: &str, advice: &str| {
        if !classes.is_empty() {
            let message = format!("{} {what}", listed(classes));
            report.add(Finding::new(Severity::Warning, name, message).task(&settings.name).advice(advice));
        }
    };
    let with = |n: usize| classes.iter().filter(|class| class.rows[0] == n).collect::<Vec<_>>();
    if with(0).len() == classes.len() {
        return; // That no row has a label is said elsewhere.
    }
    let advice = "a class that is never seen is never learned: add rows, or take it out of `labels`";
    warn("class_without_rows", &with(0), "without a training row", advice);
    let advice = "one row is too few to learn from, and none is left to hold out: add rows, or join classes";
    warn("class_with_one_row", &with(1), "with one training row only", advice);

    let present = classes.iter().filter(|class| class.rows[0] > 0);
    let (smallest, largest) =
        (present.clone().min_by_key(|class| class.rows[0]), present.max_by_key(|class| class.rows[0]));
    let (Some(smallest), Some(largest)) = (smallest, largest) else { return };
    if largest.rows[0] > IMBALANCE * smallest.rows[0] && !settings.options.contains_key("class_weights") {
        let message = format!(
            "`{}` has {} of training, `{}` has {}",
            largest.label,
            rows(largest.rows[0]),
            smallest.label,
            smallest.rows[0]
        );
        let advice = "small classes count little in the loss: set `class_weights = \"balanced\"` in this `[[task]]` \
                      if they matter as much as the large ones, and judge by macro F1, not by accuracy";
        report.add(Finding::new(Severity::Warning, "imbalance", message).task(&settings.name).advice(advice));
    }
}

/// `3 classes with …: a, b, c`, without the middle.
fn listed(classes: &[&ClassRows]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = classes.iter().take(SHOWN).map(|class| format!("`{}`", class.label)).collect();
    let more =
        if classes.len() > SHOWN { format!(" and {} more", classes.len() - SHOWN) } else { String::new() };
    let noun = if classes.len() == 1 { "class" } else { "classes" };
    format!("{} {noun} ({}{more})", classes.len(), names.join(", "))
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
    if !apart.is_empty() {
        let message = format!("no training row has labels of both {}", apart.join(", nor of "));
        let advice = "that is fine, each task learns from its own rows; but if their texts differ in kind, \
                      an embedding can tell the tasks' rows apart instead of sharing what it learns";
        report.add(Finding::new(Severity::Note, "never_together", message).advice(advice));
    }
}

fn n_together(split: &Split, first: usize, second: usize) -> usize {
    let both = split.targets[first].iter().zip(split.targets[second].iter());
    both.filter(|(first, second)| first.is_some() && second.is_some()).count()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, TOPIC, is_silent};
    use super::*;

    /// Rows of labels, so many each; no two texts are the same.
    fn lines(split: &str, counts: &[(&str, usize)]) -> String {
        let line =
            |label: &str, i| format!("{{\"text\": \"{label} {i} {split}\", \"topic\": \"{label}\"}}\n");
        counts.iter().flat_map(|&(label, n)| (0..n).map(move |i| line(label, i))).collect()
    }

    fn check(train: &[(&str, usize)], validation: &[(&str, usize)], settings: &str) -> (Files, Report) {
        let (train, validation) = (lines("train", train), lines("validation", validation));
        let files = Files::new(&[("train.jsonl", &train), ("validation.jsonl", &validation)]);
        let report = files.check(settings);
        (files, report)
    }

    #[test]
    fn classes_are_counted_in_each_split() {
        let (_files, report) = check(&[("x", 3), ("y", 2)], &[("y", 1)], TOPIC);
        assert_eq!(report.tasks[0].labelled, [5, 1]);
        let counts: Vec<&[usize]> = report.tasks[0].classes.iter().map(|class| &class.rows[..]).collect();
        assert_eq!(counts, [[3, 0], [2, 1]]);
        assert_eq!((report.splits[0].rows, report.splits[1].rows, report.splits[1].held_out), (5, 1, false));
        assert!(report.findings.iter().all(|found| found.name == "no_encoder"), "{:#?}", report.findings);
    }

    #[test]
    fn a_class_that_others_outnumber_is_a_warning() {
        let (files, report) = check(&[("x", 23), ("y", 2)], &[("y", 1)], TOPIC);
        let found = files.found(&report, "imbalance");
        assert_eq!(found.message, "`x` has 23 rows of training, `y` has 2");
        assert!(found.advice.contains("class_weights = \"balanced\""));
        let balanced = TOPIC.replace("[data]", "class_weights = 'balanced'\n[data]");
        assert!(is_silent(&check(&[("x", 23), ("y", 2)], &[("y", 1)], &balanced).1, "imbalance"));
    }

    #[test]
    fn rare_and_missing_classes_are_warnings() {
        let settings = TOPIC.replace("[data]", "labels = ['x', 'y', 'z']\n[data]");
        let (files, report) = check(&[("x", 3), ("y", 1)], &[("z", 1)], &settings);
        assert_eq!(
            files.found(&report, "class_without_rows").message,
            "1 class (`z`) without a training row"
        );
        assert_eq!(
            files.found(&report, "class_with_one_row").message,
            "1 class (`y`) with one training row only"
        );
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
    fn tasks_that_share_no_row_are_a_note() {
        let settings = format!("[[task]]\nname = 'score'\nkind = 'regression'\n{TOPIC}");
        let scores = "{\"text\": \"s\", \"score\": 1}\n{\"text\": \"u\", \"score\": 2}\n";
        let check = |more: &str| {
            let train = format!("{scores}{}{more}", lines("t", &[("x", 2), ("y", 2)]));
            let files = Files::new(&[("train.jsonl", &train), ("validation.jsonl", &train)]);
            let report = files.check(&settings);
            (report.together[0].rows, is_silent(&report, "never_together"))
        };
        assert_eq!(check(""), (0, false));
        assert_eq!(check("{\"text\": \"b\", \"score\": 1, \"topic\": \"x\"}\n"), (1, true));
    }

    #[test]
    fn long_lists_are_cut() {
        let class = |label: &str| ClassRows { label: label.into(), rows: Vec::new() };
        let classes = ["a", "b", "c", "d", "e", "f"].map(class);
        let listed = listed(&classes.iter().collect::<Vec<_>>());
        assert_eq!(listed, "6 classes (`a`, `b`, `c`, `d`, `e` and 1 more)");
    }
}
