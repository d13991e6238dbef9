//! What is logged and counted of each request, and how many are taken at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::auth::OPEN;
use super::error::ApiError;
use crate::App;
use crate::metrics::{RequestLabels, RouteLabels};

/// Who is refused because there is no permit may try again after this time.
pub(crate) const SHORTEST_WAIT: Duration = Duration::from_secs(1);

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

/// Where the permit of a request lies, from the time when its body has been read to its answer. Until then it holds
/// none, so that those who send slowly keep nobody else out.
#[derive(Clone, Default)]
pub(crate) struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Place {
    pub(crate) fn keep(&self, permit: OwnedSemaphorePermit) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }
}

/// Refuses requests that bring work while too much of it waits, before their bodies are read.
pub(crate) async fn shed(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let is_full = app.engine.is_full();
    let is_full = is_full.or_else(|| (app.requests.available_permits() == 0).then_some(SHORTEST_WAIT));
    if let Some(wait) = is_full {
        app.metrics.shed.inc();
        return ApiError::overloaded(wait).into_response();
    }
    let place = Place::default();
    request.extensions_mut().insert(place.clone());
    let response = next.run(request).await;
    drop(place); // Only now: the answer is made.
    response
}
