//! `GET /openapi.json`, and `GET /docs`, a page that shows it. Nothing is fetched from elsewhere.

use std::sync::OnceLock;

use axum::Json;
use axum::response::Response;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::asset;
use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(openapi)).routes(routes!(docs)).routes(routes!(docs_script))
}

/// The OpenAPI document
#[utoipa::path(get, path = "/openapi.json", tag = "pages",
    responses((status = 200, description = "This document", body = Object),
        (status = 401, description = "There is no key or a wrong one")))]
async fn openapi() -> Json<&'static OpenApi> {
    static DOCUMENT: OnceLock<OpenApi> = OnceLock::new();
    Json(DOCUMENT.get_or_init(super::document))
}

/// The routes as a page
#[utoipa::path(get, path = "/docs", tag = "pages",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"),
        (status = 401, description = "There is no key or a wrong one")))]
async fn docs() -> Response {
    asset("text/html; charset=utf-8", include_str!("../page/docs.html"))
}

/// What the page of the routes runs
#[utoipa::path(get, path = "/assets/docs.js", tag = "pages",
    responses((status = 200, description = "A script", body = String, content_type = "text/javascript"),
        (status = 401, description = "There is no key or a wrong one")))]
async fn docs_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../page/docs.js"))
}
