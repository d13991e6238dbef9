//! The body of a request: JSON within limits of size, depth and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::access::{Place, SHORTEST_WAIT};
use super::error::{ApiError, Kind};
use crate::App;

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(ApiError::new(Kind::MediaType, "expected `Content-Type: application/json`"));
        }
        let limits = &app.settings.limits;
        let time = Duration::from_millis(limits.body_ms);
        let slow = || {
            let message = format!("the body did not come within {} ms", limits.body_ms);
            ApiError::new(Kind::Slow, message)
        };
        let place = request.extensions().get::<Place>().cloned();
        let mut room = Room { all: &app.body_bytes, most: app.settings.queue.bytes, own: 0 };
        let read = read(request.into_body(), limits.body_bytes, &mut room);
        let bytes = tokio::time::timeout(time, read).await.map_err(|_| slow())?.inspect_err(|error| {
            if error.is_overloaded() {
                app.metrics.shed.inc();
            }
        })?;
        let Ok(permit) = Arc::clone(&app.requests).try_acquire_owned() else {
            app.metrics.shed.inc();
            return Err(ApiError::overloaded(SHORTEST_WAIT));
        };
        if let Some(place) = place {
            place.keep(permit);
        }
        check_depth(&bytes, limits.json_depth)?;
        let wrong = |error: serde_json::Error| ApiError::new(Kind::Invalid, format!("the body: {error}"));
        serde_json::from_slice(&bytes).map(Self).map_err(wrong)
    }
}

/// True of requests that say so, and of those in the Open Inference Protocol that say nothing, as its clients do.
fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(CONTENT_TYPE) else {
        return request.uri().path().starts_with("/v2/");
    };
    let value = value.to_str().unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The room that bodies take while they are read; given back when it is dropped.
struct Room<'a> {
    all: &'a AtomicUsize,
    most: usize,
    own: usize,
}

impl Room<'_> {
    /// Takes so many bytes more, or none if there is no room.
    fn take(&mut self, bytes: usize) -> bool {
        let before = self.all.fetch_add(bytes, Relaxed);
        self.own += bytes;
        before + bytes <= self.most
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Relaxed);
    }
}

/// All of a body, put together as it comes, so that many small pieces cost no more than few large ones.
async fn read(mut body: Body, limit: usize, room: &mut Room<'_>) -> Result<BytesMut, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let wrong = |_| ApiError::new(Kind::Invalid, "the body ended early or is not compressed as it says");
        let Ok(data) = frame.map_err(wrong)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            let message = format!("the body is too long; expected at most {limit} bytes, uncompressed");
            return Err(ApiError::new(Kind::TooMuch, message));
        }
        if !room.take(data.len()) {
            return Err(ApiError::overloaded(SHORTEST_WAIT));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Refuses brackets that are nested too deep, before anything is made of them.
fn check_depth(json: &[u8], limit: usize) -> Result<(), ApiError> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            let message = format!("the body has brackets nested deeper than {limit}");
            return Err(ApiError::new(Kind::Invalid, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_that_of_brackets_outside_of_strings() {
        let check = |json: &str, expected: bool| {
            assert_eq!(check_depth(json.as_bytes(), 2).is_ok(), expected, "{json}");
        };
        check(r#"{"a": [1], "b": [2]}"#, true);
        check(r#"{"a": [[1]]}"#, false);
        check(r#"{"a": "[[[[", "b": "\"[[["}"#, true);
        check(&"[".repeat(100_000), false);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let all = AtomicUsize::new(0);
        let room = || Room { all: &all, most: 8, own: 0 };
        let mut first = room();
        assert_eq!(read(Body::from("12345"), 5, &mut first).await.unwrap(), "12345");
        assert!(!read(Body::from("123456"), 5, &mut room()).await.err().unwrap().is_overloaded());
        assert!(read(Body::from("1234"), 5, &mut room()).await.err().unwrap().is_overloaded());
        drop(first);
        assert!(read(Body::from("1234"), 5, &mut room()).await.is_ok());
        assert_eq!(all.into_inner(), 0);
    }
}
