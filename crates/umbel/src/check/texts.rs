//! Texts that occur more than once: in one split, in two, or with labels that contradict one another.

use serde_json::Value;

use super::likeness::key;
use super::numbers::spread;
use super::report::{Example, Finding, Report, Severity, Tally, rows};
use super::rows::{Rows, Split, start};
use crate::settings::CheckSettings;

pub(super) fn check(settings: &CheckSettings, data: &Rows, report: &mut Report) {
    data.splits.iter().for_each(|split| empty(split, report));
    let mut repeats = Repeats::new(settings, data);
    let mut all = occurrences(&data.splits);
    for group in all.chunk_by_mut(|a, b| a.key == b.key).filter(|group| group.len() > 1) {
        repeats.look(group);
    }
    repeats.report(report);
}

fn empty(split: &Split, report: &mut Report) {
    let mut found = Tally::default();
    for (row, _) in split.texts.iter().enumerate().filter(|(_, text)| text.trim().is_empty()) {
        found.push(1, || split.example(row));
    }
    if found.n > 0 {
        let message = format!("the text of {} of {} is empty", rows(found.n), split.name);
        let advice = "there is nothing to learn from them: remove them, or look why they are empty";
        report.add(
            Finding::new(Severity::Warning, "empty_text", message).advice(advice).examples(found.examples),
        );
    }
}

/// A row, and the key of its text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Occurrence {
    key: u64,
    split: usize,
    row: usize,
}

/// All rows that are not empty, those with like texts side by side.
fn occurrences(splits: &[Split]) -> Vec<Occurrence> {
    let of_split = |(split, rows): (usize, &Split)| {
        let compared = &rows.compared;
        let rows = rows.texts.iter().enumerate().filter(|(_, text)| !text.trim().is_empty());
        rows.map(|(row, text)| Occurrence { key: row_key(text, &compared[row]), split, row })
            .collect::<Vec<_>>()
    };
    let mut all: Vec<Occurrence> = splits.iter().enumerate().flat_map(of_split).collect();
    all.sort_unstable();
    all
}

/// The key of a text, and of those that it is compared with.
fn row_key(text: &str, compared: &str) -> u64 {
    if compared.is_empty() { key(text) } else { key(&format!("{text}{compared}")) }
}

/// What was found among texts that occur more than once.
struct Repeats<'a> {
    data: &'a Rows,
    allow_leakage: bool,
    // For each task, how far two labels of one text may differ in each number.
    tolerances: Vec<Vec<f64>>,
    // For each split, rows whose text an earlier row has.
    within: Vec<Tally>,
    // For each split and a later one, the later one's rows whose text is in the earlier one.
    same: Vec<Vec<Tally>>,
    // As `same`, for texts that differ in case, white space and punctuation only.
    alike: Vec<Vec<Tally>>,
    // For each task, texts whose labels differ.
    contradictions: Vec<Tally>,
}

impl<'a> Repeats<'a> {
    fn new(settings: &CheckSettings, data: &'a Rows) -> Self {
        let n = data.splits.len();
        let half_sd =
            |task_idx, column| spread(data.training(), task_idx, column).map_or(0.0, |s| s.sd / 2.0);
        let tolerances = data.tasks.iter().enumerate().map(|(task_idx, (_, task))| {
            let names = !task.labels().is_empty();
            (0..task.n_targets().unwrap_or(0))
                .map(|column| if names { 0.0 } else { half_sd(task_idx, column) })
                .collect()
        });
        Self {
            tolerances: tolerances.collect(),
            within: vec![Tally::default(); n],
            same: vec![vec![Tally::default(); n]; n],
            alike: vec![vec![Tally::default(); n]; n],
            contradictions: vec![Tally::default(); data.tasks.len()],
            data,
            allow_leakage: settings.allow_leakage,
        }
    }

