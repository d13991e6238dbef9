//! The Open Inference Protocol, version 2, as KServe and Triton speak it: texts in as BYTES, one output a head.

mod outputs;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Job;
use super::errors::{KServe, KServeErrorBody};
use super::texts::{TextList, repeated};
use crate::App;
use crate::engine::{Refused, Served, TooLong};
use crate::http::body;
use crate::http::error::{ApiError, Kind};

use outputs::{EMBEDDING, OutputTensor, TensorMetadata};

pub(super) fn routes() -> OpenApiRouter<App> {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(KServeErrorBody)))]
    struct Schemas;
    OpenApiRouter::with_openapi(<Schemas as utoipa::OpenApi>::openapi())
        .routes(routes!(server))
        .routes(routes!(model))
        .routes(routes!(ready))
        .routes(routes!(infer))
}

/// The server.
#[derive(Serialize, ToSchema)]
struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: Vec<String>,
}

/// A model.
#[derive(Serialize, ToSchema)]
struct ModelMetadata {
    name: String,
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// Whether a model is ready.
#[derive(Serialize, ToSchema)]
struct ModelReady {
    name: String,
    ready: bool,
}

/// Texts, and which outputs are wanted.
#[derive(Deserialize, ToSchema)]
struct InferRequest {
    id: Option<String>,
    /// One input of any name.
    #[schema(min_items = 1, max_items = 1)]
    inputs: Vec<InputTensor>,
    /// The heads by name, and `embedding`, each once; all heads that answer single texts if missing.
    outputs: Option<Vec<RequestedOutput>>,
}

/// Texts.
#[derive(Deserialize, ToSchema)]
struct InputTensor {
    #[expect(dead_code, reason = "there is only one input")]
    name: String,
    /// `[n]`, or `[n, 1]`.
    shape: Vec<usize>,
    /// `BYTES`.
    datatype: Datatype,
    /// The texts, nested or not.
    data: Data,
}

/// The type of the texts.
#[derive(Deserialize, ToSchema)]
enum Datatype {
    #[serde(rename = "BYTES")]
    Bytes,
}

/// Texts, nested as the shape says or not.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected texts, or lists of texts")]
enum Data {
    Flat(TextList),
    Nested(Vec<[String; 1]>),
}

/// An output that is wanted.
#[derive(Deserialize, ToSchema)]
struct RequestedOutput {
    name: String,
}

/// What is answered.
#[derive(Serialize, ToSchema)]
struct InferResponse {
    model_name: String,
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    outputs: Vec<OutputTensor>,
}

/// Describe the server
#[utoipa::path(get, path = "/v2", tag = "Open Inference Protocol",
    responses((status = 200, description = "The server", body = ServerMetadata), KServe))]
async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata { name: "umbel", version: env!("CARGO_PKG_VERSION"), extensions: Vec::new() })
}

/// Describe a model
#[utoipa::path(get, path = "/v2/models/{model}", tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Its name")),
    responses((status = 200, description = "Its inputs and outputs", body = ModelMetadata), KServe))]
async fn model(State(app): State<App>, Path(name): Path<String>) -> Result<Json<ModelMetadata>, ApiError> {
    let served = app.model(Some(&name))?;
    let input = TensorMetadata::new("text", "BYTES", vec![-1]);
    Ok(Json(ModelMetadata {
        name: served.name.clone(),
        versions: vec![served.version.to_string()],
        platform: "umbel",
        inputs: vec![input],
        outputs: outputs::metadata(&served),
    }))
}

/// Whether a model is ready
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Its name")),
    responses((status = 200, description = "It is", body = ModelReady), KServe))]
async fn ready(State(app): State<App>, Path(name): Path<String>) -> Result<Json<ModelReady>, ApiError> {
    let served = app.model(Some(&name))?;
    if app.is_ending() {
        return Err(Refused::Ending.into());
    }
    Ok(Json(ModelReady { name: served.name.clone(), ready: true }))
}

/// Answer tasks as the Open Inference Protocol does
#[utoipa::path(post, path = "/v2/models/{model}/infer", tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Its name")), request_body = InferRequest,
    responses((status = 200, description = "An output a head", body = InferResponse), KServe))]
async fn infer(
    State(app): State<App>,
    Path(name): Path<String>,
    body::Json(request): body::Json<InferRequest>,
) -> Result<Json<InferResponse>, ApiError> {
    let served = app.model(Some(&name))?;
    let names = wanted(&served, request.outputs)?;
    let texts = texts(request.inputs)?;
    let tasks: Vec<String> = names.iter().filter(|name| *name != EMBEDDING).cloned().collect();
    let job = Job { model: Arc::clone(&served), texts, tasks, others: Vec::new(), too_long: TooLong::Cut };
    let mut answered = app.engine.submit(job).await?;
    let embeddings = answered.embeddings(&served, None, false)?;
    let output = |name: &String| match &name[..] {
        EMBEDDING => outputs::of_embeddings(&embeddings),
        task => outputs::of_task(&served, task, &answered.predicted.predictions),
    };
    Ok(Json(InferResponse {
        model_name: served.name.clone(),
        model_version: served.version.to_string(),
        id: request.id,
        outputs: names.iter().map(output).collect(),
    }))
}

/// The names of the outputs that are wanted, each of which there is, and each once.
fn wanted(served: &Served, asked: Option<Vec<RequestedOutput>>) -> Result<Vec<String>, ApiError> {
    let known: Vec<String> = outputs::metadata(served).into_iter().map(|output| output.name).collect();
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(known.into_iter().filter(|name| name != EMBEDDING).collect());
    };
    let names: Vec<String> = asked.into_iter().map(|output| output.name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let message = format!("there is no output `{name}`; there is: {}", known.join(", "));
        return Err(ApiError::new(Kind::Invalid, message));
    }
    match repeated(&names) {
        None => Ok(names),
        Some(name) => {
            let message = format!("`outputs` has `{name}` twice; expected each output once");
            Err(ApiError::new(Kind::Invalid, message))
        }
    }
}

fn texts(inputs: Vec<InputTensor>) -> Result<Vec<String>, ApiError> {
    let n = inputs.len();
    let Ok([InputTensor { shape, datatype: Datatype::Bytes, data, .. }]) =
        <[InputTensor; 1]>::try_from(inputs)
    else {
        return Err(ApiError::new(Kind::Invalid, format!("{n} inputs; expected one")));
    };
    let texts = match data {
        Data::Flat(texts) => texts.0,
        Data::Nested(texts) => texts.into_iter().flatten().collect(),
    };
    let is_column = matches!(shape[..], [_] | [_, 1]);
    match is_column && shape[0] == texts.len() {
        true => Ok(texts),
        false => {
            let n = texts.len();
            let message = format!("shape {shape:?} of {n} texts; expected [{n}] or [{n}, 1]");
            Err(ApiError::new(Kind::Invalid, message))
        }
    }
}
