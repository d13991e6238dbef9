//! Probes. None of them runs a model.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::engine::Refused;
use crate::http::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(v2_live))
        .routes(routes!(v2_ready))
}

/// That the server lives, as the Open Inference Protocol says it.
#[derive(Serialize, ToSchema)]
struct ServerLive {
    live: bool,
}

/// That the server is ready, as the Open Inference Protocol says it.
#[derive(Serialize, ToSchema)]
struct ServerReady {
    ready: bool,
}

fn is_ready(app: &App) -> Result<(), ApiError> {
    if app.is_ending() { Err(Refused::Ending.into()) } else { Ok(()) }
}

/// Ready as text-embeddings-inference says it
#[utoipa::path(get, path = "/health", tag = "probes", security(()), responses(
    (status = 200, description = "Ready"), (status = 503, description = "Not ready")))]
async fn health(State(app): State<App>) -> Result<(), ApiError> {
    is_ready(&app)
}

/// Live
///
/// As long as the server answers at all, also while it ends.
#[utoipa::path(get, path = "/health/live", tag = "probes", security(()), responses((status = 200, description = "Live")))]
async fn live() {}

/// Ready
///
/// From when the models are open until the server is told to end.
#[utoipa::path(get, path = "/health/ready", tag = "probes", security(()), responses(
    (status = 200, description = "Ready"), (status = 503, description = "Not ready")))]
async fn ready(State(app): State<App>) -> Result<(), ApiError> {
    is_ready(&app)
}

/// Live, as the Open Inference Protocol says it
#[utoipa::path(get, path = "/v2/health/live", tag = "probes", security(()), responses(
    (status = 200, description = "Live", body = ServerLive)))]
async fn v2_live() -> Json<ServerLive> {
    Json(ServerLive { live: true })
}

/// Ready, as the Open Inference Protocol says it
#[utoipa::path(get, path = "/v2/health/ready", tag = "probes", security(()), responses(
    (status = 200, description = "Ready", body = ServerReady), (status = 503, description = "Not ready")))]
async fn v2_ready(State(app): State<App>) -> Result<Json<ServerReady>, ApiError> {
    is_ready(&app).map(|()| Json(ServerReady { ready: true }))
}
