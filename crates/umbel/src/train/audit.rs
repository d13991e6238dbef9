//! Does sharing help? Each task trained alone beside the joint run, with all else the same.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::data::{RunData, read_labelled};
use super::run::model;
use super::{Observer, Outcome, RunFolder, train};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::evaluate::evaluate;
use crate::folder::write::write_file;
use crate::model::{Head, Model};
use crate::nn::Matrix;
use crate::random::{Random, derive};
use crate::settings::Settings;
use crate::task::{Reads, Targets, Task};

/// Times that rows are drawn anew for an interval.
const DRAWS: usize = 1000;
/// The same for tasks that compare texts, whose metrics take longer.
const DRAWS_OF_PAIRS: usize = 200;

/// What an audit has found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Audit {
    /// Which rows the scores are of: `test` or `validation`.
    pub split: String,
    /// Each task with all others, against itself alone.
    pub joint: Vec<Transfer>,
    /// Each task with one other, against itself alone; empty if pairs were not asked for.
    pub pairs: Vec<Transfer>,
    /// What to make of it, in words.
    pub advice: Vec<String>,
}

/// The file of an audit, in the folder of its run.
const FILE: &str = "audit.json";

impl Audit {
    /// Writes `audit.json` into the folder of the run.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn write(&self, training: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).expect("plain values");
        write_file(&training.join(FILE), &json)
    }

    /// Reads `audit.json` of the folder of a run; none if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, or is not as [`Audit::write`] writes it.
    pub fn read(training: &Path) -> Result<Option<Self>> {
        let path = training.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let json = std::fs::read(&path).map_err(Error::io(&path))?;
        serde_json::from_slice(&json).map(Some).map_err(|error| Error::io(&path)(error.into()))
    }
}

/// A task trained with others, against itself alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The task.
    pub task: String,
    /// The tasks that it was trained with.
    pub with: Vec<String>,
    /// The metric.
    pub metric: String,
    /// Rows with its label.
    pub n: usize,
    /// Its score alone.
    pub alone: f64,
    /// Its score together with the others.
    pub together: f64,
    /// The second less the first.
    pub difference: f64,
    /// Where the difference lies with a certainty of 95 %, as far as these rows tell: a paired bootstrap of the rows
    /// (Efron and Tibshirani 1993), its 2.5th and 97.5th percentile.
    pub interval: [f64; 2],
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All of it is above 0.
    Helps,
    /// All of it is below 0.
    Hurts,
    /// 0 is inside.
    Unclear,
}

/// Who watches a run of some settings.
pub type Watch<'a> = &'a mut dyn FnMut(&Settings) -> Box<dyn Observer>;

/// Trains each task alone, and each pair of tasks if `pairs` is true, with the settings, rows, order and number of steps
/// of the joint run that made `joint`, and compares their scores on the test rows, or on the validation rows if there
/// are none. `None` if an observer stopped it.
///
/// # Errors
/// If there is only one task, or a run fails.
pub fn audit(
    settings: &Settings,
    (encoder_dir, target): (&Path, &Path),
    joint: &Model,
    pairs: bool,
    watch: Watch<'_>,
) -> Result<Option<Audit>> {
    let n_tasks = settings.tasks.len();
    if n_tasks < 2 {
        return Err(Error::Settings("an audit compares tasks; expected two or more".to_string()));
    }
    let mut sets: Vec<Vec<usize>> = (0..n_tasks).map(|task| vec![task]).collect();
    // Two tasks are the joint run itself.
    let more = (pairs && n_tasks > 2).then_some(n_tasks).into_iter();
    sets.extend(more.flat_map(|n| (0..n).flat_map(move |a| (a + 1..n).map(move |b| vec![a, b]))));

    let joint = Scored::of(settings, joint)?;
    let mut runs: Vec<(Vec<usize>, Scored)> = Vec::new();
    for set in sets {
        let own = subset(settings, &set);
        let folder = target.join("training").join("audit").join(file_name(&own));
        match run(&own, encoder_dir, &folder, watch(&own).as_mut())? {
            Some(model) => runs.push((set, Scored::of(&own, &model)?)),
            None => return Ok(None),
        }
    }
    let alone = |task: usize| &runs[task].1;
    let compare = |task: usize, place: usize, together: &Scored| {
        let with =
            together.tasks.iter().map(|t| t.name.clone()).filter(|name| *name != settings.tasks[task].name);
        let seed = derive(settings.train.seed, task as u64);
        transfer(&alone(task).tasks[0], &together.tasks[place], with.collect(), seed)
    };
    let found: Vec<Transfer> = (0..n_tasks).map(|task| compare(task, task, &joint)).collect();
    let of_pair = |(set, scored): &(Vec<usize>, Scored)| {
        let places = 0..if set.len() == 2 { 2 } else { 0 };
        places.map(|place| compare(set[place], place, scored)).collect::<Vec<_>>()
    };
    let pairs: Vec<Transfer> = runs.iter().flat_map(of_pair).collect();
    let advice = found.iter().map(|transfer| advise(transfer, &pairs)).collect();
    Ok(Some(Audit { split: joint.split.to_string(), joint: found, pairs, advice }))
}

