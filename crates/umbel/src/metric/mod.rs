//! How good predictions are, as numbers and in words.

pub mod calibration;
pub mod classification;
pub mod diagnosis;
pub mod multilabel;
pub mod ordinal;
pub mod regression;
pub mod retrieval;
pub mod tagging;

pub use calibration::{Reliability, ReliabilityBin};
pub use classification::{Classification, PerClass};
pub use diagnosis::{EpochScores, Finding, FindingKind, TaskHistory, diagnose};
pub use multilabel::{Multilabel, PerLabel};
pub use ordinal::Ordinal;
pub use regression::Regression;
pub use retrieval::{Retrieval, cosine};
pub use tagging::{PerSpan, Tagging};
