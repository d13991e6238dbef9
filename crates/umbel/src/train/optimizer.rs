//! AdamW (Loshchilov and Hutter 2017), as `torch.optim.AdamW`.

use kernels::{AdamW as Kernel, AdamWState};

use crate::nn::params::Param;
use crate::nn::{Grads, ParamGrad, ParamId, Params, RowGrads};

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPS: f32 = 1e-8;

/// AdamW with weight decay on matrices only: biases and norms, which are vectors, are not decayed.
#[derive(Debug)]
pub struct AdamW {
    weight_decay: f32,
    // What each weight's learning rate is multiplied by.
    factors: Vec<f64>,
    // One a weight; `None` until it has had a gradient.
    states: Vec<Option<State>>,
}

/// The running means of one weight's gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Of the gradients.
    pub m: Vec<f32>,
    /// Of their squares.
    pub v: Vec<f32>,
    /// How many gradients they have seen.
    pub step: u32,
}

/// The state of one weight.
#[derive(Debug)]
struct State {
    moments: Moments,
    // Of each row, whether its means may be other than zero. The memory of other rows' means is not touched.
    met: Vec<bool>,
}

impl State {
    fn new(param: &Param) -> Self {
        let n = param.data().len();
        let moments = Moments { m: vec![0.0; n], v: vec![0.0; n], step: 0 };
        Self { moments, met: vec![false; param.rows()] }
    }

    fn resumed(moments: Moments, cols: usize) -> Self {
        let rows = moments.m.chunks_exact(cols).zip(moments.v.chunks_exact(cols));
        let met = rows.map(|(m, v)| m.iter().chain(v).any(|&x| x != 0.0)).collect();
        Self { moments, met }
    }
}

impl AdamW {
    /// An optimizer that has seen no gradient.
    pub fn new(params: &Params, weight_decay: f64) -> Self {
        Self {
            weight_decay: weight_decay as f32,
            factors: vec![1.0; params.len()],
            states: params.iter().map(|_| None).collect(),
        }
    }

    /// Multiplies the learning rate of each weight by a factor of its own.
    ///
    /// # Panics
    /// If there are not as many factors as weights.
    pub fn with_factors(self, factors: Vec<f64>) -> Self {
        assert_eq!(factors.len(), self.states.len(), "a factor a weight");
        Self { factors, ..self }
    }

    /// Forgets all gradients that it has seen.
    pub fn forget(&mut self) {
        self.states.fill_with(|| None);
    }

    /// One step along the gradients times `scale`.
    ///
    /// A weight without a gradient is left alone, its decay included. The rows of a table that never had a gradient
    /// only decay, which is what the formula gives for them too.
    pub fn step(&mut self, params: &mut Params, grads: &Grads, learning_rate: f64, scale: f32) {
        for (id, param) in params.iter_mut() {
            let Some(gradient) = grads.param(id) else { continue };
            let state = self.states[id.index()].get_or_insert_with(|| State::new(param));
            state.moments.step += 1;
            let settings = Kernel {
                learning_rate: (learning_rate * self.factors[id.index()]) as f32,
                beta1: BETA1,
                beta2: BETA2,
                eps: EPS,
                weight_decay: if param.decays() { self.weight_decay } else { 0.0 },
                step: state.moments.step,
            };
            match gradient {
                ParamGrad::Dense(gradient) => {
                    state.met.fill(true);
                    let Moments { m, v, .. } = &mut state.moments;
                    kernels::adamw(
                        &settings,
                        AdamWState { param: param.data_mut(), m, v },
                        gradient.data(),
                        scale,
                    );
                }
                ParamGrad::Rows(rows) => step_rows(&settings, param, state, rows, scale),
            }
        }
    }

    /// The running means of a weight's gradients.
    pub fn moments(&self, id: ParamId) -> Option<&Moments> {
        self.states[id.index()].as_ref().map(|state| &state.moments)
    }

    /// Goes on from running means that were saved.
    pub fn set_moments(&mut self, id: ParamId, param: &Param, moments: Option<Moments>) {
        self.states[id.index()] = moments.map(|moments| State::resumed(moments, param.cols()));
    }
}

/// A step of a table: rows that have had a gradient move, and the runs of rows between them decay.
fn step_rows(settings: &Kernel, param: &mut Param, state: &mut State, rows: &RowGrads, scale: f32) {
    rows.ids().iter().for_each(|&id| state.met[id as usize] = true);
    let cols = param.cols();
    let (zeros, decay) = (vec![0.0; cols], settings.decay());
    let data = param.data_mut();
    let Moments { m, v, .. } = &mut state.moments;
    let mut row = 0;
    for run in state.met.chunk_by(|a, b| a == b) {
        let rows_of_run = row..row + run.len();
        row = rows_of_run.end;
        if run[0] {
            for id in rows_of_run {
                let values = id * cols..(id + 1) * cols;
                let gradient = rows.row(id as u32).unwrap_or(&zeros);
                let (m, v) = (&mut m[values.clone()], &mut v[values.clone()]);
                kernels::adamw(settings, AdamWState { param: &mut data[values], m, v }, gradient, scale);
            }
        } else if decay != 1.0 {
            kernels::scale(&mut data[rows_of_run.start * cols..rows_of_run.end * cols], decay);
        }
    }
}

/// What gradients of norm `norm` are multiplied by so that it is at most `largest`, as
/// `torch.nn.utils.clip_grad_norm_`; 0 means no limit.
pub fn clip_factor(norm: f64, largest: f64) -> f32 {
    if largest == 0.0 { 1.0 } else { (largest / (norm + 1e-6)).min(1.0) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::params::{ParamSpec, Part};

    /// A table of ten rows after some steps, and its running means; rows are met bit by bit.
    fn after_steps(spread: bool, resume_at: Option<usize>) -> (Vec<f32>, Moments) {
        let mut params = Params::default();
        let spec = ParamSpec::new("words", &[10, 3], Part::Embeddings);
        let table = params.add(spec, (0..30).map(|i| (i as f32).sin()).collect::<Vec<_>>().into());
        let mut optimizer = AdamW::new(&params, 0.1);
        for step in 0..7 {
            let mut grads = Grads::new(&params);
            if spread {
                grads.sum_of_param(table);
            }
            let rows = [(step % 4 * 2, [0.1 * step as f32, -1.0, 0.3]), (9, [1e-3, 0.0, 2.0])];
            grads.add_rows(table, rows.iter().map(|(id, row)| (*id as u32, &row[..])));
            assert_eq!(matches!(grads.param(table), Some(ParamGrad::Dense(_))), spread);
            if resume_at == Some(step) {
                let moments = optimizer.moments(table).cloned();
                optimizer = AdamW::new(&params, 0.1);
                optimizer.set_moments(table, &params[table], moments);
            }
            optimizer.step(&mut params, &grads, 0.01, 0.5);
        }
        (params[table].data().to_vec(), optimizer.moments(table).unwrap().clone())
    }

    #[test]
    fn rows_alone_move_as_the_whole_table_does() {
        let whole = after_steps(true, None);
        assert_eq!(after_steps(false, None), whole);
        assert_eq!(after_steps(false, Some(3)), whole);
    }

    #[test]
    fn long_gradients_are_cut_to_the_norm() {
        assert_eq!(clip_factor(0.5, 1.0), 1.0);
        assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
        assert_eq!(clip_factor(4.0, 0.0), 1.0);
    }
}
