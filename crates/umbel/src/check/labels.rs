//! How the labels of a task are spread over its rows.

use super::report::{ClassRows, Finding, Report, Severity, TaskLabels};
use super::rows::Rows;
use crate::settings::{Oversample, Settings, TaskSettings};

/// The largest class may be this many times the smallest before a warning says so.
const IMBALANCE: usize = 10;

pub(super) fn check(settings: &Settings, data: &Rows, report: &mut Report) {
    for (task_idx, (task, learned)) in data.tasks.iter().enumerate() {
        let labelled: Vec<usize> =
            data.splits.iter().map(|split| split.targets[task_idx].n_present()).collect();
        let classes = count_classes(data, task_idx, learned.labels());
        let found = Classes { settings, task, n_labelled: labelled[0], classes: &classes };
        if labelled[0] > 0 && !classes.is_empty() {
            found.missing_and_rare(report);
            found.constant(report);
            found.imbalance(report);
        }
        let (task, kind) = (task.name.clone(), task.kind.clone());
        report.tasks.push(TaskLabels { task, kind, labelled, classes, numbers: Vec::new() });
    }
}

/// The rows of each class; of a task with several labels a row, the rows of which each label is true.
fn count_classes(data: &Rows, task_idx: usize, labels: &[String]) -> Vec<ClassRows> {
    let kind = &data.tasks[task_idx].0.kind[..];
    let mut classes: Vec<ClassRows> = match kind {
        "classification" | "ordinal" | "multilabel" => labels.iter(),
        _ => [].iter(),
    }
    .map(|label| ClassRows { label: label.clone(), rows: vec![0; data.splits.len()] })
    .collect();
    if classes.is_empty() {
        return classes;
    }
    for (split_idx, split) in data.splits.iter().enumerate() {
        for target in split.targets[task_idx].iter().flatten() {
            match kind {
                "multilabel" => {
                    let own = classes.iter_mut().zip(target).filter(|(_, target)| **target > 0.0);
                    own.for_each(|(class, _)| class.rows[split_idx] += 1);
                }
                _ => classes[target[0] as usize].rows[split_idx] += 1,
            }
        }
    }
    classes
}

/// The classes of a task, of which some training row is labelled.
struct Classes<'a> {
    settings: &'a Settings,
    task: &'a TaskSettings,
    n_labelled: usize,
    classes: &'a [ClassRows],
}

impl Classes<'_> {
    fn finding(&self, name: &'static str, message: String, advice: impl Into<String>) -> Finding {
        Finding::new(Severity::Warning, name, message).task(&self.task.name).advice(advice)
    }

    /// Classes without training rows, and with only a few.
    fn missing_and_rare(&self, report: &mut Report) {
        let min_rows = self.settings.check.min_rows;
        let (missing, mut rare): (Vec<_>, Vec<_>) = self
            .classes
            .iter()
            .filter(|class| class.rows[0] < min_rows)
            .partition(|class| class.rows[0] == 0);
        if !missing.is_empty() {
            let message = format!("{} without a training row", listed(&missing, named));
            let advice = "a class that is never seen is never learned: add rows, or take it out of `labels`";
            report.add(self.finding("class_without_rows", message, advice));
        }
        rare.sort_by_key(|class| class.rows[0]);
        if !rare.is_empty() {
            let with_rows = |class: &ClassRows| format!("{} {}", named(class), class.rows[0]);
            let message = format!("{} with fewer than {min_rows} training rows", listed(&rare, with_rows));
            let advice = "that is little to learn from, and less after some are held out: add rows, join \
                          classes, or set `check.min_rows` if so few are meant";
            report.add(self.finding("rare_class", message, advice));
        }
    }

    /// One class that all labelled rows have.
    fn constant(&self, report: &mut Report) {
        for class in self.classes.iter().filter(|class| class.rows[0] == self.n_labelled) {
            let message = format!("all training labels are {}", named(class));
            let advice = "there is nothing to learn; is it the right column?";
            report.add(self.finding("constant_labels", message, advice));
        }
    }

    /// Classes that others outnumber, and what to set against it.
    fn imbalance(&self, report: &mut Report) {
        let present = || self.classes.iter().filter(|class| class.rows[0] > 0);
        let (Some(smallest), Some(largest)) =
            (present().min_by_key(|class| class.rows[0]), present().max_by_key(|class| class.rows[0]))
        else {
            return;
        };
        let is_many = self.task.kind == "multilabel";
        // Of several labels a row each has its own two classes: the rows with it, and those without.
        let (many, few) = match is_many {
            true => (self.n_labelled - smallest.rows[0], smallest.rows[0]),
            false => (largest.rows[0], smallest.rows[0]),
        };
        if many <= IMBALANCE * few || self.is_balanced() {
            return;
        }
        let (small, ratio) = (named(smallest), many as f64 / few as f64);
        let message = match is_many {
            true => format!("{small} is true of {few} training rows and false of {many}, 1 to {ratio:.1}"),
            false => {
                let large = named(largest);
                format!("{large} has {many} training rows, {small} has {few}, {ratio:.1} to 1")
            }
        };
        let name = &self.task.name;
        let setting = match &self.task.kind[..] {
            "classification" => format!(
                "set `class_weights = \"balanced\"` in this `[[task]]`, or `train.oversample = \"{name}\"`,"
            ),
            "multilabel" => "set `positive_weights = \"balanced\"` in this `[[task]]`".to_string(),
            _ => format!("set `train.oversample = \"{name}\"`"),
        };
        let advice = format!(
            "small classes count little in the loss: {setting} if they matter as much as the large ones, \
             and judge by macro F1, not by accuracy"
        );
        report.add(self.finding("imbalance", message, advice));
    }

    /// True if the settings do something about it already.
    fn is_balanced(&self) -> bool {
        let oversample = self.settings.train.oversample.as_ref().map(Oversample::task);
        oversample == Some(&self.task.name)
            || ["class_weights", "positive_weights"].iter().any(|key| self.task.options.contains_key(*key))
    }
}

