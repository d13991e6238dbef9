//! How precisely products are computed.

use std::{fmt, str::FromStr};

use crate::Isa;

/// How precisely products of weights and activations are computed. Sums are always wider than the factors, and
/// all else is computed with 32-bit floats.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Precision {
    /// Factors and sums are 32-bit floats.
    #[default]
    F32,
    /// Factors are rounded to bfloat16 (8 bits of precision); sums are 32-bit floats.
    Bf16,
    /// Factors are rounded to 8-bit integers, of which each row of activations has its own scale and zero point
    /// and each column of the weight its own scale; sums are 32-bit integers. For inference.
    Int8,
}

impl Precision {
    /// The fastest precision of this machine whose results stay within the noise of training: bfloat16 where the
    /// CPU multiplies it, else 32-bit floats.
    pub fn auto() -> Self {
        if Isa::best().has_bf16() { Self::Bf16 } else { Self::F32 }
    }

    /// `f32`, `bf16` or `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    /// Reads `f32`, `bf16`, `int8`, or `auto`, which is what [`Precision::auto`] says.
    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::F32, Self::Bf16, Self::Int8];
        let named = all.into_iter().find(|precision| precision.name() == name);
        let found = if name == "auto" { Some(Self::auto()) } else { named };
        found.ok_or_else(|| format!("unknown precision `{name}`; expected f32, bf16, int8 or auto"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        assert_eq!("auto".parse(), Ok(Precision::auto()));
        assert!("fp16".parse::<Precision>().unwrap_err().contains("`fp16`"));
    }
}