    /// Looks at rows with like texts.
    fn look(&mut self, group: &mut [Occurrence]) {
        let data = self.data;
        let all = |occurrence: &Occurrence| {
            let split = &data.splits[occurrence.split];
            (split.texts.get(occurrence.row), &split.compared[occurrence.row])
        };
        group.sort_unstable_by(|a, b| (all(a), *a).cmp(&(all(b), *b)));
        for same in group.chunk_by(|a, b| all(a) == all(b)) {
            self.repeated(same);
            self.across(same, group);
            self.contradicting(same);
        }
    }

    fn text(&self, occurrence: &Occurrence) -> &'a str {
        self.data.splits[occurrence.split].texts.get(occurrence.row)
    }

    fn example(&self, rows: &[Occurrence], what: String) -> Example {
        Example { places: rows.iter().map(|row| self.data.splits[row.split].place(row.row)).collect(), what }
    }

    /// Counts repeats of one text within each split.
    fn repeated(&mut self, same: &[Occurrence]) {
        for rows in same.chunk_by(|a, b| a.split == b.split).filter(|rows| rows.len() > 1) {
            let example = self.example(&rows[..2], start(self.text(&rows[0])));
            self.within[rows[0].split].push(rows.len() - 1, || example);
        }
    }

    /// Counts rows whose text, or one of the `alike`, is in an earlier split too.
    fn across(&mut self, same: &[Occurrence], alike: &[Occurrence]) {
        for rows in same.chunk_by(|a, b| a.split == b.split) {
            for earlier in 0..rows[0].split {
                let exact = same.iter().find(|row| row.split == earlier);
                let near = || alike.iter().find(|row| row.split == earlier);
                let Some(other) = exact.or_else(near) else { continue };
                let example = self.example(&[*other, rows[0]], start(self.text(&rows[0])));
                let tallies = if exact.is_some() { &mut self.same } else { &mut self.alike };
                tallies[earlier][rows[0].split].push(rows.len(), || example);
            }
        }
    }

    /// Counts one text if its labels differ, against the first row that has one.
    fn contradicting(&mut self, same: &[Occurrence]) {
        for task_idx in 0..self.data.tasks.len() {
            let target = |row: &Occurrence| self.data.splits[row.split].targets[task_idx].get(row.row);
            let mut labelled = same.iter().filter_map(|row| Some((row, target(row)?)));
            let Some((first, label)) = labelled.next() else { continue };
            let Some((other, other_label)) = labelled.find(|(_, other)| self.differ(task_idx, label, other))
            else {
                continue;
            };
            let labels = format!("{} and {}", self.say(task_idx, label), self.say(task_idx, other_label));
            let example = self.example(&[*first, *other], format!("{labels}: {}", start(self.text(first))));
            self.contradictions[task_idx].push(1, || example);
        }
    }

    fn differ(&self, task_idx: usize, a: &[f32], b: &[f32]) -> bool {
        let pairs = a.iter().zip(b).zip(&self.tolerances[task_idx]);
        pairs.into_iter().any(|((a, b), tolerance)| f64::from(a - b).abs() > *tolerance)
    }

    /// A label as the data says it.
    fn say(&self, task_idx: usize, target: &[f32]) -> String {
        match (self.data.tasks[task_idx].1.label(target), target) {
            (Value::String(name), _) => format!("`{name}`"),
            (Value::Number(_), [number]) => number.to_string(),
            (other, _) => other.to_string(),
        }
    }

    fn report(self, report: &mut Report) {
        let names: Vec<&str> = self.data.splits.iter().map(|split| split.name).collect();
        for (earlier, later) in [(0, 1), (0, 2), (1, 2)].into_iter().filter(|(_, later)| *later < names.len())
        {
            let place = format!("{} is in {} too", names[later], names[earlier]);
            let leak = Leak { earlier: names[earlier], place: &place, allowed: self.allow_leakage };
            report.findings.extend(leak.same(&self.same[earlier][later]));
            report.findings.extend(leak.alike(&self.alike[earlier][later]));
        }
        for (tally, (settings, task)) in self.contradictions.iter().zip(&self.data.tasks) {
            let finding = contradiction(tally, task.labels().is_empty());
            report.findings.extend(finding.map(|finding| finding.task(&settings.name)));
        }
        for (tally, name) in self.within.iter().zip(names) {
            report.findings.extend(duplicate(tally, name));
        }
    }
}

