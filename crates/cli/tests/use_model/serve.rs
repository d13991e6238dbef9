//! `umbel serve`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::*;

/// A server of the program, which is ended with the test.
struct Serving {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended.
        let _ = self.child.wait();
    }
}

fn serve(args: &[&str]) -> Serving {
    let fixed = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "", "--set", "shutdown.delay_ms=300"];
    let mut child = spawn(&[&fixed[..], args].concat());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("answering at http://").unwrap_or_else(|| panic!("{line}"));
    let address = address.trim_end_matches('/').to_string();
    Serving { child, stderr, address }
}

impl Serving {
    /// The status and the body of a response.
    fn ask(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let n = body.len();
        let head =
            format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n");
        write!(stream, "{head}content-length: {n}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_string())
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    fn log_until(&mut self, expected: &str) {
        let mut line = String::new();
        while !line.contains(expected) {
            line.clear();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "the log ended before `{expected}`");
        }
    }
}

#[test]
fn a_server_gives_what_predict_prints_and_ends_with_0_at_sigterm() {
    let model = trained();
    let mut serving = serve(&[str(model.path())]);
    let (status, body) = serving.ask("POST /v1/predict", r#"{"texts": "a fine film"}"#);
    let served: Value = serde_json::from_str(&body).unwrap();
    let mut printed = umbel(&["predict", str(model.path())], "a fine film\n").lines().remove(0);
    printed.as_object_mut().unwrap().remove("text");
    assert_eq!((status, &served["results"][0]["answers"]), (200, &printed));

    serving.signal("TERM");
    serving.log_until("not ready any more");
    assert_eq!(serving.ask("GET /health/ready", "").0, 503);
    assert_eq!(serving.ask("GET /health/live", "").0, 200);
    let begun = Instant::now();
    let code = serving.child.wait().unwrap().code();
    assert_eq!(code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn sighup_loads_models_anew() {
    let model = trained();
    let mut serving = serve(&[&format!("tiny={}", model.path().display())]);
    let version = |serving: &Serving| {
        let models: Value = serde_json::from_str(&serving.ask("GET /v1/models", "").1).unwrap();
        (models["data"][0]["id"].clone(), models["data"][0]["version"].clone())
    };
    assert_eq!(version(&serving), (json!("tiny"), json!(1)));
    serving.signal("HUP");
    serving.log_until("a model was loaded anew");
    assert_eq!(version(&serving).1, 2);
    std::fs::remove_file(model.path().join("tokenizer.json")).unwrap();
    serving.signal("HUP");
    serving.log_until("the old one stays");
    assert_eq!(version(&serving).1, 2);
}

#[test]
fn keys_settings_and_models_that_cannot_be_are_errors() {
    let hashed = umbel(&["serve", "--hash-key"], "abc\n");
    assert!(hashed.stdout.starts_with("sha256:ba7816bf") && hashed.code == Some(0), "{}", hashed.stdout);
    umbel(&["serve"], "").failed(1, "there is no model to serve");
    let model = trained();
    umbel(&["serve", str(model.path()), "--set", "limits.text=1"], "").failed(1, "(did you mean `texts`?)");
    umbel(&["serve", str(model.path()), "--listen", "nowhere"], "")
        .failed(1, "`listen`: cannot listen at `nowhere`");
    umbel(&["serve", str(model.path()), "--tls-key", "key.pem"], "").failed(2, "--tls-certificate");
    umbel(&["serve", str(model.path()), "--precision", "f99"], "").failed(2, "f99");
    let (key_file, path) = (model.path().join("keys"), str(model.path()));
    umbel(&["serve", path, "--key-file", str(&key_file)], "").failed(1, "keys: ");
}
