//! What is logged and counted of each request, and how many are taken at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::OPEN;
use super::error::ApiError;
use crate::App;
use crate::metrics::{RequestLabels, RouteLabels};

/// Logs and counts requests. The log has the route, the status and the time, and no text.
pub(crate) async fn log(State(app): State<App>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "(none)".to_string(), |path| path.as_str().to_string());
    let method = request.method().clone();
    let begun = Instant::now();
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    let labels = RequestLabels { route: route.clone(), status };
    app.metrics.requests.get_or_create(&labels).inc();
    let labels = RouteLabels { route: route.clone() };
    app.metrics.request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    let milliseconds = took.as_secs_f64() * 1e3;
    if OPEN.contains(&&route[..]) {
        tracing::debug!(%method, route, status, milliseconds, "request");
    } else {
        tracing::info!(%method, route, status, milliseconds, "request");
    }
    response
}

/// Refuses requests that bring work while too much of it waits, before their bodies are read.
pub(crate) async fn shed(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let shed = |wait: Duration| {
        app.metrics.shed.inc();
        ApiError::overloaded(wait).into_response()
    };
    if let Some(wait) = app.engine.is_full() {
        return shed(wait);
    }
    match Arc::clone(&app.requests).try_acquire_owned() {
        Err(_) => shed(Duration::from_secs(1)),
        Ok(_permit) => next.run(request).await,
    }
}
