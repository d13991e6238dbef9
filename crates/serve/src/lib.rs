//! The umbel server: the embedding and all answers of one encoder pass, over HTTP.
//!
//! Four protocols (our own, OpenAI's, that of text-embeddings-inference and the Open Inference Protocol) are translated
//! to one [`Job`](engine::Job); the engine puts the texts of all jobs into batches and knows nothing of HTTP.
#![forbid(unsafe_code)]

mod app;
mod drift;
pub mod engine;
pub mod http;
pub mod log;
pub mod metrics;
pub mod routes;
mod server;
pub mod settings;

pub use app::App;
pub use http::auth::hash_key;
pub use server::{Server, run};
pub use settings::Settings;
