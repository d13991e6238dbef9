//! The routes, a file each or a few that belong together; each translates its protocol to a [`Job`] and back.
//!
//! To add one: a file with a function that gives its router, and its line in [`ROUTES`].

mod docs;
mod embed;
mod embeddings;
mod errors;
mod health;
mod info;
mod kserve;
mod models;
mod operations;
mod page;
mod predict;
mod similarity;
mod tei_predict;
mod texts;
mod tokenize;

use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::decompression::RequestDecompressionLayer;
use umbel::registry::Registry;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::App;
use crate::engine::Job;
use crate::http::{access, auth, error};

/// Makes the router of a file.
type Routes = fn() -> OpenApiRouter<App>;

/// All routes where requests are answered.
pub static ROUTES: Registry<Routes> = Registry {
    kind: "route",
    entries: &[
        ("predict", predict::routes),
        ("models", models::routes),
        ("embeddings", embeddings::routes),
        ("embed", embed::routes),
        ("tei_predict", tei_predict::routes),
        ("tokenize", tokenize::routes),
        ("similarity", similarity::routes),
        ("info", info::routes),
        ("kserve", kserve::routes),
        ("health", health::routes),
        ("docs", docs::routes),
        ("page", page::routes),
    ],
};

/// What the document says of all routes together.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "umbel",
        description = "The embedding and all answers of one encoder pass.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "umbel", description = "All tasks and the embedding"),
        (name = "OpenAI", description = "As OpenAI's clients ask"),
        (name = "text-embeddings-inference", description = "As clients of text-embeddings-inference ask"),
        (name = "Open Inference Protocol", description = "As KServe and Triton ask, version 2"),
        (name = "probes", description = "Whether the server lives; no model is run"),
        (name = "pages", description = "For people")
    ),
    security(("key" = [])),
    modifiers(&Keys)
)]
struct About;

/// How a key is said, where the server has keys.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        document.components.get_or_insert_default().add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

/// The router of all routes, without anything around it, and the document that describes them.
fn all() -> (Router<App>, Document) {
    let empty = OpenApiRouter::with_openapi(About::openapi());
    let merged = ROUTES.entries.iter().fold(empty, |all, (_, routes)| all.merge(routes()));
    merged.split_for_parts()
}

/// The document that describes all routes.
pub fn document() -> Document {
    all().1
}

/// Where requests are answered, with keys, limits and the shapes of errors.
pub fn public(app: App) -> Router {
    all()
        .0
        .layer(CatchPanicLayer::custom(panicked))
        .layer(RequestDecompressionLayer::new())
        .layer(middleware::from_fn_with_state(app.clone(), access::shed))
        .layer(middleware::from_fn_with_state(app.clone(), auth::check))
        .layer(middleware::from_fn(error::shape))
        .layer(middleware::from_fn_with_state(app.clone(), access::log))
        .with_state(app)
}

/// What is answered where a route panics, beside the passes and the tokenizers, whose panics never get here.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a route panicked; its request is answered with an error");
    error::ApiError::new(error::Kind::Failed, "the server failed").into_response()
}

/// Metrics, probes and administration: for a listener of their own.
pub fn admin(app: App) -> Router {
    let (health, _) = health::routes().split_for_parts();
    operations::routes().merge(health).layer(middleware::from_fn(error::shape)).with_state(app)
}
