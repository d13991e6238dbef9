//! A Dense module of sentence-transformers: its settings and its two tensors.

use std::path::Path;

use super::config::Config;
use super::weights::Weights;
use crate::error::{Error, Result};
use crate::nn::tensor::Tensor;

/// A projection: `activation(weight · x + bias)`.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseLayer {
    /// Of shape out × in.
    pub weight: Tensor,
    /// Of length out.
    pub bias: Option<Tensor>,
    /// `identity`, `tanh`, `relu`, `gelu`, `sigmoid` or `silu`.
    pub activation: String,
}

/// Names of activations, and the Python class that the files name.
const ACTIVATIONS: [(&str, &str); 6] = [
    ("identity", "torch.nn.modules.linear.Identity"),
    ("tanh", "torch.nn.modules.activation.Tanh"),
    ("relu", "torch.nn.modules.activation.ReLU"),
    ("gelu", "torch.nn.modules.activation.GELU"),
    ("sigmoid", "torch.nn.modules.activation.Sigmoid"),
    ("silu", "torch.nn.modules.activation.SiLU"),
];

impl DenseLayer {
    /// Reads the folder of a Dense module.
    ///
    /// # Errors
    /// [`Error::Model`] if settings and weights disagree, or ask for what there is not.
    pub fn read(dir: &Path) -> Result<Self> {
        let config = Config::read(&dir.join("config.json"))?;
        check_supported(&config)?;
        let activation = read_activation(&config)?;
        let (inputs, outputs) = (config.size("in_features")?, config.size("out_features")?);
        let has_bias = config.bool_or("bias", true)?;

        let weights = Weights::open(dir)?;
        let mut expected = vec![("linear.weight".to_string(), vec![outputs, inputs])];
        expected.extend(has_bias.then(|| ("linear.bias".to_string(), vec![outputs])));
        weights.check(expected)?;
        let bias = has_bias.then(|| weights.tensor("linear.bias")).transpose()?;
        Ok(Self { weight: weights.tensor("linear.weight")?, bias, activation: activation.to_string() })
    }

    /// The Python class of the activation.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such activation.
    pub fn activation_class(&self) -> Result<&'static str> {
        let found = ACTIVATIONS.iter().find(|(name, _)| *name == self.activation);
        found.map(|(_, class)| *class).ok_or_else(|| Error::Unknown {
            kind: "activation",
            name: self.activation.clone(),
            known: ACTIVATIONS.iter().map(|(name, _)| name.to_string()).collect(),
        })
    }
}

/// Only the sentence embedding is projected, and nothing is added to it.
fn check_supported(config: &Config) -> Result<()> {
    for key in ["module_input_name", "module_output_name"] {
        if config.str_or(key, "sentence_embedding")? != "sentence_embedding" {
            return Err(config.wrong(key, "`sentence_embedding`"));
        }
    }
    if config.bool_or("use_residual", false)? { Err(config.wrong("use_residual", "false")) } else { Ok(()) }
}

/// Files name the class by its long or by its short path; where they name none, it is Tanh.
fn read_activation(config: &Config) -> Result<&'static str> {
    let class = config.str_or("activation_function", "torch.nn.modules.activation.Tanh")?;
    let short =
        |path: &str| path.strip_prefix("torch.").and_then(|path| path.rsplit('.').next().map(str::to_string));
    let found = ACTIVATIONS.iter().find(|(_, known)| short(class).is_some() && short(class) == short(known));
    let expected = || format!("one of {}", ACTIVATIONS.map(|(_, class)| class).join(", "));
    found.map(|(name, _)| *name).ok_or_else(|| config.wrong("activation_function", &expected()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::write::write_safetensors;

    fn read(config: &str) -> Result<DenseLayer> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        let tensors = [("linear.weight".to_string(), vec![1, 2], &[3.0, 4.0][..])];
        write_safetensors(&dir.path().join("model.safetensors"), &tensors, &[]).unwrap();
        DenseLayer::read(dir.path())
    }

    fn check(config: &str, expected: &str) {
        let message = read(config).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn the_activation_is_a_python_class_or_tanh() {
        let sizes = r#""in_features": 2, "out_features": 1, "bias": false"#;
        let activation = |class: &str| {
            let layer = read(&format!(r#"{{{sizes}, "activation_function": "{class}"}}"#));
            layer.map(|layer| layer.activation)
        };
        assert_eq!(activation("torch.nn.modules.linear.Identity").unwrap(), "identity");
        assert_eq!(activation("torch.nn.GELU").unwrap(), "gelu");
        assert!(
            activation("evil.Tanh")
                .unwrap_err()
                .to_string()
                .contains("`activation_function` is \"evil.Tanh\"")
        );
        assert!(activation("torch.nn.Softmax").is_err());
        let layer = read(&format!("{{{sizes}}}")).unwrap();
        assert_eq!((&layer.activation[..], layer.weight.as_slice()), ("tanh", &[3.0, 4.0][..]));
        assert_eq!(layer.activation_class().unwrap(), "torch.nn.modules.activation.Tanh");
    }

    #[test]
    fn settings_that_the_weights_contradict_are_refused() {
        check(r#"{"in_features": 2, "out_features": 1}"#, "`linear.bias` is missing");
        let swapped = r#"{"in_features": 1, "out_features": 2, "bias": false}"#;
        check(swapped, "`linear.weight` has shape [1, 2]; expected [2, 1]");
        check(r#"{"in_features": 2}"#, "`out_features` is missing");
        check(r#"{"in_features": 2, "out_features": 0}"#, "`out_features` is 0; expected 1 or more");
    }

    #[test]
    fn what_a_projection_here_cannot_do_is_refused() {
        check(r#"{"module_input_name": "token_embeddings"}"#, "expected `sentence_embedding`");
        check(r#"{"use_residual": true}"#, "`use_residual` is true; expected false");
    }
}
