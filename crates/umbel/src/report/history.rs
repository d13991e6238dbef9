//! The steps of a run as `metrics.jsonl` tells them, taken together in spans so that a long run stays a small page.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::train::FrozenWeights;

/// Spans of a run at most.
const SPANS: usize = 200;

/// What a line of `metrics.jsonl` says of a step.
#[derive(Deserialize)]
struct Step {
    step: usize,
    learning_rate: f64,
    loss: f64,
    tasks: Vec<Part>,
    grad_norm: f64,
    shared: Option<Shared>,
}

#[derive(Deserialize)]
struct Part {
    task: String,
    loss: Option<f64>,
    share: f64,
}

#[derive(Deserialize)]
struct Shared {
    tasks: Vec<String>,
    norms: Vec<f64>,
    coefficients: Vec<f64>,
    cosines: Vec<Option<f64>>,
}

/// The kind of a line, which is looked at before the rest of it.
#[derive(Deserialize)]
struct Event<'a> {
    event: &'a str,
}

/// The mean of what was met; none of nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    sum: f64,
    n: usize,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.sum += value;
            self.n += 1;
        }
    }

    pub(super) fn value(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

/// Means over some steps that follow one another.
#[derive(Debug, Clone)]
pub(super) struct Span {
    /// The last of the steps.
    pub(super) step: usize,
    pub(super) learning_rate: Mean,
    pub(super) loss: Mean,
    pub(super) grad_norm: Mean,
    /// Each task's loss, in the order of the tasks.
    pub(super) losses: Vec<Mean>,
    pub(super) shares: Vec<Mean>,
    /// Each task's gradient by the shared embedding.
    pub(super) norms: Vec<Mean>,
    pub(super) coefficients: Vec<Mean>,
    /// Each pair's cosine, in the order of [`History::pairs`].
    pub(super) cosines: Vec<Mean>,
}

/// Two tasks over the whole run.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// The places of both among the tasks, the lower one first.
    pub(super) tasks: (usize, usize),
    pub(super) cosine: Mean,
    /// Steps whose gradients pointed against each other.
    pub(super) n_opposed: usize,
}

impl Pair {
    /// Steps in which both had a gradient.
    pub(super) fn n_steps(&self) -> usize {
        self.cosine.n
    }
}

/// The steps of a run, taken together in spans.
#[derive(Debug)]
pub(super) struct History {
    /// The spans in their order; at most [`SPANS`].
    pub(super) spans: Vec<Span>,
    /// Every two tasks.
    pub(super) pairs: Vec<Pair>,
    /// How many steps a span has.
    pub(super) width: usize,
    /// Frozen weights that were found unchanged.
    pub(super) unchanged: Vec<FrozenWeights>,
    tasks: Vec<String>,
}

impl History {
    /// Reads the log of a run of `n_steps`, a line at a time.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or a line of a step is broken; it names the line.
    pub(super) fn read(path: &Path, tasks: Vec<String>, n_steps: usize) -> Result<Self> {
        let n = tasks.len();
        let pair = |tasks| Pair { tasks, cosine: Mean::default(), n_opposed: 0 };
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(pair).collect();
        let width = n_steps.div_ceil(SPANS).max(1);
        let mut history = Self { spans: Vec::new(), pairs, width, unchanged: Vec::new(), tasks };
        let file = BufReader::new(File::open(path).map_err(Error::io(path))?);
        for (i, line) in file.lines().enumerate() {
            let wrong = |error: serde_json::Error| {
                Error::io(path)(io::Error::other(format!("line {}: {error}", i + 1)))
            };
            let line = line.map_err(Error::io(path))?;
            let Event { event } = serde_json::from_str(&line).map_err(wrong)?;
            match event {
                "step" => history.add(&serde_json::from_str(&line).map_err(wrong)?),
                "unchanged" => history.unchanged.push(serde_json::from_str(&line).map_err(wrong)?),
                _ => {}
            }
        }
        Ok(history)
    }

    fn add(&mut self, step: &Step) {
        let place = |tasks: &[String], name: &String| tasks.iter().position(|task| task == name);
        let (n, n_pairs) = (self.tasks.len(), self.pairs.len());
        if self.spans.len() <= (step.step - 1) / self.width {
            self.spans.push(Span::new(n, n_pairs));
        }
        let span = self.spans.last_mut().expect("there is one for this step");
        span.step = step.step;
        span.learning_rate.add(Some(step.learning_rate));
        span.loss.add(Some(step.loss));
        span.grad_norm.add(Some(step.grad_norm));
        for part in &step.tasks {
            let Some(task) = place(&self.tasks, &part.task) else { continue };
            span.losses[task].add(part.loss);
            span.shares[task].add(Some(part.share));
        }
        let Some(shared) = &step.shared else { return };
        let places: Vec<Option<usize>> = shared.tasks.iter().map(|name| place(&self.tasks, name)).collect();
        for ((task, norm), coefficient) in places.iter().zip(&shared.norms).zip(&shared.coefficients) {
            let Some(task) = *task else { continue };
            span.norms[task].add(Some(*norm));
            span.coefficients[task].add(Some(*coefficient));
        }
        let two = (0..places.len()).flat_map(|i| (i + 1..places.len()).map(move |j| (i, j)));
        for ((i, j), cosine) in two.zip(&shared.cosines) {
            let (Some(a), Some(b)) = (places[i], places[j]) else { continue };
            let tasks = (a.min(b), a.max(b));
            let Some(pair) = self.pairs.iter().position(|pair| pair.tasks == tasks) else { continue };
            span.cosines[pair].add(*cosine);
            self.pairs[pair].cosine.add(*cosine);
            self.pairs[pair].n_opposed += usize::from(cosine.is_some_and(|cosine| cosine < 0.0));
        }
    }

