//! A tiny model with a head of each kind, and servers of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tower::ServiceExt;
use umbel::Model;
use umbel::settings::TaskSettings;
use umbel_serve::engine::{Pass, run_model};
use umbel_serve::settings::ModelSettings;
use umbel_serve::{App, Server, Settings, routes};

/// Tasks of the model that answer single texts.
pub(crate) const TASKS: [&str; 5] = ["topic", "tags", "mood", "level", "parts"];

/// A model folder with a head of each kind.
pub(crate) fn model_folder(seed: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    make_model(dir.path(), seed);
    dir
}

pub(crate) fn make_model(dir: &Path, seed: u64) {
    let bert = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
    let mut model = Model::open(&bert).unwrap();
    let tasks = [
        json!({"name": "topic", "kind": "classification", "labels": ["film", "hotel", "food"]}),
        json!({"name": "tags", "kind": "multilabel", "labels": ["good", "bad"], "pooling": "max"}),
        json!({"name": "mood", "kind": "regression"}),
        json!({"name": "level", "kind": "ordinal", "labels": ["low", "middle", "high"]}),
        json!({"name": "parts", "kind": "tagging", "labels": ["place", "time"]}),
        json!({"name": "like", "kind": "similarity"}),
    ];
    for (i, settings) in tasks.into_iter().enumerate() {
        let settings: TaskSettings = serde_json::from_value(settings).unwrap();
        let mut task = umbel::task::make(&settings).unwrap();
        if ["regression", "similarity"].contains(&&settings.kind[..]) {
            task.learn(&mut [json!(-1.0), json!(2.0)].into_iter()).unwrap();
        }
        model.add_head(settings, task, seed + i as u64).unwrap();
    }
    let prompts = [("query", "find: "), ("document", "")];
    model.embedding.prompts = prompts.map(|(name, text)| (name.to_string(), text.to_string())).to_vec();
    let texts: Vec<String> = (0..50).map(|i| format!("a fine film number {i}")).collect();
    let predicted = model.predict(&texts).unwrap();
    for task in TASKS {
        let answers: Vec<_> =
            predicted.predictions.iter().map(|one| one.get(task).unwrap().clone()).collect();
        model.remember_answers(task, &answers);
    }
    model.save(dir).unwrap();
}

pub(crate) fn settings(folders: &[(&str, PathBuf)], changes: &[&str]) -> Settings {
    let changes: Vec<String> = changes.iter().map(|change| change.to_string()).collect();
    let mut settings = Settings::read(None, [], &changes).unwrap();
    let model = |(name, path): &(&str, PathBuf)| {
        ModelSettings::from_argument(&format!("{name}={}", path.display()), "f32")
    };
    settings.models = folders.iter().map(model).collect();
    settings.listen = "127.0.0.1:0".to_string();
    settings.admin_listen = "127.0.0.1:0".to_string();
    settings.shutdown.delay_ms = 0;
    settings
}

/// A model of the test and what answers with it.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) model: Model,
    pub(crate) app: App,
}

impl World {
    pub(crate) fn new(changes: &[&str]) -> Self {
        Self::with_pass(changes, Arc::new(run_model))
    }

    pub(crate) fn with_pass(changes: &[&str], pass: Pass) -> Self {
        let folder = model_folder(1);
        let settings = settings(&[("tiny", folder.path().to_path_buf())], changes);
        let app = App::start(settings, pass).unwrap();
        Self { model: Model::open(folder.path()).unwrap(), folder, app }
    }

    pub(crate) fn router(&self) -> Router {
        routes::public(self.app.clone())
    }

    /// What `umbel predict` answers, as JSON.
    pub(crate) fn predicted(&self, text: &str, tasks: &[&str]) -> Value {
        let predicted = self.model.predict_tasks(&[text], tasks).unwrap();
        serde_json::from_str(&serde_json::to_string(&predicted.predictions[0]).unwrap()).unwrap()
    }

    /// The embedding of a text, as JSON.
    pub(crate) fn embedded(&self, text: &str) -> Value {
        let embedded = self.model.embed(&[text]).unwrap();
        serde_json::from_str(&serde_json::to_string(embedded.embeddings.row(0)).unwrap()).unwrap()
    }
}

/// A response: its status and its JSON, or its text.
pub(crate) async fn read(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
}

pub(crate) fn request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path).header("content-type", "application/json");
    builder.body(body.into()).unwrap()
}

pub(crate) async fn post(router: &Router, path: &str, body: &Value) -> (u16, Value) {
    read(router.clone().oneshot(request("POST", path, body.to_string())).await.unwrap()).await
}

pub(crate) async fn get(router: &Router, path: &str) -> (u16, Value) {
    read(router.clone().oneshot(request("GET", path, "")).await.unwrap()).await
}

/// A server with sockets, in threads of its own.
pub(crate) struct Running {
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) end: watch::Sender<bool>,
    pub(crate) done: tokio::task::JoinHandle<()>,
    pub(crate) runtime: Runtime,
}

impl Running {
    pub(crate) fn start(changes: &[&str]) -> Self {
        Self::of(World::new(changes))
    }

    pub(crate) fn of(world: World) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind(world.app.clone())).unwrap();
        let (address, admin) = (server.address().unwrap(), server.admin_address().unwrap());
        let (end, ended) = watch::channel(false);
        let done = runtime.spawn(server.run(ended));
        Self { world, address, admin, end, done, runtime }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Asks once, on a connection of its own.
    pub(crate) fn ask(&self, head: &str, body: &[u8]) -> String {
        ask(self.address, head, body)
    }

    /// Asks `/v1/predict` and gives the status.
    pub(crate) fn predict(&self, body: &str) -> u16 {
        status(&self.ask("POST /v1/predict HTTP/1.1", body.as_bytes()))
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

pub(crate) fn ask(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = connect(address);
    let head = format!(
        "{head}\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // A server that refuses early may close before it has read all.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of a response; 0 if there is none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
