//! A contrastive warm-up for few rows: the encoder learns which texts are alike before the heads learn what they are
//! (Tunstall et al. 2022: "Efficient few-shot learning without prompts").

use super::data::RunData;
use super::optimizer::{AdamW, clip_factor};
use super::schedule::LearningRate;
use super::{Observer, finite};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::params::Part;
use crate::nn::{Tape, ops};
use crate::random::{Random, derive};
use crate::settings::{ContrastSettings, Settings, TrainSettings};
use crate::task::{Reads, Targets};
use crate::text::{Batch, StoredTokens, Tokens};

/// What the warm-up draws is apart from what training draws.
const CONTRAST: u64 = 0x636f_6e74_7261_7374;

/// Trains the encoder, and a projection if there is one, to give texts of one label like embeddings. Tasks with labels
/// take turns; a step draws some labels and some rows of each, and compares each two of them.
///
/// What it does follows from settings and data alone, so a resumed run does it again. True if the observer stopped it.
///
/// # Errors
/// If no task has labels of which two have two rows, or a loss is no finite number.
pub(super) fn warm_up(
    model: &mut Model,
    data: &RunData,
    settings: &Settings,
    wanted: &ContrastSettings,
    observer: &mut dyn Observer,
) -> Result<bool> {
    let sources = sources(model, data);
    if sources.is_empty() {
        let problem = "`train.contrast` needs a classification or an ordinal task with two rows of a label";
        return Err(Error::Settings(problem.to_string()));
    }
    let (texts, _) = model.tokenize_all(data.train.texts().iter())?;
    let trainable: Vec<bool> = model.params.iter().map(|(_, param)| param.trainable).collect();
    model.params.iter_mut().for_each(|(_, param)| param.trainable = !matches!(param.part(), Part::Head(_)));

    let seed = derive(settings.train.seed, CONTRAST);
    let schedule = TrainSettings { learning_rate: wanted.learning_rate, ..settings.train.clone() };
    let learning_rate = LearningRate::new(&schedule, wanted.steps);
    let mut optimizer = AdamW::new(&model.params, settings.train.weight_decay);
    let mut stopped = false;
    for step in 0..wanted.steps {
        let source = &sources[step % sources.len()];
        let rows = source.draw(wanted.batch_size, &mut Random::stream(seed, step as u64));
        let (loss, grads) = kernels::together(|| pass(model, &texts, &rows, derive(seed, step as u64)));
        finite(&format!("contrast, step {}", step + 1), loss)?;
        let scale = clip_factor(grads.norm(), settings.train.max_grad_norm);
        kernels::together(|| optimizer.step(&mut model.params, &grads, learning_rate.at(step), scale));
        observer.contrast(step + 1, wanted.steps, loss);
        if observer.should_stop() {
            stopped = true;
            break;
        }
    }
    model.params.iter_mut().zip(trainable).for_each(|((_, param), trainable)| param.trainable = trainable);
    Ok(stopped)
}

fn pass(model: &Model, texts: &StoredTokens, rows: &[(usize, usize)], seed: u64) -> (f64, crate::nn::Grads) {
    let texts: Vec<Tokens> = rows.iter().map(|&(row, _)| texts.get(row)).collect();
    let batch = Batch::new(&texts);
    let mut tape = Tape::training(&model.params, seed);
    let embedding = model.embedding(&mut tape, &batch);
    let normalized = ops::l2_normalize(&mut tape, embedding);
    let cosines = ops::all_dots(&mut tape, &normalized, &normalized);
    let classes: Vec<usize> = rows.iter().map(|&(_, class)| class).collect();
    let loss = ops::alike(&mut tape, &cosines, &classes);
    (f64::from(loss.item()), tape.backward(&[(&loss, 1.0)]))
}

/// The rows of each label of one task.
struct Source {
    classes: Vec<Vec<usize>>,
}

/// Tasks whose labels say which texts are alike.
fn sources(model: &Model, data: &RunData) -> Vec<Source> {
    let of_task = |(task, head): (usize, &crate::model::Head)| {
        let labels = head.task.labels().len();
        let is_one_label = head.task.reads() == Reads::Text && head.task.n_targets() == Some(1);
        (labels > 0 && is_one_label).then(|| Source::of(data.train.targets(task), labels))
    };
    let all = model.heads().iter().enumerate().filter_map(of_task);
    all.filter(|source| source.classes.len() > 1 && source.classes.iter().any(|rows| rows.len() > 1))
        .collect()
}

impl Source {
    fn of(targets: &Targets, n_classes: usize) -> Self {
        let mut classes = vec![Vec::new(); n_classes];
        for (row, target) in targets.iter().enumerate() {
            target.into_iter().for_each(|target| classes[target[0] as usize].push(row));
        }
        classes.retain(|rows| !rows.is_empty());
        Self { classes }
    }

    /// Rows and their classes: of so many classes as leave two rows to each.
    fn draw(&self, batch_size: usize, random: &mut Random) -> Vec<(usize, usize)> {
        let mut order: Vec<usize> = (0..self.classes.len()).collect();
        random.shuffle(&mut order);
        order.truncate((batch_size / 2).max(2));
        let each = (batch_size / order.len()).max(2);
        let mut drawn = Vec::new();
        for class in order {
            let mut rows = self.classes[class].clone();
            random.shuffle(&mut rows);
            drawn.extend(rows.into_iter().take(each).map(|row| (row, class)));
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_two_rows_of_each_class_it_has() {
        let source =
            Source { classes: (0..20).map(|class| vec![3 * class, 3 * class + 1, 3 * class + 2]).collect() };
        let rows = source.draw(16, &mut Random::new(1));
        assert_eq!(rows.len(), 16);
        assert!(rows.iter().all(|&(row, class)| row / 3 == class));
        assert!(rows.iter().all(|(_, class)| rows.iter().filter(|(_, other)| other == class).count() == 2));
        assert_ne!(rows, source.draw(16, &mut Random::new(2)));
    }

    #[test]
    fn few_classes_give_more_rows_each() {
        let source = Source { classes: vec![(0..50).collect(), (50..100).collect()] };
        let rows = source.draw(16, &mut Random::new(1));
        assert_eq!(rows.iter().filter(|(_, class)| *class == 0).count(), 8);
    }
}
