//! `GET /v1/models`: what is served, as OpenAI's clients read it, with each model's tasks.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::errors::{OpenAi, OpenAiErrorBody};
use crate::App;
use crate::engine::Served;

pub(super) fn routes() -> OpenApiRouter<App> {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(OpenAiErrorBody)))]
    struct Schemas;
    OpenApiRouter::with_openapi(<Schemas as utoipa::OpenApi>::openapi()).routes(routes!(models))
}

/// All models.
#[derive(Serialize, ToSchema)]
struct ModelList {
    /// `list`.
    object: &'static str,
    data: Vec<ModelCard>,
}

/// A model.
#[derive(Serialize, ToSchema)]
struct ModelCard {
    id: String,
    /// `model`.
    object: &'static str,
    /// 0: it is not known.
    created: u64,
    owned_by: &'static str,
    /// 1 for the first since the server began, one more at each reload.
    version: u64,
    sha256: String,
    embedding_size: usize,
    /// Texts have at most so many tokens, or else are cut; none if they never are.
    max_length: Option<usize>,
    tasks: Vec<TaskCard>,
}

/// A task of a model.
#[derive(Serialize, ToSchema)]
struct TaskCard {
    name: String,
    /// `classification`, `multilabel`, `ordinal`, `regression`, `tagging` or `similarity`.
    kind: String,
    labels: Vec<String>,
    /// Whether it compares texts with others.
    compares: bool,
}

/// List models
///
/// The first one answers where a request names none.
#[utoipa::path(get, path = "/v1/models", tag = "OpenAI",
    responses((status = 200, description = "All models", body = ModelList), OpenAi))]
async fn models(State(app): State<App>) -> Json<ModelList> {
    let data = app.models.all().map(|served| card(&served)).collect();
    Json(ModelList { object: "list", data })
}

fn card(served: &Served) -> ModelCard {
    let task = |name: &str| {
        let head = served.model.head(name).expect("it is one of its tasks");
        TaskCard {
            name: name.to_string(),
            kind: head.settings.kind.clone(),
            labels: head.task.labels().to_vec(),
            compares: head.compares(),
        }
    };
    ModelCard {
        id: served.name.clone(),
        object: "model",
        created: 0,
        owned_by: "umbel",
        version: served.version,
        sha256: served.sha256.clone(),
        embedding_size: served.model.truncated_size(),
        max_length: served.max_length(),
        tasks: served.tasks().map(task).collect(),
    }
}
