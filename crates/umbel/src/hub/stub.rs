//! A hub of one's own on this machine, and what fetching from it must do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use tiny_http::{Header, Request, Response, Server};

use super::*;

/// The commit that every branch stands for.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Serves the files of `org/model`, and keeps what it was asked.
struct Stub {
    server: Arc<Server>,
    asked: Arc<Mutex<Vec<String>>>,
    cache: tempfile::TempDir,
}

#[derive(Clone, Default)]
struct Model {
    files: BTreeMap<&'static str, Vec<u8>>,
    token: Option<&'static str>, // asked for, if there is one
    moved: bool,                 // weights are elsewhere, as large files of the hub are
    damaged: bool,               // weights do not have the hash that is claimed
}

impl Stub {
    fn new(model: Model) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (requests, log) = (Arc::clone(&server), Arc::clone(&asked));
        thread::spawn(move || {
            for request in requests.incoming_requests() {
                log.lock().unwrap().push(request.url().to_string());
                let response = answer(&model, &request);
                request.respond(response).unwrap();
            }
        });
        Self { server, asked, cache: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> HubOptions {
        let endpoint = Some(format!("http://{}", self.server.server_addr()));
        HubOptions { cache: Some(self.cache.path().into()), endpoint, ..HubOptions::default() }
    }

    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).unwrap()
}

fn answer(model: &Model, request: &Request) -> Response<std::io::Cursor<Vec<u8>>> {
    let sent = |name: &'static str| {
        request.headers().iter().find(|h| h.field.equiv(name)).map(|h| h.value.to_string())
    };
    if let Some(token) = model.token
        && sent("Authorization") != Some(format!("Bearer {token}"))
    {
        return Response::from_data("").with_status_code(401);
    }
    let file = request.url().strip_prefix("/org/model/resolve/").and_then(|rest| rest.split_once('/'));
    let (is_cdn, file) = match request.url().strip_prefix("/cdn/") {
        Some(file) => (true, file),
        None => (false, file.map_or("", |(_, file)| file)),
    };
    let Some(bytes) = model.files.get(file) else { return Response::from_data("").with_status_code(404) };
    let start = sent("Range")
        .and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse().ok())
        .unwrap_or(0);
    if start >= bytes.len() {
        return Response::from_data("").with_status_code(416);
    }
    let response = Response::from_data(bytes[start..].to_vec())
        .with_header(header("etag", &etag(model, file, bytes)))
        .with_header(header("x-repo-commit", COMMIT));
    if model.moved && !is_cdn && file.ends_with(".safetensors") {
        let elsewhere = format!("http://{}/cdn/{file}", sent("Host").unwrap());
        return response.with_status_code(302).with_header(header("location", &elsewhere));
    }
    let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
    response.with_status_code(206).with_header(header("content-range", &range))
}

/// Large files have their hash as their tag.
fn etag(model: &Model, file: &str, bytes: &[u8]) -> String {
    use sha2::Digest;
    if !file.ends_with(".safetensors") {
        return format!("\"{}-{}\"", file.replace('/', "-"), bytes.len());
    }
    let salt: &[u8] = if model.damaged { b"x" } else { b"" };
    let hash = sha2::Sha256::digest([bytes, salt].concat());
    format!("\"{}\"", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn model(files: &[(&'static str, &str)]) -> Model {
    let files = files.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect();
    Model { files, ..Model::default() }
}

fn encoder() -> Model {
    model(&[("config.json", "{}"), ("tokenizer.json", "{ }"), ("model.safetensors", "weights")])
}

fn refused(model: &str, options: &HubOptions) -> String {
    resolve(model, options).unwrap_err().to_string()
}

fn check(model: &str, options: &HubOptions, expected: &str) {
    let message = refused(model, options);
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_folder_is_taken_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = HubOptions { offline: true, ..HubOptions::default() };
    assert_eq!(resolve(dir.path().to_str().unwrap(), &options).unwrap(), dir.path());
    check("./absent", &options, "there is no folder `./absent`");
    std::fs::write(dir.path().join("a"), "").unwrap();
    check(dir.path().join("a").to_str().unwrap(), &options, "is a file; expected the folder");
}

#[test]
fn an_encoder_is_fetched_once_and_then_comes_from_the_cache() {
    let stub = Stub::new(encoder());
    let folder = resolve("org/model", &stub.options()).unwrap();
    assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), b"weights");
    assert!(folder.join("tokenizer.json").exists());
    assert!(stub.take_asked().iter().any(|url| url == "/org/model/resolve/main/config.json"));

    assert_eq!(resolve("org/model", &stub.options()).unwrap(), folder);
    assert_eq!(stub.take_asked(), Vec::<String>::new());
    let offline = HubOptions { offline: true, ..stub.options() };
    assert_eq!(resolve("org/model", &offline).unwrap(), folder);
    assert_eq!(resolve(&format!("org/model@{COMMIT}"), &offline).unwrap(), folder);
    check("org/other", &offline, "no model `org/other` (revision `main`) in the cache");
    std::fs::remove_file(folder.join("model.safetensors")).unwrap();
    check("org/model", &offline, "has no `model.safetensors`: nothing is fetched offline");
}

#[test]
fn large_files_are_fetched_from_where_they_are_moved_to() {
    let stub = Stub::new(Model { moved: true, ..encoder() });
    let folder = resolve("org/model", &stub.options()).unwrap();
    assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), b"weights");
    assert!(stub.take_asked().contains(&"/cdn/model.safetensors".to_string()));
}

