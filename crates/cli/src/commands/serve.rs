//! `umbel serve`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serve::Settings;
use serve::settings::ModelSettings;
use umbel::model::Precision;

use crate::output::Output;

/// Answer over HTTP: all tasks and the embedding from one pass.
///
/// Speaks its own protocol, OpenAI's, that of text-embeddings-inference and the Open Inference Protocol; `/docs` of the
/// server has all routes, and `/` a page to try the models. Settings come from --config, then from variables of the
/// environment as UMBEL_SERVE_LIMITS__TEXTS=64, then from --set and the other flags; each overrules those before it.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel serve MODEL\n  \
                        umbel serve en=models/english de=models/german --listen 0.0.0.0:8080 --key-file keys.txt\n  \
                        curl localhost:8080/v1/predict -H 'Content-Type: application/json' \
                        -d '{\"texts\": \"A fine film.\"}'")]
pub struct Args {
    /// The models: folders or names on the hub, as `NAME=MODEL` to give one a name; requests without one are
    /// answered by the first.
    #[arg(value_name = "MODEL")]
    models: Vec<String>,

    /// Read settings from this TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Answer requests at this address and port.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// Answer metrics, probes and administration at this address and port; empty for nowhere.
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,

    /// Answer only those who have a key of this file, one a line, plain or as --hash-key writes it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Encrypt connections with this chain of certificates, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// How precisely the encoders of MODEL compute: f32, bf16, int8 or auto.
    #[arg(long, value_name = "PRECISION", default_value = "f32", value_parser = parse_precision)]
    precision: String,

    /// Change one setting, as `limits.texts=64`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Read a key from standard input, write what settings may have in its place, and end.
    #[arg(long)]
    hash_key: bool,
}

/// The name, if it is one of a precision.
fn parse_precision(name: &str) -> Result<String, String> {
    name.parse::<Precision>().map(|_| name.to_string())
}

impl Args {
    /// The flags as changes of settings, in the order in which they count.
    fn overrides(&self) -> Vec<String> {
        let quoted = |value: &str| toml::Value::String(value.to_string()).to_string();
        let path = |value: &Option<PathBuf>| value.as_ref().map(|path| quoted(&path.to_string_lossy()));
        let text = |value: &Option<String>| value.as_deref().map(quoted);
        let flags = [
            ("listen", text(&self.listen)),
            ("admin_listen", text(&self.admin_listen)),
            ("auth.key_file", path(&self.key_file)),
            ("tls.certificate", path(&self.tls_certificate)),
            ("tls.key", path(&self.tls_key)),
        ];
        let flags = flags.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", value?)));
        let models = self.models.iter().map(|model| ModelSettings::from_argument(model, &self.precision));
        let models: Vec<String> = models.map(|model| inline(&model)).collect();
        let models = (!models.is_empty()).then(|| format!("model=[{}]", models.join(", ")));
        self.set.iter().cloned().chain(flags).chain(models).collect()
    }
}

/// A model as a TOML table on one line.
fn inline(model: &ModelSettings) -> String {
    toml::Value::try_from(model).expect("settings are TOML").to_string()
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    if args.hash_key {
        let key = std::io::read_to_string(std::io::stdin())?;
        if key.trim().is_empty() {
            bail!("standard input has no key");
        }
        return output.line(serve::hash_key(&key));
    }
    let settings = Settings::read(args.config.as_deref(), std::env::vars(), &args.overrides())?;
    if settings.models.is_empty() {
        bail!("there is no model to serve; expected `umbel serve MODEL`, or `[[model]]` in the settings");
    }
    serve::log::init(&settings.log)?;
    Ok(serve::run(settings, |server| announce(server, output))?)
}

/// Says where the server is to be found.
fn announce(server: &serve::Server, output: &Output) {
    let scheme = if server.is_encrypted() { "https" } else { "http" };
    if let Ok(address) = server.address() {
        output.note(format_args!("answering at {scheme}://{address}/"));
    }
    if let Some(address) = server.admin_address() {
        output.note(format_args!("metrics and administration at http://{address}/metrics"));
    }
    if server.app().keys.is_empty() {
        output.note("there are no keys, so everyone who reaches this address is answered");
    }
}
