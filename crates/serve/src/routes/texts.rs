//! Texts and answers in the forms that several protocols share.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::App;
use crate::engine::{Answered, Job, Refused, Served, TooLong};

/// A text, or a list of texts.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(super) enum Texts {
    /// One.
    One(String),
    /// Several.
    Many(TextList),
}

/// Texts.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(min_items = 1)]
pub(super) struct TextList(pub(super) Vec<String>);

impl Texts {
    /// The texts.
    pub(super) fn all(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts.0,
        }
    }
}

/// What becomes of texts with too many tokens, as requests say it.
pub(super) fn too_long(truncate: Option<bool>) -> TooLong {
    if truncate.unwrap_or(true) { TooLong::Cut } else { TooLong::Refuse }
}

/// Asks for embeddings only.
pub(super) async fn embed(
    app: &App,
    model: &std::sync::Arc<Served>,
    texts: Vec<String>,
    too_long: TooLong,
) -> Result<Answered, Refused> {
    let model = std::sync::Arc::clone(model);
    app.engine.submit(Job { model, texts, tasks: Vec::new(), others: Vec::new(), too_long }).await
}