#[test]
fn a_file_that_arrives_damaged_is_not_kept() {
    let stub = Stub::new(Model { damaged: true, ..encoder() });
    check("org/model", &stub.options(), "arrived damaged");
    let folder = stub.cache.path().join("models--org--model/snapshots").join(COMMIT);
    assert!(folder.join("config.json").exists() && !folder.join("model.safetensors").exists());
}

#[test]
fn a_download_that_was_broken_off_is_finished() {
    let model = encoder();
    let tag = etag(&model, "model.safetensors", b"weights").replace('"', "");
    for left in [&b"weig"[..], b"weights", b"weights and more"] {
        let stub = Stub::new(model.clone());
        let blobs = stub.cache.path().join("models--org--model/blobs");
        std::fs::create_dir_all(&blobs).unwrap();
        std::fs::write(blobs.join(format!("{tag}.part")), left).unwrap();
        let folder = resolve("org/model", &stub.options()).unwrap();
        assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), b"weights");
    }
}

#[test]
fn an_empty_file_counts_as_absent() {
    let mut model = encoder();
    model.files.insert("special_tokens_map.json", Vec::new());
    let stub = Stub::new(model);
    assert!(!resolve("org/model", &stub.options()).unwrap().join("special_tokens_map.json").exists());
}

#[test]
fn modules_shards_and_heads_are_fetched() {
    let modules = r#"[{"type": "sentence_transformers.models.Transformer", "path": "0_Transformer"},
        {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
        {"type": "sentence_transformers.models.Dense", "path": "2_Dense"},
        {"type": "sentence_transformers.models.Normalize", "path": "3_Normalize"}]"#;
    let stub = Stub::new(model(&[
        ("modules.json", modules),
        ("0_Transformer/config.json", "{}"),
        ("0_Transformer/sentence_bert_config.json", "{}  "),
        (
            "0_Transformer/model.safetensors.index.json",
            r#"{"weight_map": {"a": "s1.safetensors", "b": "s2.safetensors"}}"#,
        ),
        ("0_Transformer/s1.safetensors", "one"),
        ("0_Transformer/s2.safetensors", "two"),
        ("1_Pooling/config.json", "{   }"),
        ("2_Dense/config.json", "{    }"),
        ("2_Dense/model.safetensors", "dense"),
        ("umbel.json", r#"{"tasks": [{"name": "domain"}, {"name": "gone"}]}"#),
        ("heads/domain/model.safetensors", "head"),
    ]));
    let folder = resolve("org/model@v1", &stub.options()).unwrap();
    for file in
        ["0_Transformer/s2.safetensors", "2_Dense/model.safetensors", "heads/domain/model.safetensors"]
    {
        assert!(folder.join(file).exists(), "{file}");
    }
    assert!(stub.take_asked().contains(&"/org/model/resolve/v1/modules.json".to_string()));
    resolve("org/model@v1", &HubOptions { offline: true, ..stub.options() }).unwrap();
}

#[test]
fn static_encoders_are_fetched_with_the_files_that_they_need() {
    let modules = |path: &str| {
        format!(
            r#"[{{"type": "sentence_transformers.models.StaticEmbedding", "path": "{path}"}},
                {{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}}]"#
        )
    };
    let check = |path: &str, dir: &'static str| {
        let file = |name: &str| -> &'static str { format!("{dir}{name}").leak() };
        let stub = Stub::new(model(&[
            ("modules.json", &modules(path)),
            (file("tokenizer.json"), "{ }"),
            (file("tokenizer_config.json"), "{  }"),
            (file("model.safetensors"), "table"),
            (file("pytorch_model.bin"), "pickle"),
            ("2_Dense/config.json", "{    }"),
            ("2_Dense/model.safetensors", "dense"),
            ("onnx/model.onnx", "graph"),
        ]));
        let folder = resolve("org/model", &stub.options()).unwrap();
        for name in [file("tokenizer.json"), file("model.safetensors"), "2_Dense/model.safetensors"] {
            assert!(folder.join(name).exists(), "{path}: {name}");
        }
        let asked = stub.take_asked();
        let unneeded = ["tokenizer_config.json", "pytorch_model.bin", "onnx", "/./"];
        assert!(asked.iter().all(|url| unneeded.iter().all(|name| !url.contains(name))), "{asked:?}");
        resolve("org/model", &HubOptions { offline: true, ..stub.options() }).unwrap();
        assert_eq!(stub.take_asked(), Vec::<String>::new());
    };
    check("0_StaticEmbedding", "0_StaticEmbedding/");
    check("", "");
    check(".", ""); // as model2vec writes it
}