fn named(class: &ClassRows) -> String {
    format!("`{}`", class.label)
}

/// `3 classes (a, b, c)`, without the end of a long list.
fn listed(classes: &[&ClassRows], say: impl Fn(&ClassRows) -> String) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = classes.iter().take(SHOWN).map(|class| say(class)).collect();
    let more =
        if classes.len() > SHOWN { format!(" and {} more", classes.len() - SHOWN) } else { String::new() };
    let noun = if classes.len() == 1 { "class" } else { "classes" };
    format!("{} {noun} ({}{more})", classes.len(), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, TOPIC, is_silent, lines};
    use super::*;

    fn check(train: &[(&str, usize)], validation: &[(&str, usize)], settings: &str) -> (Files, Report) {
        let (train, validation) = (lines("train", train), lines("validation", validation));
        let files = Files::new(&[("train.jsonl", &train), ("validation.jsonl", &validation)]);
        let report = files.check(settings);
        (files, report)
    }

    #[test]
    fn classes_are_counted_in_each_split() {
        let (_files, report) = check(&[("x", 6), ("y", 5)], &[("y", 1)], TOPIC);
        assert_eq!(report.tasks[0].labelled, [11, 1]);
        let counts: Vec<&[usize]> = report.tasks[0].classes.iter().map(|class| &class.rows[..]).collect();
        assert_eq!(counts, [[6, 0], [5, 1]]);
        assert_eq!((report.splits[0].rows, report.splits[1].rows, report.splits[1].held_out), (11, 1, false));
        assert!(report.findings.iter().all(|found| found.name == "no_encoder"), "{:#?}", report.findings);
    }

    #[test]
    fn a_class_that_others_outnumber_is_a_warning() {
        let (files, report) = check(&[("x", 23), ("y", 2)], &[("y", 1)], TOPIC);
        let found = files.found(&report, "imbalance");
        assert_eq!(found.message, "`x` has 23 training rows, `y` has 2, 11.5 to 1");
        assert!(found.advice.contains("class_weights = \"balanced\""));
        let balanced = TOPIC.replace("[data]", "class_weights = 'balanced'\n[data]");
        assert!(is_silent(&check(&[("x", 23), ("y", 2)], &[("y", 1)], &balanced).1, "imbalance"));
    }

    #[test]
    fn rare_and_missing_classes_are_warnings() {
        let settings = TOPIC.replace("[data]", "labels = ['x', 'y', 'z']\n[data]");
        let (files, report) = check(&[("x", 7), ("y", 1)], &[("z", 1)], &settings);
        let message = |name: &str| files.found(&report, name).message.clone();
        assert_eq!(message("class_without_rows"), "1 class (`z`) without a training row");
        assert_eq!(message("rare_class"), "1 class (`y` 1) with fewer than 5 training rows");
        let few = format!("{settings}\n[check]\nmin_rows = 1\n");
        assert!(is_silent(&check(&[("x", 7), ("y", 1)], &[("z", 1)], &few).1, "rare_class"));
    }

    #[test]
    fn one_class_for_all_rows_is_a_warning() {
        let settings = TOPIC.replace("[data]", "labels = ['x', 'y']\n[data]");
        let (files, report) = check(&[("x", 7)], &[("x", 1)], &settings);
        assert_eq!(files.found(&report, "constant_labels").message, "all training labels are `x`");
    }

    #[test]
    fn each_of_several_labels_has_its_own_rows() {
        let row = |i: usize| {
            let tags = if i == 0 { "\"spam\", \"long\"" } else { "\"long\"" };
            format!("{{\"text\": \"t {i}\", \"tags\": [{tags}]}}\n")
        };
        let train: String = (0..12).map(row).collect();
        let files = Files::new(&[("train.jsonl", &train), ("validation.jsonl", &row(20))]);
        let report = files.check(
            "[[task]]\nname = 'tags'\nkind = 'multilabel'\n\
             [data]\ntrain = 'train.jsonl'\nvalidation = 'validation.jsonl'",
        );
        let counts: Vec<&[usize]> = report.tasks[0].classes.iter().map(|class| &class.rows[..]).collect();
        assert_eq!(counts, [[12, 1], [1, 0]]);
        let found = files.found(&report, "imbalance");
        assert_eq!(found.message, "`spam` is true of 1 training rows and false of 11, 1 to 11.0");
        assert!(found.advice.contains("positive_weights"), "{}", found.advice);
        assert_eq!(files.found(&report, "constant_labels").message, "all training labels are `long`");
    }

    #[test]
    fn long_lists_are_cut() {
        let class = |label: &str| ClassRows { label: label.into(), rows: Vec::new() };
        let classes = ["a", "b", "c", "d", "e", "f"].map(class);
        let listed = listed(&classes.iter().collect::<Vec<_>>(), named);
        assert_eq!(listed, "6 classes (`a`, `b`, `c`, `d`, `e` and 1 more)");
    }
}
