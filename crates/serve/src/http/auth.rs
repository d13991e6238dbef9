//! Bearer keys. Only their SHA-256 is kept, and compared in a time that does not depend on it.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use umbel::error::{Error, Result};

use super::error::{ApiError, Kind};
use crate::App;
use crate::settings::AuthSettings;

/// The paths that need no key, for those who ask whether the server lives; they say nothing else.
pub const OPEN: &[&str] =
    &["/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"];

/// The keys of those who may ask.
#[derive(Debug, Default)]
pub struct Keys {
    hashes: Vec<[u8; 32]>,
}

impl Keys {
    /// Reads the keys that the settings name.
    ///
    /// # Errors
    /// If a hash is none, or the file cannot be read or has no key.
    pub fn read(settings: &AuthSettings) -> Result<Self> {
        let mut hashes = Vec::new();
        for key in &settings.keys {
            let wrong = || Error::Settings("a key of `auth.keys` is not `sha256:` and 64 digits".to_string());
            hashes.push(parse_hash(key).ok_or_else(wrong)?);
        }
        if let Some(path) = &settings.key_file {
            let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            let before = hashes.len();
            hashes.extend(lines.map(|key| parse_hash(key).unwrap_or_else(|| Sha256::digest(key).into())));
            if hashes.len() == before {
                let problem = format!("{}: there is no key in it", path.display());
                return Err(Error::Settings(problem));
            }
        }
        Ok(Self { hashes })
    }

    /// True if everyone may ask.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// True if `key` is one of the keys. All are looked at, whichever it is.
    fn has(&self, key: &[u8]) -> bool {
        let hash = Sha256::digest(key);
        let found = |found: Choice, known: &[u8; 32]| found | known[..].ct_eq(&hash[..]);
        self.hashes.iter().fold(Choice::from(0), found).into()
    }
}

/// A key as it may be written into settings.
pub fn hash_key(key: &str) -> String {
    format!("sha256:{}", hex_sha256(key.trim().as_bytes()))
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub(crate) fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_hash(key: &str) -> Option<[u8; 32]> {
    let digits = key.strip_prefix("sha256:").filter(|digits| digits.len() == 64 && digits.is_ascii())?;
    let mut hash = [0; 32];
    for (byte, place) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&digits[place..place + 2], 16).ok()?;
    }
    Some(hash)
}

/// The key of a request: a bearer's, or the password of a browser that asked its user.
fn key_of(request: &Request) -> Option<Vec<u8>> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

/// Lets those in who have a key, or who only ask whether the server lives.
pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_open = app.keys.is_empty() || OPEN.contains(&request.uri().path());
    if is_open || key_of(&request).is_some_and(|key| app.keys.has(&key)) {
        return next.run(request).await;
    }
    let message = "there is no key or a wrong one; expected `Authorization: Bearer KEY`";
    ApiError::new(Kind::NoKey, message).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_as_hashes_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys");
        std::fs::write(&file, format!("# ours\nopen sesame\n{}\n", hash_key("other"))).unwrap();
        let keys = vec![hash_key("third")];
        let keys = Keys::read(&AuthSettings { keys, key_file: Some(file.clone()) }).unwrap();
        for key in ["open sesame", "other", "third"] {
            assert!(keys.has(key.as_bytes()), "{key}");
        }
        assert!(!keys.has(b"") && !keys.has(hash_key("other").as_bytes()) && !keys.has(b"open"));
        assert!(!format!("{keys:?}").contains("sesame"));
        std::fs::write(&file, "# none\n").unwrap();
        let empty = AuthSettings { keys: vec![], key_file: Some(file) };
        assert!(Keys::read(&empty).unwrap_err().to_string().ends_with("there is no key in it"));
        let wrong = AuthSettings { keys: vec!["secret".to_string()], key_file: None };
        assert!(!Keys::read(&wrong).unwrap_err().to_string().contains("secret"));
    }

    #[test]
    fn a_hash_is_that_of_sha256() {
        let known = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2
        assert_eq!(hash_key("abc\n"), known);
    }
}
