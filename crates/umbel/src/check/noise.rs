//! Labels that are likely wrong, from the answers of heads that never learned from them.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use super::confident::{Doubt, doubts, far_residuals};
use super::likeness::key;
use super::report::{Example, Finding, Report, Severity, Suspect, TaskNoise};
use super::rows::{Rows, Split, start};
use crate::data::shuffle;
use crate::error::{Error, Result};
use crate::evaluate::TaskScores;
use crate::model::Head;
use crate::nn::Matrix;
use crate::settings::Settings;
use crate::spool::Strings;
use crate::task::{Answer, Targets, Task};
use crate::train::data::RunData;
use crate::train::folds::{FoldStep, out_of_fold};

/// Kinds of task whose labels can be doubted.
const KINDS: [&str; 4] = ["classification", "multilabel", "ordinal", "regression"];

/// Looks for training labels that are likely wrong, and adds them to the report.
///
/// The training rows are split into `check.noise.folds` parts, like texts in the same one; heads trained on all others
/// answer each, over the frozen encoder of the folder `encoder`. Of names, those labels are doubted that confident
/// learning doubts; of numbers, those whose residual is more than 3.5 robust standard deviations from the median.
///
/// # Errors
/// If the rows cannot be read, no task has labels that can be doubted, or as [`out_of_fold`].
pub fn noise(
    settings: &Settings,
    encoder: &Path,
    report: &mut Report,
    observer: &mut dyn FnMut(FoldStep),
) -> Result<()> {
    let mut settings = settings.clone();
    settings.tasks.retain(|task| KINDS.contains(&&task.kind[..]));
    if settings.tasks.is_empty() {
        let problem = format!("no task has labels that can be doubted; such have {}", KINDS.join(", "));
        return Err(Error::Settings(problem));
    }
    let data = RunData::read(&settings)?;
    let rows = Rows::read(&settings, &mut Report::default());
    let rows = rows.ok_or_else(|| Error::Settings("the rows cannot be read".to_string()))?;
    let split = rows.training();
    let n_folds = settings.check.noise.folds;
    let folds = folds(&split.texts, n_folds, settings.train.seed)?;
    let (model, outputs) = out_of_fold(&settings, encoder, &data, (&folds, n_folds), observer)?;
    for (head, (outputs, targets)) in model.heads().iter().zip(outputs.iter().zip(&split.targets)) {
        let found = of_task(head, outputs, targets, split);
        report.findings.extend(finding(&found));
        report.noise.push(found);
    }
    report.findings.sort_by_key(|finding| finding.severity);
    Ok(())
}

/// The fold of each row: at random, and the same for texts that are alike.
fn folds(texts: &Strings, n_folds: usize, seed: u64) -> Result<Vec<usize>> {
    let mut places: HashMap<u64, usize> = HashMap::new();
    let mut place = |text: &str| {
        let next = places.len();
        *places.entry(key(text)).or_insert(next)
    };
    let places_of_rows: Vec<usize> = texts.iter().map(&mut place).collect();
    let n = places.len();
    if n < n_folds {
        let problem = format!("{n} different training texts are too few for {n_folds} folds");
        return Err(Error::Settings(problem));
    }
    let mut fold = vec![0; n];
    shuffle::order(n, seed, 0).into_iter().enumerate().for_each(|(i, place)| fold[place] = i % n_folds);
    Ok(places_of_rows.into_iter().map(|place| fold[place]).collect())
}

/// What is doubted of a task.
fn of_task(head: &Head, outputs: &Matrix, targets: &Targets, split: &Split) -> TaskNoise {
    let scores = TaskScores::of(head, outputs, targets);
    let rows: Vec<usize> = (0..targets.len()).filter(|&row| targets.get(row).is_some()).collect();
    let labelled: Vec<Labelled<'_>> = rows
        .iter()
        .filter_map(|&row| {
            let answer = head.task.answer(split.texts.get(row), outputs.row(targets.outputs(row).start))?;
            Some(Labelled { row, target: targets.get(row)?, answer })
        })
        .collect();
    let task = head.task.as_ref();
    let mut doubted = match labelled.first().map(|first| &first.answer) {
        Some(Answer::Label { .. } | Answer::Rank { .. }) => of_names(task, &labelled),
        Some(Answer::Labels { .. }) => of_several_names(task, &labelled),
        Some(Answer::Score(_) | Answer::Scores(_)) => of_numbers(task, &labelled),
        _ => Vec::new(),
    };
    doubted.sort_by(|a, b| a.rank.total_cmp(&b.rank));
    let suspect = |doubted: Doubted| Suspect {
        task: head.name().to_string(),
        place: split.place(doubted.row),
        text: split.texts.get(doubted.row).to_string(),
        given: doubted.given,
        suggested: doubted.suggested,
        given_probability: doubted.probabilities.map(|(given, _)| given),
        probability: doubted.probabilities.map(|(_, suggested)| suggested),
        deviation: doubted.deviation,
    };
    TaskNoise {
        task: head.name().to_string(),
        labelled: scores.n,
        metric: scores.main_metric,
        score: scores.main,
        suspects: doubted.into_iter().map(suspect).collect(),
    }
}

