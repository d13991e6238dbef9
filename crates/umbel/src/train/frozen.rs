//! Proof that frozen weights stay as they are.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::Model;
use crate::nn::params::Param;

/// The weights that are not trained, and the hash of all of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenWeights {
    /// Tensors of the checkpoint.
    pub n_tensors: usize,
    /// Numbers.
    pub n_values: usize,
    /// The SHA-256 of each tensor's name, sizes and numbers (32-bit floats as they lie in memory), one after the other.
    pub sha256: String,
}

impl FrozenWeights {
    /// Those of a model that are not trained now; none if all are.
    pub(super) fn of(model: &Model) -> Option<Self> {
        let (mut hasher, mut n_tensors, mut n_values) = (Sha256::new(), 0, 0);
        let frozen = model.params.iter().map(|(_, param)| param).filter(|param| !param.trainable);
        for (name, shape, values) in frozen.flat_map(Param::tensors) {
            hasher.update(format!("{name} {shape:?}\n"));
            hasher.update(bytemuck::cast_slice::<f32, u8>(values));
            n_tensors += 1;
            n_values += values.len();
        }
        let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        (n_tensors > 0).then_some(Self { n_tensors, n_values, sha256 })
    }
}
