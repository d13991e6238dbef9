//! Texts and answers in the forms that several protocols share.

use std::collections::BTreeSet;

use serde::Deserialize;
use umbel::text::Side;
use utoipa::ToSchema;

use crate::App;
use crate::engine::{Answered, Job, Refused, Served, TooLong};
use crate::http::error::{ApiError, Kind};

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

/// Which end of a text is cut off; `left` and `right` are read too.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub(super) enum TruncationDirection {
    /// The beginning.
    #[serde(alias = "left")]
    Left,
    /// The end.
    #[serde(alias = "right")]
    Right,
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

/// Makes sure that the model cuts texts where a request wants it.
pub(super) fn check_direction(served: &Served, asked: Option<TruncationDirection>) -> Result<(), ApiError> {
    let Some(asked) = asked else { return Ok(()) };
    let side = match asked {
        TruncationDirection::Left => Side::Left,
        TruncationDirection::Right => Side::Right,
    };
    let own = served.model.embedding.tokens.side;
    if side == own {
        return Ok(());
    }
    let message = format!(
        "`truncation_direction` is `{asked:?}`; expected `{own:?}`, where model `{}` cuts texts",
        served.name
    );
    Err(ApiError::new(Kind::Invalid, message))
}

/// What the prompt of that name puts before a text, or the default prompt if there is no name.
pub(super) fn prompt<'a>(served: &'a Served, name: Option<&str>) -> Result<&'a str, ApiError> {
    match name.or(served.model.embedding.default_prompt.as_deref()) {
        None => Ok(""),
        Some(name) => {
            served.model.prompt(name).map_err(|error| ApiError::new(Kind::Invalid, error.to_string()))
        }
    }
}

/// Texts with a prompt before each, unless they are so many that the engine refuses them anyway.
pub(super) fn after_prompt(app: &App, prompt: &str, texts: Vec<String>) -> Vec<String> {
    if prompt.is_empty() || texts.len() > app.settings.limits.texts {
        return texts;
    }
    texts.into_iter().map(|text| format!("{prompt}{text}")).collect()
}

/// The texts of a job whose embeddings are to be those after the prompt of that name.
pub(super) fn prompted(
    app: &App,
    served: &Served,
    name: Option<&str>,
    texts: Vec<String>,
) -> Result<Vec<String>, ApiError> {
    let default = served.model.embedding.default_prompt.as_deref();
    let Some(name) = name.filter(|name| Some(*name) != default) else {
        return Ok(texts); // The engine reads them after the default prompt.
    };
    let own = prompt(served, Some(name))?;
    // A text with a prompt before it is read as the model does only where the model adds nothing and leaves nothing out.
    if !prompt(served, None)?.is_empty() || !served.model.embedding.include_prompt {
        let message = format!(
            "`prompt_name` is `{name}`; expected none, or that of the default prompt: model `{}` has such a one, or \
             leaves prompts out of its embeddings",
            served.name
        );
        return Err(ApiError::new(Kind::Invalid, message));
    }
    Ok(after_prompt(app, own, texts))
}

/// A name that comes twice.
pub(super) fn repeated(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}
