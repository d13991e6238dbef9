//! How much each task counts in a step. A weighting a file.
//!
//! A weighting sees each task's loss and the inner products of the tasks' gradients by the shared embedding, and gives
//! each task a coefficient: the embedding's gradient is the sum of the tasks' gradients times these. All methods that
//! change the gradient itself (projections, bargaining) can be written so, since what they make of some vectors lies
//! in the space that these span. To add one: a file with a type that implements [`Weighting`], and its line in
//! [`WEIGHTINGS`].

mod cagrad;
mod dwa;
mod fixed;
mod gradnorm;
mod gram;
mod mgda;
mod nash_mtl;
mod pcgrad;
mod random_loss;
mod solve;
#[cfg(test)]
mod tests;
mod uncertainty;
mod upgrad;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::registry::Registry;

pub use gram::Gram;

/// What a weighting sees of a step.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The tasks that have a label in the step, by their number.
    pub tasks: &'a [usize],
    /// Their mean losses.
    pub losses: &'a [f64],
    /// The settings' weights of them.
    pub weights: &'a [f64],
    /// The inner products of their gradients, each times its weight.
    pub gram: &'a Gram,
    /// The mean losses of each epoch so far, for all tasks; none for a task without labels.
    pub epochs: &'a [Vec<Option<f64>>],
    /// Decides what is drawn by chance; another one each step.
    pub seed: u64,
}

/// Gives each task its part of a step.
pub trait Weighting: Send {
    /// The coefficient of each task of the step; all methods but some projections give 0 or more.
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64>;

    /// True if the heads' own weights get the coefficients too, as the loss has them; false if only the shared part of
    /// the gradient is changed.
    fn weighs_losses(&self) -> bool {
        true
    }

    /// True if the inner products of gradients are looked at; they cost a backward pass of each head.
    fn needs_gram(&self) -> bool {
        true
    }

    /// What a resumed run must know.
    fn state(&self) -> Value {
        Value::Null
    }

    /// Goes on from what [`Weighting::state`] gave.
    ///
    /// # Errors
    /// A sentence if it is something else.
    fn restore(&mut self, state: &Value) -> Result<(), String> {
        if state.is_null() {
            Ok(())
        } else {
            Err(format!("this weighting has no state, but there is {state}"))
        }
    }
}

/// Makes a weighting of so many tasks from its options.
pub type Make = fn(usize, Map<String, Value>) -> Result<Box<dyn Weighting>, String>;

/// All weightings.
pub static WEIGHTINGS: Registry<Make> = Registry {
    kind: "weighting",
    entries: &[
        ("fixed", fixed::make),
        ("uncertainty", uncertainty::make),
        ("dwa", dwa::make),
        ("random", random_loss::make),
        ("gradnorm", gradnorm::make),
        ("pcgrad", pcgrad::make),
        ("cagrad", cagrad::make),
        ("mgda", mgda::make),
        ("upgrad", upgrad::make),
        ("nash_mtl", nash_mtl::make),
    ],
};

/// The weighting of that name.
///
/// # Errors
/// If the name is unknown or the options cannot be.
pub fn make(kind: &str, n_tasks: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>> {
    let make = WEIGHTINGS.find(kind)?;
    make(n_tasks, options).map_err(|problem| Error::Settings(format!("weighting `{kind}`: {problem}")))
}

fn read_options<T: serde::de::DeserializeOwned>(options: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(options)).map_err(|error| error.to_string())
}

/// A weighting without options.
fn no_options(options: &Map<String, Value>) -> Result<(), String> {
    match options.keys().next() {
        Some(key) => Err(format!("unknown option `{key}`; there is none")),
        None => Ok(()),
    }
}

/// The numbers of a state.
fn numbers(state: &Value, key: &str, n: usize) -> Result<Vec<f64>, String> {
    let numbers: Option<Vec<f64>> =
        state[key].as_array().and_then(|all| all.iter().map(Value::as_f64).collect());
    numbers.filter(|all| all.len() == n).ok_or_else(|| format!("`{key}` should be {n} numbers"))
}
