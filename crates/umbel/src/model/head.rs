//! What answers one task: dropout and a linear layer on what it reads, which is the shared embedding if nothing else is
//! asked for.

use kernels::Activation;

use super::views::Views;
use crate::nn::ops::{self, Linear};
use crate::nn::params::{ParamSpec, Params, Part};
use crate::nn::{Tape, Var};
use crate::random::Random;
use crate::settings::TaskSettings;
use crate::task::{Reads, Task};

/// What answers one task.
pub struct Head {
    /// Name, kind, weight and dropout of the task.
    pub settings: TaskSettings,
    /// What its outputs mean.
    pub task: Box<dyn Task>,
    // The reading of that number, or the shared embedding.
    pub(super) reading: Option<usize>,
    pub(super) layers: Layers,
    // Columns of its outputs.
    pub(super) n_outputs: usize,
}

/// The layers of a head; dropout comes before each.
pub(super) struct Layers {
    pub(super) hidden: Option<(Linear, Activation)>,
    pub(super) linear: Option<Linear>,
}

impl Layers {
    /// All of them, from the first to the last.
    pub(super) fn linear(&self) -> impl Iterator<Item = Linear> {
        self.hidden.map(|(linear, _)| linear).into_iter().chain(self.linear)
    }
}

/// For which of a batch's texts a head gives outputs.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The rows' own texts; they come first in the batch.
    pub n_rows: usize,
    /// For a head that compares texts: the texts of each group, one after the other.
    pub group: &'a [usize],
}

impl Head {
    /// The name of its task.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// How many numbers a row of its outputs has.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// What it reads, and so what it gives a row of outputs for.
    pub fn reads(&self) -> Reads {
        self.task.reads()
    }

    /// True if it compares texts with others, and so answers no single text.
    pub fn compares(&self) -> bool {
        self.reads() == Reads::Group
    }

    /// True if it reads anything but the shared embedding.
    pub fn reads_states(&self) -> bool {
        self.reading.is_some()
    }

    /// The raw outputs for some texts: a row a text, a word, or a text of a group.
    pub fn outputs(&self, tape: &mut Tape<'_>, views: &Views, asked: Asked<'_>) -> Var {
        let read = views.get(self.reading);
        match self.task.reads() {
            Reads::Text => {
                let own = first_rows(tape, read, asked.n_rows);
                self.of_read(tape, &own)
            }
            Reads::Group => {
                let group = ops::rows(tape, read, asked.group.to_vec());
                self.of_read(tape, &group)
            }
            Reads::Words(_) => {
                let (places, n_words) = views.words().places(asked.n_rows);
                let own = first_rows(tape, read, places.len());
                let outputs = self.of_read(tape, &own);
                ops::place(tape, &outputs, places, n_words)
            }
        }
    }

    /// The outputs for rows of what it reads.
    pub(super) fn of_read(&self, tape: &mut Tape<'_>, read: &Var) -> Var {
        let Layers { hidden, linear } = &self.layers;
        let dropout = self.settings.dropout;
        let hidden = hidden.map(|(layer, activation)| {
            let kept = ops::dropout(tape, read, dropout);
            ops::linear_activated(tape, &kept, layer, activation)
        });
        let read = hidden.as_ref().unwrap_or(read);
        match *linear {
            None => read.clone(),
            Some(linear) => {
                let kept = ops::dropout(tape, read, dropout);
                ops::linear(tape, &kept, linear)
            }
        }
    }
}

fn first_rows(tape: &mut Tape<'_>, x: &Var, n: usize) -> Var {
    if x.rows() == n { x.clone() } else { ops::rows(tape, x, (0..n).collect()) }
}

/// A linear layer that starts as `torch.nn.Linear` does: weight and bias uniform within `±1/√in`.
///
/// `shape` is (out, in).
pub(super) fn random_linear(
    params: &mut Params,
    name: &str,
    shape: (usize, usize),
    part: Part,
    seed: u64,
) -> Linear {
    let mut random = Random::new(seed);
    let bound = 1.0 / (shape.1 as f32).sqrt();
    let mut add = |suffix: &str, shape: Vec<usize>| {
        let draw = |_| (random.uniform() * 2.0 - 1.0) * bound;
        let values: Vec<f32> = (0..shape.iter().product()).map(draw).collect();
        let spec = ParamSpec::new(format!("{name}.{suffix}"), &shape, part.clone());
        params.add(spec, values.into())
    };
    let weight = add("weight", vec![shape.0, shape.1]);
    Linear { weight, bias: Some(add("bias", vec![shape.0])) }
}
