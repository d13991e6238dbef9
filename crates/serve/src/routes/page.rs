//! `GET /`: a page to try the models. It is part of the program and asks only this server.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(page)).routes(routes!(style)).routes(routes!(script))
}

/// What a page may do: run our own script, have our own style, ask this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of a page.
pub(super) fn asset(kind: &'static str, text: impl Into<Cow<'static, str>>) -> Response {
    let text: Cow<'static, str> = text.into();
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}

/// A page to try the models
#[utoipa::path(get, path = "/", tag = "pages",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"),
        (status = 401, description = "There is no key or a wrong one")))]
async fn page(State(app): State<App>) -> Response {
    let (kind, page) = ("text/html; charset=utf-8", include_str!("../page/index.html"));
    match app.keys.is_empty() {
        true => asset(kind, page),
        // The browser sends the key by itself; the request as curl has to say that there is one.
        false => asset(kind, page.replacen("<body>", "<body data-keys>", 1)),
    }
}

/// How the pages look
#[utoipa::path(get, path = "/assets/style.css", tag = "pages",
    responses((status = 200, description = "A style sheet", body = String, content_type = "text/css"),
        (status = 401, description = "There is no key or a wrong one")))]
async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../page/style.css"))
}

/// What the page runs
#[utoipa::path(get, path = "/assets/page.js", tag = "pages",
    responses((status = 200, description = "A script", body = String, content_type = "text/javascript"),
        (status = 401, description = "There is no key or a wrong one")))]
async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../page/page.js"))
}
