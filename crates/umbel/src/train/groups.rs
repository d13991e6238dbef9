//! What a plan draws rows from: one group, data sources or tasks, with rows of rare labels more than once.

use super::data::RunData;
use crate::error::Result;
use crate::sampling::{self, Order, Sampling};
use crate::settings::{GroupBy, Oversample, Settings};

/// What a plan draws rows from.
#[derive(Debug)]
pub(super) struct Groups {
    /// The rows of each group, of which none is empty.
    pub(super) rows: Vec<Vec<usize>>,
    /// What each group's share is multiplied by.
    pub(super) weights: Vec<f64>,
    /// How many times each row comes where others come once; `None` if all come once.
    pub(super) copies: Option<Vec<f64>>,
    /// Rows of an epoch.
    pub(super) n_rows: usize,
    /// How the groups share an epoch.
    pub(super) sampling: Box<dyn Sampling>,
}

impl Groups {
    /// Some rows, each once an epoch.
    pub(super) fn plain(rows: Vec<usize>) -> Self {
        let sampling = sampling::make("shuffle", Default::default()).expect("it has no options");
        Self { n_rows: rows.len(), rows: vec![rows], weights: vec![1.0], copies: None, sampling }
    }

    /// The groups of the training rows; an epoch has as many rows as there are.
    ///
    /// # Errors
    /// If there is no such sampling.
    pub(super) fn new(settings: &Settings, data: &RunData) -> Result<Self> {
        let n_rows = data.train.len();
        let chosen = settings.sampling();
        let sampling = sampling::make(chosen.kind(), chosen.options())?;
        // A run on some of the tasks only, as an audit makes them, may lack this one.
        let copies = settings.train.oversample.as_ref().and_then(|chosen| copies(chosen, data));
        let all = || (0..n_rows).collect::<Vec<usize>>();
        let (rows, weights) = match (sampling.order(), chosen.by()) {
            (Order::Plain, _) => (vec![all()], vec![1.0]),
            (_, GroupBy::Source) => by_source(settings, data),
            (_, GroupBy::Task) => by_task(data, settings.tasks.len()),
        };
        let kept = rows.into_iter().zip(weights).filter(|(rows, _)| !rows.is_empty());
        let (rows, weights) = kept.unzip();
        Ok(Self { rows, weights, copies, n_rows, sampling })
    }
}

fn by_source(settings: &Settings, data: &RunData) -> (Vec<Vec<usize>>, Vec<f64>) {
    let sources = settings.data.train.sources();
    let mut rows = vec![Vec::new(); sources.len()];
    (0..data.train.len()).for_each(|row| rows[data.source(row)].push(row));
    (rows, sources.iter().map(|source| source.weight().unwrap_or(1.0)).collect())
}

fn by_task(data: &RunData, n_tasks: usize) -> (Vec<Vec<usize>>, Vec<f64>) {
    let labelled = |task: usize| {
        let targets = data.train.targets(task);
        (0..targets.len()).filter(|&row| targets.get(row).is_some()).collect()
    };
    let rows: Vec<Vec<usize>> = (0..n_tasks).map(labelled).collect();
    let weights = vec![1.0; rows.len()];
    (rows, weights)
}