/// Texts of one split that are in an earlier one too.
struct Leak<'a> {
    earlier: &'a str,
    place: &'a str,
    allowed: bool,
}

impl Leak<'_> {
    fn severity(&self) -> Severity {
        if self.allowed { Severity::Warning } else { Severity::Error }
    }

    fn advice(&self) -> String {
        let why = match self.earlier {
            "training" => {
                "such rows make the scores look better than they are: remove them from one of the two; \
                 with a held-out share, remove the repeats from the training file"
            }
            _ => {
                "the best epoch is chosen by rows that the test should not know: remove them from one of the two"
            }
        };
        let allow = "; `--allow-leakage`, or `allow_leakage = true` in `[check]`, makes this a warning";
        format!("{why}{}", if self.allowed { "" } else { allow })
    }

    fn same(&self, tally: &Tally) -> Option<Finding> {
        let message = format!("the text of {} of {}", rows(tally.n), self.place);
        found(tally, self.severity(), "same_text", message, self.advice())
    }

    fn alike(&self, tally: &Tally) -> Option<Finding> {
        let but = "but for case, Unicode forms, white space and punctuation";
        let message = format!("the text of {} of {}, {but}", rows(tally.n), self.place);
        found(tally, self.severity(), "like_text", message, self.advice())
    }
}

fn contradiction(tally: &Tally, are_numbers: bool) -> Option<Finding> {
    let texts = if tally.n == 1 { "1 text has".to_string() } else { format!("{} texts have", tally.n) };
    let far = if are_numbers { ", more than half a standard deviation apart" } else { "" };
    let message = format!("{texts} labels that contradict one another{far}");
    let advice =
        "at most one can be right, or the text alone does not decide: correct them, or keep one row a text";
    found(tally, Severity::Warning, "contradiction", message, advice)
}

fn duplicate(tally: &Tally, split: &str) -> Option<Finding> {
    let message = format!("the text of {} of {split} is in an earlier row too", rows(tally.n));
    let advice = "a repeated row counts twice: remove repeats unless they are meant so";
    found(tally, Severity::Note, "duplicate", message, advice)
}