    /// The number of each span that `of` finds in it.
    pub(super) fn course(&self, of: impl Fn(&Span) -> Mean) -> Vec<(f64, Option<f64>)> {
        self.spans.iter().map(|span| (span.step as f64, of(span).value())).collect()
    }

    /// The first and the last step that a chart shows.
    pub(super) fn ends(&self) -> (f64, f64) {
        let step = |span: Option<&Span>| span.map_or(1.0, |span| span.step as f64);
        (step(self.spans.first()), step(self.spans.last()))
    }
}

impl Span {
    fn new(n_tasks: usize, n_pairs: usize) -> Self {
        let (none, tasks) = (Mean::default(), vec![Mean::default(); n_tasks]);
        Self {
            step: 0,
            learning_rate: none,
            loss: none,
            grad_norm: none,
            losses: tasks.clone(),
            shares: tasks.clone(),
            norms: tasks.clone(),
            coefficients: tasks,
            cosines: vec![none; n_pairs],
        }
    }
}

/// Each point as the mean of its neighbours, a twelfth of all points on each side at most.
pub(super) fn smoothed(points: &[(f64, Option<f64>)]) -> Vec<(f64, Option<f64>)> {
    let reach = points.len() / 12;
    let around = |i: usize| &points[i.saturating_sub(reach)..points.len().min(i + reach + 1)];
    let mean = |i: usize| {
        let mut mean = Mean::default();
        around(i).iter().for_each(|(_, y)| mean.add(*y));
        mean.value()
    };
    points.iter().enumerate().map(|(i, (x, _))| (*x, mean(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: usize, loss: f64, shared: &str) -> String {
        format!(
            r#"{{"event":"step","step":{step},"epoch":1,"learning_rate":1e-3,"loss":{loss},"tasks":[
            {{"task":"a","loss":{loss},"share":1.0}},{{"task":"b","loss":null,"share":0.0}}],"grad_norm":2.0{shared},"rows":4}}"#
        )
        .replace('\n', "")
            + "\n"
    }

    fn read(text: &str, n_steps: usize) -> Result<History> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        History::read(file.path(), vec!["a".into(), "b".into()], n_steps)
    }

    #[test]
    fn a_short_run_has_a_span_a_step_and_lines_of_other_kinds_are_left_out() {
        let shared =
            r#","shared":{"tasks":["b","a"],"norms":[3.0,1.0],"coefficients":[1.0,0.5],"cosines":[-0.5]}"#;
        let text = line(1, 0.5, "") + "{\"event\":\"epoch\",\"epoch\":1}\n" + &line(2, 0.25, shared);
        let history = read(&text, 2).unwrap();
        assert_eq!(history.course(|span| span.loss), [(1.0, Some(0.5)), (2.0, Some(0.25))]);
        assert_eq!(history.course(|span| span.losses[1]), [(1.0, None), (2.0, None)]);
        assert_eq!(history.course(|span| span.norms[0]), [(1.0, None), (2.0, Some(1.0))]);
        assert_eq!(history.course(|span| span.norms[1]), [(1.0, None), (2.0, Some(3.0))]);
        let pair = &history.pairs[0];
        assert_eq!((pair.tasks, pair.cosine.value(), pair.n_opposed), ((0, 1), Some(-0.5), 1));
    }

    #[test]
    fn a_long_run_is_taken_together_in_at_most_so_many_spans() {
        let text: String = (1..=1001).map(|step| line(step, step as f64, "")).collect();
        let history = read(&text, 1001).unwrap();
        assert_eq!((history.width, history.spans.len()), (6, 167));
        assert_eq!(history.course(|span| span.loss)[0], (6.0, Some(3.5)));
        assert_eq!(history.ends(), (6.0, 1001.0));
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = read(&(line(1, 0.5, "") + "{\"event\":\"step\",\"st"), 2).unwrap_err().to_string();
        assert!(error.contains("line 2: "), "{error}");
    }

    #[test]
    fn smoothing_takes_neighbours_and_keeps_what_is_constant() {
        let points: Vec<(f64, Option<f64>)> = (0..24).map(|i| (f64::from(i), Some(2.0))).collect();
        assert_eq!(smoothed(&points), points);
        let mut points = points;
        points[12].1 = None;
        points[13].1 = Some(7.0);
        assert_eq!(smoothed(&points)[12].1, Some((2.0 + 2.0 + 7.0 + 2.0) / 4.0));
    }
}
