//! The life of a server: models that are replaced, certificates that are renewed, and the end.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use serde_json::{Value, json};
use umbel::Model;
use umbel::model::Piece;
use umbel_serve::engine::run_model;

use super::world::{Running, World, ask, make_model, post, request, status};

#[tokio::test]
async fn a_model_is_replaced_only_by_one_that_works() {
    let world = World::new(&[]);
    let router = world.router();
    let body = json!({"texts": "a fine film"});
    let before = post(&router, "/v1/predict", &body).await.1["results"].clone();
    make_model(world.folder.path(), 100);
    assert_eq!(world.app.reload("tiny", None).unwrap().version, 2);
    let after = post(&router, "/v1/predict", &body).await.1["results"].clone();
    let expected =
        Model::open(world.folder.path()).unwrap().predict_tasks(&["a fine film"], &["topic"]).unwrap();
    let expected = serde_json::to_string(&expected.predictions[0]).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    assert_ne!(before, after);
    assert_eq!(after[0]["answers"]["topic"], expected["topic"]);

    // Another file in the place of the old one, as writers leave it; the old one is still mapped.
    let head = world.folder.path().join("heads/topic/model.safetensors");
    let mut bytes = std::fs::read(&head).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::remove_file(&head).unwrap();
    std::fs::write(&head, bytes).unwrap();
    let error = world.app.reload("tiny", None).err().unwrap().to_string();
    assert!(error.contains("heads/topic/model.safetensors"), "{error}");
    assert_eq!(post(&router, "/v1/predict", &body).await.1["results"], after);
    assert!(world.app.reload("none", None).is_err());
    let metrics = world.app.metrics.text(world.app.models.all());
    assert!(metrics.contains("umbel_reloads_total{model=\"tiny\",result=\"loaded\"} 1"), "{metrics}");
    assert!(metrics.contains("umbel_reloads_total{model=\"tiny\",result=\"failed\"} 1"), "{metrics}");
}

#[test]
fn a_model_keeps_its_name_when_the_link_to_it_is_moved() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (name, seed) in [("v1", 1), ("v2", 50)] {
        std::fs::create_dir(path(name)).unwrap();
        make_model(&path(name), seed);
    }
    std::os::unix::fs::symlink(path("v1"), path("current")).unwrap();
    let mut settings = super::world::settings(&[], &[]);
    let model = path("current").to_string_lossy().into_owned();
    settings.models = vec![umbel_serve::settings::ModelSettings::from_argument(&model, "f32")];
    let app = umbel_serve::App::start(settings, Arc::new(run_model)).unwrap();
    let before = app.model(Some("v1")).unwrap().sha256.clone();
    std::os::unix::fs::symlink(path("v2"), path("next")).unwrap();
    std::fs::rename(path("next"), path("current")).unwrap();
    assert_eq!(app.model(Some("v1")).unwrap().sha256, before);
    let reloaded = app.reload("v1", None).unwrap();
    assert_eq!((&reloaded.name[..], reloaded.version), ("v1", 2));
    assert_ne!(reloaded.sha256, before, "it is what the link leads to now");
}

#[test]
fn one_head_is_replaced_if_nothing_else_has_changed() {
    let running = Running::start(&[]);
    let folder = running.world.folder.path();
    let answer = |task: &str| {
        let body = json!({"texts": "a fine film", "tasks": [task]}).to_string();
        let answer = running.ask("POST /v1/predict HTTP/1.1", body.as_bytes());
        let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        body["results"][0]["answers"][task].clone()
    };
    let reload = |task: &str| {
        status(&ask(running.admin, &format!("POST /admin/models/tiny/heads/{task}/reload HTTP/1.1"), b""))
    };
    let before = ["topic", "tags"].map(answer);
    replace_head(folder, "topic");
    assert_eq!(reload("tags"), 500, "it is another head that has changed");
    assert_eq!(["topic", "tags"].map(answer), before);
    assert_eq!(reload("none"), 404);
    assert_eq!(reload("topic"), 200);
    assert_ne!(answer("topic"), before[0]);
    assert_eq!(answer("tags"), before[1]);
}

/// Gives a task of the model another head, as `umbel head replace` does.
fn replace_head(folder: &std::path::Path, task: &str) {
    let mut model = Model::open(folder).unwrap();
    let settings = model.heads().iter().find(|head| head.name() == task).unwrap().settings.clone();
    model.remove_head(task).unwrap();
    let made = umbel::task::make(&settings).unwrap();
    model.add_head(settings, made, 77).unwrap();
    model.save(folder).unwrap();
}

