//! How good predictions are, as numbers and in words.

pub mod classification;
pub mod diagnosis;
pub mod regression;

pub use classification::{Classification, PerClass};
pub use diagnosis::{EpochScores, Finding, FindingKind, TaskHistory, diagnose};
pub use regression::Regression;
