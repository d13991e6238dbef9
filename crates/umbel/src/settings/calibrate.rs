//! `calibrate` of a task: what is made of its answers on the validation rows.

use serde::{Deserialize, Serialize};

/// Whether and how a task's probabilities are calibrated after training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CalibrateSettings {
    /// `true`: a temperature, and nothing else.
    Switch(bool),
    /// Each thing by its name.
    Each(Calibrate),
}

/// What calibration is to find.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibrate {
    /// The number by which outputs are divided before they become probabilities.
    #[serde(default = "yes")]
    pub temperature: bool,
    /// From which probability on each label of a multilabel task is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// The share of texts that is to be answered; of the others the model says that it abstains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
}

/// By what a label's threshold is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// The largest F1.
    F1,
    /// The most rows found with at least this precision.
    Precision(f64),
    /// The least cost of wrong answers and of missing ones.
    Cost {
        /// What a label costs that is answered and not true.
        false_positive: f64,
        /// What a label costs that is true and not answered.
        false_negative: f64,
    },
}

impl Default for Calibrate {
    fn default() -> Self {
        Self { temperature: true, threshold: None, coverage: None }
    }
}

impl CalibrateSettings {
    /// What is to be found; none if nothing is.
    pub fn wanted(&self) -> Option<Calibrate> {
        match self {
            Self::Switch(true) => Some(Calibrate::default()),
            Self::Switch(false) => None,
            Self::Each(each) => Some(each.clone()),
        }
    }
}

impl Calibrate {
    /// Refuses shares and costs that cannot be.
    ///
    /// # Errors
    /// A sentence that says what was found and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let share = |name: &str, share: f64| match share > 0.0 && share <= 1.0 {
            true => Ok(()),
            false => Err(format!("`calibrate.{name}` is {share}; expected a share above 0 and up to 1")),
        };
        self.coverage.map_or(Ok(()), |coverage| share("coverage", coverage))?;
        match self.threshold {
            Some(Threshold::Precision(precision)) => share("threshold.precision", precision),
            Some(Threshold::Cost { false_positive, false_negative }) => {
                let fits = |cost: f64| cost.is_finite() && cost >= 0.0;
                match fits(false_positive) && fits(false_negative) && false_positive + false_negative > 0.0 {
                    true => Ok(()),
                    false => {
                        Err("the costs of `calibrate.threshold` must be 0 or more, and not both 0".into())
                    }
                }
            }
            Some(Threshold::F1) | None => Ok(()),
        }
    }
}

fn yes() -> bool {
    true
}
