//! Metrics and administration, for a listener that only those who run the server can reach.

use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use umbel::error::Error;

use crate::App;
use crate::http::error::{ApiError, Kind};

/// The media type of the text format of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/admin/models", get(models))
        .route("/admin/models/{name}/reload", post(reload_model))
        .route("/admin/models/{name}/heads/{task}/reload", post(reload_head))
        .route_layer(middleware::from_fn(refuse_pages))
}

/// Refuses what a page in a browser sends: administration has no keys, and the browser of who runs the server can reach
/// it whatever page is open. Browsers put `Origin` into every POST.
async fn refuse_pages(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && request.headers().contains_key(ORIGIN) {
        let message = "the request has the header `Origin`, as those of pages in a browser; expected none";
        let error = json!({"error": {"code": "forbidden", "message": message}});
        return (StatusCode::FORBIDDEN, Json(error)).into_response();
    }
    next.run(request).await
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], app.metrics.text(app.models.all()))
}

async fn models(State(app): State<App>) -> Json<Value> {
    let describe = |served: std::sync::Arc<crate::engine::Served>| json!({"name": served.name, "version": served.version, "sha256": served.sha256});
    Json(app.models.all().map(describe).collect())
}

async fn reload_model(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    reload(app, name, None).await
}

async fn reload_head(
    State(app): State<App>,
    Path((name, task)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    reload(app, name, Some(task)).await
}

async fn reload(app: App, name: String, task: Option<String>) -> Result<Json<Value>, ApiError> {
    let reload = tokio::task::spawn_blocking(move || app.reload(&name, task.as_deref())).await;
    match reload.map_err(|_| ApiError::new(Kind::Failed, "the new model made the server panic"))? {
        Ok(served) => {
            Ok(Json(json!({"name": served.name, "version": served.version, "sha256": served.sha256})))
        }
        Err(error @ Error::Unknown { .. }) => Err(ApiError::new(Kind::NotFound, error.to_string())),
        Err(_) => {
            let message = "the model cannot be loaded anew and the old one stays; the log says why";
            Err(ApiError::new(Kind::Failed, message))
        }
    }
}
