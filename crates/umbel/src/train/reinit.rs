//! Top layers that begin with random weights (Zhang et al. 2021, "Revisiting Few-sample BERT Fine-tuning").

use crate::error::{Error, Result};
use crate::folder::Config;
use crate::model::Model;
use crate::nn::params::{Param, Part, Role};
use crate::random::{Random, derive};

use super::parts::n_own_layers;

/// What new layers start from is drawn apart from all else.
const REINIT: u64 = 0x7265_696e_6974;

/// Gives the encoder's top `n` layers random weights, as transformers begins that architecture.
///
/// # Errors
/// If the encoder has fewer layers, or its layers share their weights.
pub(super) fn reinit(model: &mut Model, n: usize, seed: u64) -> Result<()> {
    if n == 0 {
        return Ok(());
    }
    let n_layers = model.encoder_shape().n_layers;
    let wrong =
        |expected: String| Error::Settings(format!("`train.reinit_layers` is {n}; expected {expected}"));
    if n > n_layers {
        return Err(wrong(format!("at most {n_layers}, the layers of this encoder")));
    }
    if n_own_layers(model) != n_layers {
        return Err(wrong("0, since the layers of this encoder share their weights".to_string()));
    }
    let start = Start::read(model)?;
    let seed = derive(seed, REINIT);
    for (id, param) in model.params.iter_mut() {
        if matches!(param.part(), Part::Layer(layer) if *layer + n >= n_layers) {
            let values = start.values(param, &mut Random::new(derive(seed, id.index() as u64)));
            param.data_mut().copy_from_slice(&values);
        }
    }
    Ok(())
}

/// How an architecture begins its weights (`_init_weights` of transformers).
struct Start {
    model_type: String,
    // `initializer_range`
    range: f32,
    n_layers: usize,
    hidden_size: usize,
    // The width of an attention head, for T5.
    head_size: usize,
    // Normal numbers lie within so many standard deviations.
    cutoff: f32,
}

impl Start {
    fn read(model: &Model) -> Result<Self> {
        let config = Config::read(&model.origin().transformer_dir.join("config.json"))?;
        let model_type = model.origin().model_type.clone();
        let is_t5 = model_type == "t5";
        let cutoff = match model_type == "modernbert" {
            true => config.f32_or("initializer_cutoff_factor", 2.0)?,
            false => f32::INFINITY,
        };
        Ok(Self {
            range: if is_t5 {
                config.f32_or("initializer_factor", 1.0)?
            } else {
                config.f32_or("initializer_range", 0.02)?
            },
            model_type,
            n_layers: model.encoder_shape().n_layers,
            hidden_size: model.encoder_shape().hidden_size,
            head_size: if is_t5 { config.usize("d_kv")? } else { 0 },
            cutoff,
        })
    }

    fn values(&self, param: &Param, random: &mut Random) -> Vec<f32> {
        let role = param.role();
        let values = param.tensors().flat_map(|(name, shape, values)| {
            let std = self.std(name, shape);
            let one = |random: &mut Random| match role {
                Role::Bias => 0.0,
                Role::Norm(start) => start,
                Role::Linear | Role::Table | Role::Factor => std * self.normal(random),
            };
            values.iter().map(|_| one(random)).collect::<Vec<f32>>()
        });
        values.collect()
    }

    fn normal(&self, random: &mut Random) -> f32 {
        loop {
            let value = random.normal();
            if value.abs() <= self.cutoff {
                return value;
            }
        }
    }

    /// The standard deviation of a matrix.
    fn std(&self, name: &str, shape: &[usize]) -> f32 {
        let ends = |suffix: &str| name.ends_with(&format!("{suffix}.weight"));
        let inputs = |shape: &[usize]| shape.get(1).copied().unwrap_or(1) as f32;
        match &self.model_type[..] {
            // What writes to the residual stream starts smaller.
            "gpt2" if ends("c_proj") => self.range / ((2 * self.n_layers) as f32).sqrt(),
            "modernbert" if ends("Wo") => self.range / ((2 * self.n_layers) as f32).sqrt(),
            // The scores are not divided by the root of the head's width, so queries start smaller by it.
            "t5" if ends("SelfAttention.q") => {
                self.range / ((self.hidden_size * self.head_size) as f32).sqrt()
            }
            "t5" if ends("relative_attention_bias") => self.range / (self.hidden_size as f32).sqrt(),
            "t5" => self.range / inputs(shape).sqrt(),
            _ => self.range,
        }
    }
}