#[test]
fn all_files_are_of_the_commit_that_the_first_one_was_of() {
    let stub = Stub::new(encoder());
    resolve("org/model", &HubOptions { revision: Some("v2".into()), ..stub.options() }).unwrap();
    let asked = stub.take_asked();
    assert!(asked[0].starts_with("/org/model/resolve/v2/"), "{asked:?}");
    let pinned = format!("/org/model/resolve/{COMMIT}/model.safetensors");
    assert!(asked.contains(&pinned), "{asked:?}");
}

#[test]
fn the_token_is_sent_and_asked_for() {
    let stub = Stub::new(Model { token: Some("secret"), ..encoder() });
    check("org/model", &stub.options(), "set `HF_TOKEN`");
    check("org/model", &HubOptions { token: Some("wrong".into()), ..stub.options() }, "refuses the token");
    resolve("org/model", &HubOptions { token: Some("secret".into()), ..stub.options() }).unwrap();
}

#[test]
fn a_model_that_is_not_there_is_an_error_with_advice() {
    let stub = Stub::new(encoder());
    check("org/modle", &stub.options(), "check the spelling");
    check("not a name", &stub.options(), "no name of a model");
    let nowhere = HubOptions { endpoint: Some("http://127.0.0.1:1".into()), ..stub.options() };
    check("org/model", &nowhere, "check the network");
}

#[test]
fn a_model_with_only_a_pickle_is_refused() {
    let stub = Stub::new(model(&[("config.json", "{}"), ("pytorch_model.bin", "pickle")]));
    check("org/model", &stub.options(), "has only `pytorch_model.bin`: a pickle can run any code");
    let stub = Stub::new(model(&[("config.json", "{}")]));
    check("org/model", &stub.options(), "has no `model.safetensors`");
}

#[test]
fn names_that_lead_out_of_the_model_are_never_asked_for() {
    let index = r#"{"weight_map": {"a": "../../../evil.safetensors"}}"#;
    let stub = Stub::new(model(&[("config.json", "{}"), ("model.safetensors.index.json", index)]));
    check("org/model", &stub.options(), "leads outside");
    assert!(stub.take_asked().iter().all(|url| !url.contains("evil")));
}

#[test]
fn progress_is_told_of_every_byte() {
    let stub = Stub::new(encoder());
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let progress =
        move |file: &str, done: usize, size: usize| log.lock().unwrap().push((file.to_string(), done, size));
    resolve("org/model", &HubOptions { progress: Some(Arc::new(progress)), ..stub.options() }).unwrap();
    assert!(told.lock().unwrap().contains(&("model.safetensors".to_string(), 7, 7)));
}
