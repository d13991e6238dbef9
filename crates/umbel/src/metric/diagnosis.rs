//! What the course of a training says about its tasks, in words.

use serde::{Deserialize, Serialize};

/// How a task fared, epoch by epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskHistory {
    /// The task.
    pub name: String,
    /// Each epoch, in their order.
    pub epochs: Vec<EpochScores>,
}

/// How a task fared in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochScores {
    /// The main metric on training rows: at most 1, higher is better, as macro F1 or Pearson.
    pub train: f64,
    /// The main metric on validation rows.
    pub validation: f64,
    /// The mean loss on training rows.
    pub train_loss: f64,
    /// The mean loss on validation rows.
    pub validation_loss: f64,
    /// The share of all tasks' weighted training loss, from 0 to 1.
    pub loss_share: f64,
}

/// What is wrong with a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The task.
    pub task: String,
    /// What is wrong with it.
    pub kind: FindingKind,
    /// What was seen and what to do, in a sentence.
    pub sentence: String,
}

/// What can be wrong with a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Its loss leaves the other tasks less than [`CROWDED`] of their fair share, which is one part a task, in
    /// the mean over epochs. Of two tasks: more than 80 % of the loss.
    Dominates,
    /// Its share of the loss is less than [`STARVED`] of the fair one in the mean over epochs, and from the
    /// first epoch on its validation metric never rose by [`STEP`]. Of two tasks: less than 5 % of the loss.
    Starves,
    /// In the last epoch its training metric is more than [`GAP`] above validation, by more than in the first
    /// epoch, and validation is [`STEP`] below its best.
    Overfits,
    /// In the last epoch, which is not the first, both metrics are below [`POOR`].
    Underfits,
}

/// The part of their fair share of the loss below which other tasks are dominated.
pub const CROWDED: f64 = 0.4;
/// The part of its fair share of the loss below which a task may starve.
pub const STARVED: f64 = 0.1;
/// The least change of a metric that counts as one.
pub const STEP: f64 = 0.01;
/// The lead of the training metric over validation that makes overfitting.
pub const GAP: f64 = 0.1;
/// The metric below which nothing was learned.
pub const POOR: f64 = 0.3;

/// Says which tasks dominate, starve, overfit or underfit, in the order of the tasks.
///
/// ```
/// use umbel::metric::{EpochScores, TaskHistory, diagnose};
/// let epoch = EpochScores { train: 0.1, validation: 0.1, train_loss: 1.0, validation_loss: 1.0, loss_share: 1.0 };
/// let findings = diagnose(&[TaskHistory { name: "topic".into(), epochs: vec![epoch; 2] }]);
/// assert!(findings[0].sentence.starts_with("topic underfits: 0.10 on training rows"));
/// ```
pub fn diagnose(tasks: &[TaskHistory]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for task in tasks {
        let (Some(first), Some(last)) = (task.epochs.first(), task.epochs.last()) else {
            continue;
        };
        let course = Course { name: &task.name, epochs: &task.epochs, first, last };
        let starves = course.starves(tasks.len());
        // A task that starves learned nothing either; one sentence says both.
        let underfits = if starves.is_some() { None } else { course.underfits() };
        let sentences = [
            (FindingKind::Dominates, course.dominates(tasks.len())),
            (FindingKind::Starves, starves),
            (FindingKind::Overfits, course.overfits()),
            (FindingKind::Underfits, underfits),
        ];
        for (kind, sentence) in sentences {
            findings.extend(sentence.map(|sentence| Finding { task: task.name.clone(), kind, sentence }));
        }
    }
    findings
}

/// A task that was trained for at least one epoch.
struct Course<'a> {
    name: &'a str,
    epochs: &'a [EpochScores],
    first: &'a EpochScores,
    last: &'a EpochScores,
}