#[test]
fn the_listener_of_administration_has_metrics_and_reloads_and_names_no_path() {
    let running = Running::start(&[]);
    assert_eq!(running.predict(r#"{"texts": "a fine film"}"#), 200);
    let metrics = ask(running.admin, "GET /metrics HTTP/1.1", b"");
    for name in [
        "umbel_queue_duration_seconds_bucket",
        "umbel_tokenize_duration_seconds_count 1",
        "umbel_compute_duration_seconds_sum",
        "umbel_batch_tokens_bucket",
        "umbel_batch_texts_bucket",
        "umbel_answers_total{model=\"tiny\",task=\"topic\",label=",
        "umbel_scores_bucket{",
        "umbel_drift{model=\"tiny\",task=\"mood\"}",
        "umbel_drift_answers{model=\"tiny\",task=\"topic\"} 1",
        "umbel_requests_total{route=\"/v1/predict\",status=\"200\"} 1",
        "# EOF",
    ] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    assert_eq!(status(&ask(running.admin, "POST /admin/models/tiny/reload HTTP/1.1", b"")), 200);
    std::fs::remove_file(running.world.folder.path().join("umbel.json")).unwrap();
    std::fs::remove_file(running.world.folder.path().join("config.json")).unwrap();
    let answer = ask(running.admin, "POST /admin/models/tiny/reload HTTP/1.1", b"");
    assert_eq!(status(&answer), 500);
    assert!(!answer.contains('/') || !answer.contains("tmp"), "{answer}");
    assert_eq!(running.predict(r#"{"texts": "a fine film"}"#), 200);
}

#[test]
fn at_its_end_a_server_answers_what_has_begun_and_takes_nothing_new() {
    // A pass that takes a while, so that a request is under way when the server is told to end.
    let slow = Arc::new(|model: &Model, pieces: &[Piece<'_>]| {
        std::thread::sleep(Duration::from_millis(500));
        run_model(model, pieces)
    });
    let running = Running::of(World::with_pass(&[], slow));
    let address = running.address;
    let asked = std::thread::spawn(move || ask(address, "POST /v1/predict HTTP/1.1", br#"{"texts": "a"}"#));
    let begun = Instant::now();
    while !running
        .world
        .app
        .metrics
        .text(running.world.app.models.all())
        .contains("tokenize_duration_seconds_count 1")
    {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    running.world.app.begin_to_end();
    assert_eq!(status(&ask(address, "GET /health/ready HTTP/1.1", b"")), 503);
    assert_eq!(status(&ask(address, "GET /health/live HTTP/1.1", b"")), 200);
    running.end.send(true).unwrap();
    running.runtime.block_on(running.done).unwrap();
    assert_eq!(status(&asked.join().unwrap()), 200);
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// A server with a certificate, and a client that trusts it.
fn encrypted(changes: &[&str]) -> (Running, rustls::ClientConfig, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls =
        [format!("tls.certificate=\"{}\"", certificate.display()), format!("tls.key=\"{}\"", key.display())];
    let changes: Vec<&str> = changes.iter().copied().chain(tls.iter().map(String::as_str)).collect();
    (Running::start(&changes), client_of(&made.cert), dir)
}

#[test]
fn connections_are_encrypted_if_there_is_a_certificate() {
    let (running, config, _dir) = encrypted(&[]);
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config.clone()), name).unwrap();
    let mut stream = rustls::StreamOwned::new(client, running.connect());
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer); // Whether the end is said in TLS too does not matter here.
    assert_eq!(status(&answer), 200, "{answer}");
    assert_ne!(status(&running.ask("GET /health HTTP/1.1", b"")), 200, "not encrypted");

    let expected = running.world.predicted("a fine film", &["topic"]);
    let answers = running.runtime.block_on(by_http2(&running, config));
    answers.iter().for_each(|answer| assert_eq!(answer["results"][0]["answers"], expected));
}

#[test]
fn who_asks_nothing_by_http2_is_cut_off() {
    let (running, config, _dir) = encrypted(&["limits.header_ms=300", "limits.write_ms=300"]);
    running.runtime.block_on(async {
        let mut stream = http2_stream(&running, config).await;
        let mut sent = Vec::new();
        let ended = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut sent);
        let _ = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("it was cut off");
    });
}

async fn http2_stream(
    running: &Running,
    mut config: rustls::ClientConfig,
) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream
}

/// Who trusts that certificate.
fn client_of(certificate: &rcgen::Certificate) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Answers to eight requests at once on one connection.
async fn by_http2(running: &Running, config: rustls::ClientConfig) -> Vec<Value> {
    let io = hyper_util::rt::TokioIo::new(http2_stream(running, config).await);
    let handshake = hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io);
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let ask = |mut sender: hyper::client::conn::http2::SendRequest<Body>| async move {
        let body = json!({"texts": "a fine film", "tasks": ["topic"]}).to_string();
        let (status, answer) = super::world::read(
            sender
                .send_request(request("POST", "https://localhost/v1/predict", body))
                .await
                .unwrap()
                .map(Body::new),
        )
        .await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let asked: Vec<_> = (0..8).map(|_| tokio::spawn(ask(sender.clone()))).collect();
    let mut answers = Vec::new();
    for one in asked {
        answers.push(one.await.unwrap());
    }
    answers
}

#[test]
fn settings_that_cannot_be_are_said_before_anything_is_opened() {
    let folder = super::world::model_folder(1);
    let start = |changes: &[&str]| {
        let settings = super::world::settings(&[("tiny", folder.path().to_path_buf())], changes);
        umbel_serve::App::start(settings, Arc::new(run_model)).err().unwrap().to_string()
    };
    assert!(start(&["auth.keys=[\"plain\"]"]).contains("`sha256:` and 64 digits"));
    assert!(start(&["auth.key_file=\"/nowhere/keys\""]).contains("/nowhere/keys"));
    let none = umbel_serve::Settings::read(None, [], &[]).unwrap();
    let error = umbel_serve::App::start(none, Arc::new(run_model)).err().unwrap().to_string();
    assert_eq!(error, "there is no model to serve; expected one or more");
}
