//! How many rows of each source or task come in an epoch, where a sampling decides.

use std::collections::HashMap;
use std::path::PathBuf;

use super::report::{Mixed, Report};
use super::rows::Rows;
use crate::sampling::{self, Epoch, Order};
use crate::settings::{GroupBy, Settings};

pub(super) fn check(settings: &Settings, data: &Rows, report: &mut Report) {
    let chosen = settings.sampling();
    let Ok(sampling) = sampling::make(chosen.kind(), chosen.options()) else { return };
    if sampling.order() == Order::Plain {
        return;
    }
    let mut groups = match chosen.by() {
        GroupBy::Source => by_source(settings, data),
        GroupBy::Task => by_task(data),
    };
    groups.retain(|group| group.rows > 0);
    if groups.is_empty() {
        return;
    }
    let sizes: Vec<usize> = groups.iter().map(|group| group.rows).collect();
    let weights: Vec<f64> = groups.iter().map(|group| group.weight).collect();
    let n_epochs = settings.train.epochs;
    let of_epoch = |epoch: usize| {
        let epoch = Epoch { sizes: &sizes, weights: &weights, epoch, n_epochs };
        sampling::quotas(&sampling.shares(&epoch), data.training().len())
    };
    let (first, last) = (of_epoch(0), of_epoch(n_epochs - 1));
    for (group, (first, last)) in groups.iter_mut().zip(first.into_iter().zip(last)) {
        (group.first_epoch, group.last_epoch) = (first, last);
    }
    report.mixture = groups;
}

fn by_source(settings: &Settings, data: &Rows) -> Vec<Mixed> {
    let sources: HashMap<PathBuf, usize> = match settings.data.train.paths_by_source() {
        Ok(paths) => paths.into_iter().map(|(source, path)| (path, source)).collect(),
        Err(_) => return Vec::new(), // The rows were read: only a file that has gone since can lead here.
    };
    let group = |source: &crate::settings::Source| Mixed {
        group: source.path().display().to_string(),
        weight: source.weight().unwrap_or(1.0),
        ..Mixed::default()
    };
    let mut groups: Vec<Mixed> = settings.data.train.sources().iter().map(group).collect();
    let training = data.training();
    for row in 0..training.len() {
        if let Some(&source) = sources.get(training.path(row)) {
            groups[source].rows += 1;
        }
    }
    groups
}

fn by_task(data: &Rows) -> Vec<Mixed> {
    let targets = data.tasks.iter().zip(&data.training().targets);
    let group = |((task, _), targets): (&(crate::settings::TaskSettings, _), &crate::task::Targets)| Mixed {
        group: task.name.clone(),
        weight: 1.0,
        rows: targets.n_present(),
        ..Mixed::default()
    };
    targets.map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, TOPIC, lines};

    #[test]
    fn the_rows_of_an_epoch_are_told_by_source() {
        let files = Files::new(&[
            ("train.jsonl", &lines("t", &[("x", 8), ("y", 8)])),
            ("more.jsonl", &lines("m", &[("x", 2), ("y", 2)])),
            ("validation.jsonl", &lines("v", &[("x", 1)])),
        ]);
        let two = TOPIC.replace("'train.jsonl'", "['train.jsonl', { path = 'mo*', weight = 2 }]");
        let found = files.check(&two).mixture;
        let numbers: Vec<_> =
            found.iter().map(|group| (group.rows, group.weight, group.first_epoch)).collect();
        assert_eq!(numbers, [(16, 1.0, 13), (4, 2.0, 7)]); // 16 to 8, of 20.
        assert!(found[1].group.ends_with("mo*"), "{}", found[1].group);
        let annealed = format!("{TOPIC}[train]\nsampling = {{ kind = 'annealed', by = 'task' }}\n");
        let found = files.check(&annealed).mixture;
        assert_eq!((found[0].group.as_str(), found[0].rows, found[0].last_epoch), ("topic", 16, 16));
        assert!(files.check(TOPIC).mixture.is_empty());
    }
}