/// A row that has a label, and what was answered.
struct Labelled<'a> {
    row: usize,
    target: &'a [f32],
    answer: Answer,
}

impl Labelled<'_> {
    /// The probability of each label; none of numbers.
    fn probabilities(&self) -> Vec<f64> {
        match &self.answer {
            Answer::Label { probabilities, .. }
            | Answer::Labels { probabilities, .. }
            | Answer::Rank { probabilities, .. } => {
                probabilities.iter().map(|(_, probability)| f64::from(*probability)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The numbers of the answer; none of names.
    fn numbers(&self) -> Vec<f32> {
        match &self.answer {
            Answer::Score(number) => vec![*number],
            Answer::Scores(numbers) => numbers.clone(),
            _ => Vec::new(),
        }
    }
}

/// A row whose label is likely wrong.
struct Doubted {
    row: usize,
    // The smaller, the likelier the label is wrong.
    rank: f64,
    given: Value,
    suggested: Value,
    // Of names: the probability of the given and of the suggested one.
    probabilities: Option<(f64, f64)>,
    // Of numbers: robust standard deviations from the median residual.
    deviation: Option<f64>,
}

/// The doubted rows of some, whose classes are `given`; `suggest` says what a class makes of a row's label.
fn of_classes(
    task: &dyn Task,
    rows: &[Labelled<'_>],
    (probabilities, given): (&[Vec<f64>], &[usize]),
    suggest: impl Fn(&Labelled<'_>, usize) -> Value,
) -> Vec<Doubted> {
    let doubted = |doubt: Doubt| {
        let (row, p) = (&rows[doubt.row], &probabilities[doubt.row]);
        Doubted {
            row: row.row,
            rank: doubt.margin,
            given: task.label(row.target),
            suggested: suggest(row, doubt.class),
            probabilities: Some((p[given[doubt.row]], p[doubt.class])),
            deviation: None,
        }
    };
    doubts(probabilities, given).into_iter().map(doubted).collect()
}

fn of_names(task: &dyn Task, rows: &[Labelled<'_>]) -> Vec<Doubted> {
    let given: Vec<usize> = rows.iter().map(|row| row.target[0] as usize).collect();
    let probabilities: Vec<Vec<f64>> = rows.iter().map(Labelled::probabilities).collect();
    of_classes(task, rows, (&probabilities, &given), |_, class| Value::from(&task.labels()[class][..]))
}

/// Each label by itself, as a question of yes or no.
fn of_several_names(task: &dyn Task, rows: &[Labelled<'_>]) -> Vec<Doubted> {
    let answers: Vec<Vec<f64>> = rows.iter().map(Labelled::probabilities).collect();
    let of_label = |label: usize| {
        let given: Vec<usize> = rows.iter().map(|row| usize::from(row.target[label] > 0.0)).collect();
        let probabilities: Vec<Vec<f64>> = answers.iter().map(|p| vec![1.0 - p[label], p[label]]).collect();
        of_classes(task, rows, (&probabilities, &given), |row, class| {
            let mut turned = row.target.to_vec();
            turned[label] = class as f32;
            task.label(&turned)
        })
    };
    (0..task.labels().len()).flat_map(of_label).collect()
}

fn of_numbers(task: &dyn Task, rows: &[Labelled<'_>]) -> Vec<Doubted> {
    let answers: Vec<Vec<f32>> = rows.iter().map(Labelled::numbers).collect();
    let of_column = |column: usize| {
        let pairs = rows.iter().zip(&answers);
        let residuals: Vec<f64> =
            pairs.map(|(row, answer)| f64::from(row.target[column] - answer[column])).collect();
        far_residuals(&residuals)
    };
    let doubted = |(i, deviation): (usize, f64)| Doubted {
        row: rows[i].row,
        rank: -deviation.abs(),
        given: task.label(rows[i].target),
        suggested: rounded(&answers[i]),
        probabilities: None,
        deviation: Some(deviation),
    };
    (0..task.n_targets().unwrap_or(0)).flat_map(of_column).map(doubted).collect()
}

/// Numbers with the digits that an estimate is worth.
fn rounded(numbers: &[f32]) -> Value {
    let round = |number: &f32| (f64::from(*number) * 1e4).round() / 1e4;
    if let [one] = numbers { json!(round(one)) } else { numbers.iter().map(round).collect() }
}

fn finding(found: &TaskNoise) -> Option<Finding> {
    const SHOWN: usize = 5;
    let n = found.suspects.len();
    let share = 100.0 * n as f64 / found.labelled.max(1) as f64;
    let message = format!(
        "{n} of {} training labels ({share:.1} %) are likely wrong, by heads that did not learn from them",
        found.labelled
    );
    let example = |suspect: &Suspect| {
        let why = match (suspect.probability, suspect.deviation) {
            (Some(probability), _) => format!("{:.1} %", 100.0 * probability),
            (_, deviation) => format!("{:+.1} deviations", deviation.unwrap_or_default()),
        };
        let (given, suggested) = (&suspect.given, &suspect.suggested);
        let what = format!("{given}, likely {suggested} ({why}): {}", start(&suspect.text));
        Example { places: vec![suspect.place.clone()], what }
    };
    let advice = "look at them, the likeliest first: correct what is wrong, leave what is only hard; \
                  `--noise-output noise.jsonl` writes all of them";
    let finding = || {
        let examples = found.suspects.iter().take(SHOWN).map(example).collect();
        Finding::new(Severity::Warning, "likely_noise", message)
            .task(&found.task)
            .advice(advice)
            .examples(examples)
    };
    (n > 0).then(finding)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::super::testing::Files;
    use super::*;
    use crate::random::Random;

    const WORDS: [&str; 3] =
        ["boat tide harbour sea", "bread refund order shop", "night friendly quick late"];
    const N: usize = 360;

    /// Rows of three topics by their words, and a score by how many times a word stands; every 12th topic is wrong, and
    /// every 15th score.
    fn rows() -> (String, HashSet<usize>, HashSet<usize>) {
        let mut random = Random::new(5);
        let (mut lines, mut wrong_topics, mut wrong_scores) = (String::new(), HashSet::new(), HashSet::new());
        for i in 0..N {
            let topic = i % 3;
            let words: Vec<&str> = WORDS[topic].split(' ').collect();
            let n_good = random.below(4);
            let mut text: Vec<&str> = (0..5).map(|_| *random.choose(&words)).collect();
            text.extend(std::iter::repeat_n("good", n_good));
            random.shuffle(&mut text);
            let (mut label, mut score) = (topic, n_good as f64);
            if i % 12 == 5 {
                wrong_topics.insert(i);
                label = (topic + 1) % 3;
            }
            if i % 15 == 7 {
                wrong_scores.insert(i);
                score += if n_good > 1 { -40.0 } else { 40.0 };
            }
            lines += &format!(
                "{{\"text\": \"{} {i}\", \"topic\": \"t{label}\", \"score\": {score}}}\n",
                text.join(" ")
            );
        }
        (lines, wrong_topics, wrong_scores)
    }

    const SETTINGS: &str = "[[task]]\nname = 'topic'\nkind = 'classification'\n\
                            [[task]]\nname = 'score'\nkind = 'regression'\n\
                            [data]\ntrain = 'train.jsonl'\nvalidation = 'train.jsonl'\n\
                            [check.noise]\nepochs = 40\nlearning_rate = 0.03\n";

    /// How many of the doubted rows are wrong, and how many of the wrong ones are doubted.
    fn precision_and_recall(found: &TaskNoise, wrong: &HashSet<usize>) -> (f64, f64) {
        let doubted: HashSet<usize> = found.suspects.iter().map(|suspect| suspect.place.line - 1).collect();
        let right = doubted.intersection(wrong).count() as f64;
        (right / doubted.len() as f64, right / wrong.len() as f64)
    }

    #[test]
    fn labels_that_were_turned_are_found() {
        let (lines, wrong_topics, wrong_scores) = rows();
        let files = Files::new(&[("train.jsonl", &lines)]);
        let encoder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
        let mut report = Report::default();
        let mut steps = Vec::new();
        noise(&files.settings(SETTINGS), &encoder, &mut report, &mut |step| steps.push(step)).unwrap();
        assert_eq!(steps.len(), 6, "{steps:?}");
        let [topic, score] = &report.noise[..] else { panic!("{:?}", report.noise) };
        assert_eq!((topic.labelled, score.labelled), (N, N));
        let (precision, recall) = precision_and_recall(topic, &wrong_topics);
        assert!(precision > 0.6 && recall > 0.6, "topic: precision {precision}, recall {recall}");
        let (precision, recall) = precision_and_recall(score, &wrong_scores);
        assert!(precision > 0.6 && recall > 0.6, "score: precision {precision}, recall {recall}");
        let worst = &topic.suspects[0];
        assert!(worst.given != worst.suggested && worst.probability > worst.given_probability, "{worst:?}");
        let found = report.findings.iter().find(|finding| finding.name == "likely_noise").unwrap();
        assert!(found.message.contains(&format!("of {N} training labels")), "{}", found.message);
    }

    #[test]
    fn like_texts_are_in_one_fold() {
        let texts: Vec<String> = (0..40).map(|i| format!("Text {}{}", i / 2, ["", "!"][i % 2])).collect();
        let texts = Strings::new(texts.iter().map(String::as_str)).unwrap();
        let found = folds(&texts, 4, 1).unwrap();
        assert!(found.chunks(2).all(|pair| pair[0] == pair[1]));
        assert!((0..4).all(|fold| found.iter().filter(|&&own| own == fold).count() == 10));
        assert!(
            folds(&texts.select(0..4), 3, 1).unwrap_err().to_string().contains("2 different training texts")
        );
    }
}