/// How many times each row comes: `min(max_ratio, n_max / n_c)`, with `n_c` the rows of its label and `n_max` those of the
/// most frequent one; of several labels the rarest counts, and a row without a label comes once. `None` if there is no such task.
fn copies(chosen: &Oversample, data: &RunData) -> Option<Vec<f64>> {
    let task_idx = data.tasks.iter().position(|(settings, _)| settings.name == chosen.task())?;
    let (settings, task) = &data.tasks[task_idx];
    let targets = data.train.targets(task_idx);
    let is_own = |target: &[f32], class: usize| match &settings.kind[..] {
        "multilabel" => target[class] > 0.0,
        _ => target[0] as usize == class,
    };
    let mut counts = vec![0usize; task.labels().len()];
    let own = |target: &[f32]| -> Vec<usize> {
        (0..task.labels().len()).filter(|&class| is_own(target, class)).collect()
    };
    let labels: Vec<Vec<usize>> = targets.iter().map(|target| target.map(own).unwrap_or_default()).collect();
    labels.iter().flatten().for_each(|&class| counts[class] += 1);
    let most = counts.iter().copied().max().unwrap_or(0) as f64;
    let ratio = |class: &usize| (most / counts[*class] as f64).min(chosen.max_ratio());
    Some(labels.iter().map(|own| own.iter().map(ratio).fold(1.0, f64::max)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::plan::Plan;
    use super::*;

    /// Two files: 30 rows of `topic`, of which 5 are `b`, and 10 of `mood`, of which one has both labels.
    fn data(more: &str) -> (Settings, RunData) {
        let dir = tempfile::tempdir().unwrap();
        let topic = |i: usize| {
            format!("{{\"text\": \"t {i}\", \"topic\": \"{}\"}}\n", if i < 25 { "a" } else { "b" })
        };
        let mood = |i: usize| {
            let topic = if i == 0 { ", \"topic\": \"c\"" } else { "" };
            format!("{{\"text\": \"m {i}\", \"mood\": {i}{topic}}}\n")
        };
        let write = |name: &str, rows: String| std::fs::write(dir.path().join(name), rows).unwrap();
        write("topic.jsonl", (0..30).map(topic).collect());
        write("mood.jsonl", (0..10).map(mood).collect());
        let text = format!(
            "model = {{ encoder = 'e' }}\n\
             task = [{{ name = 'topic', kind = 'classification' }}, {{ name = 'mood', kind = 'regression' }}]\n\
             data = {{ train = ['{0}/topic.jsonl', {{ path = '{0}/mo*.jsonl', weight = 2 }}], validation = '{0}/mood.jsonl' }}\n\
             {more}",
            dir.path().display()
        );
        let settings = Settings::parse(&text, &[]).unwrap();
        let data = RunData::read(&settings).unwrap();
        (settings, data)
    }

    fn plan((settings, data): &(Settings, RunData)) -> Plan {
        Plan::new(&settings.train, Groups::new(settings, data).unwrap(), vec![1; data.train.len()])
    }

    #[test]
    fn sources_share_an_epoch_by_their_weights() {
        let data = data("");
        let sources: Vec<usize> = (0..40).map(|row| data.1.source(row)).collect();
        assert_eq!(sources, [vec![0; 30], vec![1; 10]].concat());
        assert_eq!(plan(&data).quotas(0), [24, 16]); // 30 to 2 · 10.
        let rows = plan(&data).steps(0).concat().concat();
        assert_eq!(rows.iter().filter(|&&row| row >= 30).count(), 16);
    }

    #[test]
    fn tasks_can_be_groups() {
        let (mut settings, data) = data("");
        let options = Default::default();
        settings.train.sampling = Some(crate::settings::SamplingSettings::Table {
            kind: "equal".into(),
            by: GroupBy::Task,
            options,
        });
        let groups = Groups::new(&settings, &data).unwrap();
        assert_eq!((groups.rows[0].len(), groups.rows[1].len(), groups.n_rows), (31, 10, 40));
        assert!(groups.rows[0].contains(&30) && groups.rows[1].contains(&30), "a row may be in several");
    }

    #[test]
    fn rows_of_rare_labels_have_copies() {
        let of = |max: &str| {
            let data = data(&format!("train = {{ oversample = {max} }}"));
            Groups::new(&data.0, &data.1).unwrap().copies.unwrap()
        };
        let copies = of("'topic'");
        assert_eq!((copies[0], copies[25], copies[30], copies[31]), (1.0, 5.0, 10.0, 1.0)); // 25 a, 5 b, 1 c.
        assert_eq!(of("{ task = 'topic', max_ratio = 3 }")[25..31], [3.0; 6]);
    }
}