fn found(
    tally: &Tally,
    severity: Severity,
    name: &'static str,
    message: String,
    advice: impl Into<String>,
) -> Option<Finding> {
    let finding = || Finding::new(severity, name, message).advice(advice).examples(tally.examples.clone());
    (tally.n > 0).then(finding)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, is_silent};
    use super::*;

    const SETTINGS: &str = "[[task]]\nname = 'topic'\nkind = 'classification'\nlabels = ['x', 'y']\n\
                            [[task]]\nname = 'score'\nkind = 'regression'\n\
                            [data]\ntrain = 'train.csv'\nvalidation = 'validation.csv'\ntest = 'test.csv'";

    /// Files of rows `text,topic,score`.
    fn check(train: &str, validation: &str, test: &str) -> (Files, Report) {
        let rows = [train, validation, test].map(|rows| format!("text,topic,score\n{rows}"));
        let files =
            Files::new(&[("train.csv", &rows[0]), ("validation.csv", &rows[1]), ("test.csv", &rows[2])]);
        let report = files.check(SETTINGS);
        (files, report)
    }

    /// The message and the lines of the first example.
    fn found(train: &str, validation: &str, test: &str, name: &str) -> (Severity, String, Vec<usize>) {
        let (files, report) = check(train, validation, test);
        let found = files.found(&report, name);
        let lines = found.examples[0].places.iter().map(|place| place.line).collect();
        (found.severity, found.message.clone(), lines)
    }

    #[test]
    fn a_training_text_in_validation_or_test_is_an_error() {
        let expected = "the text of 2 rows of validation is in training too".to_string();
        assert_eq!(
            found("a,x,1\nb,y,9\n", "b,y,9\nc,x,1\nb,y,9\n", "d,x,1\n", "same_text"),
            (Severity::Error, expected, vec![3, 2])
        );
        let expected = "the text of 1 row of test is in training too".to_string();
        assert_eq!(
            found("a,x,1\n", "bb,y,9\nb,y,9", "a,x,1\n", "same_text"),
            (Severity::Error, expected, vec![2, 2])
        );
        let (severity, ..) = found("a,x,1\n", "bb,y,9\nc,x,1\n", "c,x,1\n", "same_text");
        assert_eq!(severity, Severity::Error);
    }

    #[test]
    fn leakage_that_is_allowed_is_a_warning() {
        let files = Files::new(&[
            ("train.csv", "text,topic,score\na,x,1\nb,y,2\n"),
            ("validation.csv", "text,topic,score\na,x,1\nB!,y,2\n"),
            ("test.csv", "text,topic,score\nc,x,1\n"),
        ]);
        let report = files.check(&format!("{SETTINGS}\n[check]\nallow_leakage = true\n"));
        for name in ["same_text", "like_text"] {
            assert_eq!(files.found(&report, name).severity, Severity::Warning, "{name}");
        }
    }

    #[test]
    fn texts_that_differ_in_case_and_punctuation_only_are_an_error() {
        let message = "the text of 1 row of validation is in training too, \
                       but for case, Unicode forms, white space and punctuation";
        let found = found("Well -- done!,x,1\n", "well  done,x,1\n", "dd,x,1\n", "like_text");
        assert_eq!(found, (Severity::Error, message.to_string(), vec![2, 2]));
    }

    #[test]
    fn labels_that_contradict_one_another_are_a_warning() {
        let (files, report) = check("a,x,1\na,y,1.5\nb,x,\nb,,9\n", "c,x,1\nc,x,1.1\n", "d,x,1\n");
        let found = files.found(&report, "contradiction");
        assert_eq!((found.severity, found.task.as_deref()), (Severity::Warning, Some("topic")));
        assert_eq!(found.examples[0].what, "`x` and `y`: \"a\"");
        let (files, report) = check("a,x,1\na,x,9\nb,x,3\n", "c,x,1\n", "d,x,1\n");
        let found = files.found(&report, "contradiction");
        assert!(found.message.ends_with("more than half a standard deviation apart"), "{}", found.message);
        assert_eq!((found.task.as_deref(), &found.examples[0].what[..]), (Some("score"), "1 and 9: \"a\""));
    }

    #[test]
    fn pairs_of_texts_are_looked_at_together() {
        let settings = "[[task]]\nname = 'score'\nkind = 'similarity'\n\
                        [data]\ntrain = 'train.csv'\nvalidation = 'validation.csv'\n";
        let files = Files::new(&[
            ("train.csv", "text,text_pair,score\na,b,1\na,c,5\na,d,3\na,d,0\n"),
            ("validation.csv", "text,text_pair,score\na,e,2\nA!,b,1\n"),
        ]);
        let report = files.check(settings);
        let lines = |name: &str| {
            let places = &files.found(&report, name).examples[0].places;
            places.iter().map(|place| place.line).collect::<Vec<_>>()
        };
        assert!(is_silent(&report, "same_text"), "{:#?}", report.findings);
        assert_eq!(
            (lines("like_text"), lines("duplicate"), lines("contradiction")),
            (vec![2, 3], vec![4, 5], vec![4, 5])
        );
    }

    #[test]
    fn repeats_in_a_split_are_a_note() {
        let (severity, message, lines) =
            found("a,x,1\nb,y,9\na,x,1\na,x,1\n", "cc,x,1\n", "d,x,1\n", "duplicate");
        assert_eq!((severity, lines), (Severity::Note, vec![2, 4]));
        assert_eq!(message, "the text of 2 rows of training is in an earlier row too");
    }

    #[test]
    fn empty_texts_are_a_warning_and_no_repeats() {
        let (files, report) = check("\" \",x,1\n\" \",x,1\n", "\" \",y,9\nb,x,1\n", "d,x,1\n");
        assert!(report.findings.iter().filter(|found| found.name == "empty_text").count() == 2);
        assert!(is_silent(&report, "same_text") && is_silent(&report, "duplicate"));
        drop(files);
    }
}
