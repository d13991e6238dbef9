//! The body of a request: JSON within limits of size, depth and time.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::error::{ApiError, Kind};
use crate::App;

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let is_json =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
                let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
            });
        if !is_json {
            return Err(ApiError::new(Kind::MediaType, "expected `Content-Type: application/json`"));
        }
        let limits = &app.settings.limits;
        let time = Duration::from_millis(limits.body_ms);
        let slow = || {
            let message = format!("the body did not come within {} ms", limits.body_ms);
            ApiError::new(Kind::Slow, message)
        };
        let read = read(request.into_body(), limits.body_bytes);
        let bytes = tokio::time::timeout(time, read).await.map_err(|_| slow())??;
        check_depth(&bytes, limits.json_depth)?;
        let wrong = |error: serde_json::Error| ApiError::new(Kind::Invalid, format!("the body: {error}"));
        serde_json::from_slice(&bytes).map(Self).map_err(wrong)
    }
}

/// All of a body, put together as it comes, so that many small pieces cost no more than few large ones.
async fn read(mut body: Body, limit: usize) -> Result<BytesMut, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let wrong = |_| ApiError::new(Kind::Invalid, "the body ended early or is not compressed as it says");
        let Ok(data) = frame.map_err(wrong)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            let message = format!("the body is too long; expected at most {limit} bytes, uncompressed");
            return Err(ApiError::new(Kind::TooMuch, message));
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
        assert_eq!(read(Body::from("12345"), 5).await.unwrap(), "12345");
        assert!(read(Body::from("123456"), 5).await.is_err());
    }
}