/// The settings with some of their tasks.
fn subset(settings: &Settings, tasks: &[usize]) -> Settings {
    let mut own = settings.clone();
    own.tasks = tasks.iter().map(|&task| settings.tasks[task].clone()).collect();
    // A metric of another task is no longer there; so no run may choose its epoch by one.
    own.train.best_metric = None;
    let is_own = |part: &str| match part.strip_prefix("head:") {
        Some(task) => own.tasks.iter().any(|own| own.name == task),
        None => true,
    };
    own.train.freeze.retain(|part| is_own(part));
    own.train.part_learning_rates.retain(|part, _| is_own(part));
    // Without a task that says which texts are alike there is no warm-up; the joint run's came from other tasks.
    let says_alike = |kind: &str| ["classification", "ordinal"].contains(&kind);
    own.train.contrast = own.train.contrast.filter(|_| own.tasks.iter().any(|task| says_alike(&task.kind)));
    own
}

fn file_name(settings: &Settings) -> String {
    settings.tasks.iter().map(|task| task.name.replace(' ', "-")).collect::<Vec<_>>().join("+")
}

/// The model of a run whose folder keeps nothing but its log.
fn run(
    settings: &Settings,
    encoder_dir: &Path,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<Option<Model>> {
    let data = RunData::read(settings)?;
    let mut trained = model(settings, encoder_dir, &data)?;
    let run = RunFolder { path: folder.to_path_buf(), resume: false };
    let outcome = train(&mut trained, &data, settings, &run, observer)?;
    super::clean_up(folder)?;
    Ok(matches!(outcome, Outcome::Finished { .. }).then_some(trained))
}

/// A model's outputs for the rows by which tasks are compared.
struct Scored {
    split: &'static str,
    tasks: Vec<ScoredTask>,
}

struct ScoredTask {
    name: String,
    task: Box<dyn Task>,
    outputs: Matrix,
    targets: Targets,
}

impl Scored {
    fn of(settings: &Settings, model: &Model) -> Result<Self> {
        let tasks: Vec<_> = model.heads().iter().map(|head| (&head.settings, head.task.as_ref())).collect();
        let (split, data): (_, Dataset) = match &settings.data.test {
            Some(files) => ("test", read_labelled(&files.paths()?, &settings.data.text, &tasks)?.1),
            None => ("validation", RunData::read(settings)?.validation),
        };
        let outputs = evaluate(model, &data)?.outputs;
        let task = |(at, (head, outputs)): (usize, (&Head, Matrix))| ScoredTask {
            name: head.name().to_string(),
            task: head.task.boxed(),
            outputs,
            targets: data.targets(at).clone(),
        };
        Ok(Self { split, tasks: model.heads().iter().zip(outputs).enumerate().map(task).collect() })
    }
}

impl ScoredTask {
    fn score(&self, rows: &[usize]) -> f64 {
        let outputs: Vec<usize> = rows.iter().flat_map(|&row| self.targets.outputs(row)).collect();
        self.task.evaluate(&self.outputs.select(&outputs), &self.targets.select(rows)).main
    }
}

fn transfer(alone: &ScoredTask, together: &ScoredTask, with: Vec<String>, seed: u64) -> Transfer {
    let rows: Vec<usize> = (0..alone.targets.len()).filter(|&row| alone.targets.get(row).is_some()).collect();
    let n_draws = if alone.task.reads() == Reads::Group { DRAWS_OF_PAIRS } else { DRAWS };
    let draw = |draw: usize| {
        let mut random = Random::stream(seed, draw as u64);
        let drawn: Vec<usize> = rows.iter().map(|_| rows[random.below(rows.len())]).collect();
        together.score(&drawn) - alone.score(&drawn)
    };
    let (score_alone, score_together) = (alone.score(&rows), together.score(&rows));
    let difference = score_together - score_alone;
    let interval = if rows.is_empty() { [0.0, 0.0] } else { interval((0..n_draws).map(draw).collect()) };
    let verdict = match interval {
        [low, _] if low > 0.0 => Verdict::Helps,
        [_, high] if high < 0.0 => Verdict::Hurts,
        _ => Verdict::Unclear,
    };
    let metric = alone.task.evaluate(&alone.outputs, &alone.targets).main_metric.to_string();
    Transfer {
        task: alone.name.clone(),
        with,
        metric,
        n: rows.len(),
        alone: score_alone,
        together: score_together,
        difference,
        interval,
        verdict,
    }
}

/// The 2.5th and the 97.5th percentile.
fn interval(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    [at(0.025), at(0.975)]
}

/// What to make of a task's transfer, in a sentence or two.
fn advise(joint: &Transfer, pairs: &[Transfer]) -> String {
    let Transfer { task, metric, difference, interval: [low, high], n, .. } = joint;
    let numbers = format!("{metric} {difference:+.4}, 95 % interval {low:+.4} to {high:+.4}, {n} rows");
    let own = |verdict: Verdict| -> Vec<String> {
        let of_task = pairs.iter().filter(|pair| pair.task == *task && pair.verdict == verdict);
        of_task.flat_map(|pair| &pair.with).map(|name| format!("`{name}`")).collect()
    };
    let (helpers, hurters) = (own(Verdict::Helps), own(Verdict::Hurts));
    let mut advice = match joint.verdict {
        Verdict::Helps => format!("`{task}` gains from sharing ({numbers}): keep it in the joint model."),
        Verdict::Hurts if hurters.is_empty() => format!(
            "`{task}` loses by sharing ({numbers}): give it more weight, try a gradient weighting as \
             `upgrad`, or train it alone."
        ),
        Verdict::Hurts => {
            format!("`{task}` loses by sharing ({numbers}): share it without {}.", hurters.join(", "))
        }
        Verdict::Unclear => format!(
            "`{task}` is as good alone as these rows can tell ({numbers}): share it for one pass of the encoder."
        ),
    };
    if !helpers.is_empty() {
        advice += &format!(" In pairs it gains from {}.", helpers.join(", "));
    }
    advice
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::task::KINDS;

    /// A regression whose predictions are its labels and noise.
    fn scored(noise: f32, n: usize, seed: u64) -> ScoredTask {
        let options: Map<_, _> = json!({"standardize": false}).as_object().unwrap().clone();
        let task = KINDS.find("regression").unwrap()(options).unwrap();
        let (mut targets, mut outputs, mut random) = (Targets::default(), Vec::new(), Random::new(5));
        let mut noises = Random::new(seed);
        for _ in 0..n {
            let label = random.normal();
            targets.push(Some(&[label]));
            outputs.push(label + noise * noises.normal());
        }
        ScoredTask { name: "mood".into(), task, outputs: Matrix::from_vec(n, 1, outputs), targets }
    }

    fn verdict(alone: f32, together: f32, seed: u64) -> Verdict {
        let (alone, together) = (scored(alone, 300, seed), scored(together, 300, seed + 1000));
        let found = transfer(&alone, &together, vec!["topic".into()], 1);
        assert!(found.interval[0] <= found.difference && found.difference <= found.interval[1], "{found:?}");
        found.verdict
    }

    #[test]
    fn a_difference_counts_if_its_interval_says_so() {
        assert_eq!(verdict(1.0, 0.5, 1), Verdict::Helps);
        assert_eq!(verdict(0.5, 1.0, 1), Verdict::Hurts);
        // Where there is no difference, one interval of twenty lies beside 0 by chance.
        let n_unclear = (0..40).filter(|&seed| verdict(0.7, 0.7, seed) == Verdict::Unclear).count();
        assert!(n_unclear >= 34, "{n_unclear} of 40");
    }

    #[test]
    fn advice_names_the_task_and_who_hurts_it() {
        let pair = |name: &str, verdict: Verdict| Transfer {
            task: "mood".into(),
            with: vec![name.into()],
            metric: "pearson".into(),
            n: 10,
            alone: 0.5,
            together: 0.4,
            difference: -0.1,
            interval: [-0.2, -0.05],
            verdict,
        };
        let said = advise(
            &pair("all", Verdict::Hurts),
            &[pair("topic", Verdict::Hurts), pair("tone", Verdict::Helps)],
        );
        assert!(
            said.contains("share it without `topic`.") && said.ends_with("it gains from `tone`."),
            "{said}"
        );
    }
}