impl Course<'_> {
    fn dominates(&self, n_tasks: usize) -> Option<String> {
        let fair = 1.0 / n_tasks as f64;
        let dominates = n_tasks > 1 && 1.0 - self.share() < CROWDED * (1.0 - fair);
        dominates.then(|| {
            let (name, percent) = (self.name, 100.0 * self.share());
            format!("{name} makes up {percent:.0} % of the loss: lower its weight (of a regression, standardize the target)")
        })
    }

    fn starves(&self, n_tasks: usize) -> Option<String> {
        let is_small = n_tasks > 1 && self.share() < STARVED / n_tasks as f64;
        let is_stuck = self.epochs.len() > 1 && self.best().1 - self.first.validation < STEP;
        (is_small && is_stuck).then(|| {
            let (name, percent) = (self.name, 100.0 * self.share());
            let (n, score) = (self.epochs.len(), self.last.validation);
            format!(
                "{name} makes up only {percent:.1} % of the loss and did not improve in {n} epochs \
                 ({score:.2} on validation rows): raise its weight"
            )
        })
    }

    fn overfits(&self) -> Option<String> {
        let gap = |epoch: &EpochScores| epoch.train - epoch.validation;
        let (epoch, best) = self.best();
        let widened = gap(self.last) > GAP && gap(self.last) > gap(self.first);
        (widened && best - self.last.validation >= STEP).then(|| {
            let (name, EpochScores { train, validation, .. }) = (self.name, self.last);
            format!(
                "{name} overfits: {train:.2} on training rows, {validation:.2} on validation rows, down from \
                 {best:.2} in epoch {epoch}: train for fewer epochs, or with more dropout or more rows"
            )
        })
    }

    fn underfits(&self) -> Option<String> {
        let EpochScores { train, validation, .. } = self.last;
        let (name, n) = (self.name, self.epochs.len());
        // One epoch is too early to say, its first steps being the warm-up.
        (n > 1 && *train < POOR && *validation < POOR).then(|| {
            format!(
                "{name} underfits: {train:.2} on training rows and {validation:.2} on validation rows after {n} \
                 epochs: train for longer or with a higher learning rate, or check its labels"
            )
        })
    }

    /// The mean share of the loss over the epochs.
    fn share(&self) -> f64 {
        self.epochs.iter().map(|epoch| epoch.loss_share).sum::<f64>() / self.epochs.len() as f64
    }

    /// The first epoch, from 1, with the best validation metric, and that metric.
    fn best(&self) -> (usize, f64) {
        let epochs = (1..).zip(self.epochs.iter().map(|epoch| epoch.validation));
        epochs.fold((1, f64::NEG_INFINITY), |best, next| if next.1 > best.1 { next } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Epochs of a training metric, a validation metric and a share of the loss.
    fn task(name: &str, epochs: &[(f64, f64, f64)]) -> TaskHistory {
        let epoch = |&(train, validation, loss_share)| EpochScores {
            train,
            validation,
            train_loss: 1.0,
            validation_loss: 1.0,
            loss_share,
        };
        TaskHistory { name: name.into(), epochs: epochs.iter().map(epoch).collect() }
    }

    fn check(tasks: &[TaskHistory], expected: &[&str]) {
        let sentences: Vec<String> = diagnose(tasks).into_iter().map(|finding| finding.sentence).collect();
        assert_eq!(sentences, expected);
    }

    #[test]
    fn a_training_that_goes_well_needs_no_words() {
        check(
            &[
                task("a", &[(0.6, 0.5, 0.7), (0.9, 0.85, 0.6)]),
                task("b", &[(0.5, 0.5, 0.3), (0.8, 0.7, 0.4)]),
            ],
            &[],
        );
        check(&[task("a", &[])], &[]);
        check(&[], &[]);
    }

    #[test]
    fn one_task_is_all_of_the_loss_without_dominating() {
        check(&[task("a", &[(0.9, 0.9, 1.0)])], &[]);
    }

    #[test]
    fn a_task_may_dominate_and_another_starve() {
        let sentiment = task("sentiment", &[(0.6, 0.6, 0.99), (0.8, 0.8, 0.97)]);
        let topic = task("topic", &[(0.4, 0.4, 0.01), (0.4, 0.4, 0.03)]);
        let expected = [
            "sentiment makes up 98 % of the loss: lower its weight (of a regression, standardize the target)",
            "topic makes up only 2.0 % of the loss and did not improve in 2 epochs (0.40 on validation rows): \
             raise its weight",
        ];
        check(&[sentiment, topic], &expected);
    }

    #[test]
    fn a_small_share_of_a_task_that_learns_is_fine() {
        let sure = task("a", &[(0.6, 0.6, 0.04), (0.9, 0.9, 0.01)]);
        check(&[sure, task("b", &[(0.6, 0.6, 0.5), (0.7, 0.7, 0.5)]), task("c", &[(0.6, 0.6, 0.4)])], &[]);
    }

    #[test]
    fn many_tasks_are_dominated_by_a_smaller_share() {
        let shares = [0.72, 0.1, 0.1, 0.08];
        let tasks: Vec<TaskHistory> =
            shares.iter().map(|&share| task("a", &[(0.5, 0.5, share), (0.6, 0.6, share)])).collect();
        check(
            &tasks,
            &["a makes up 72 % of the loss: lower its weight (of a regression, standardize the target)"],
        );
        check(&tasks[..3], &[]);
    }

    #[test]
    fn a_widening_gap_with_falling_validation_is_overfitting() {
        let epochs = [(0.7, 0.7, 1.0), (0.85, 0.8, 1.0), (0.97, 0.76, 1.0)];
        let expected = "a overfits: 0.97 on training rows, 0.76 on validation rows, down from 0.80 in epoch 2: \
                        train for fewer epochs, or with more dropout or more rows";
        check(&[task("a", &epochs)], &[expected]);
        check(&[task("a", &[(0.7, 0.7, 1.0), (0.97, 0.8, 1.0)])], &[]);
    }

    #[test]
    fn poor_metrics_on_both_sides_are_underfitting() {
        let expected = "a underfits: 0.20 on training rows and 0.10 on validation rows after 2 epochs: \
                        train for longer or with a higher learning rate, or check its labels";
        check(&[task("a", &[(0.1, 0.1, 1.0), (0.2, 0.1, 1.0)])], &[expected]);
        check(&[task("a", &[(0.2, f64::NAN, 1.0)])], &[]);
    }
}
