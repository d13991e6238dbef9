//! What a server is to do, from defaults, a file, the environment and flags; each overrules those before it.

mod limits;
mod parts;

use std::path::Path;

use serde::{Deserialize, Serialize};

use umbel::error::{Error, Result};

pub use limits::{BatchSettings, LimitSettings, QueueSettings};
pub use parts::{AuthSettings, LogFormat, LogSettings, ModelSettings, ShutdownSettings, TlsSettings};

/// All settings of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where requests are answered: an address and a port; port 0 takes a free one.
    pub listen: String,
    /// Where metrics, probes and administration are answered, without keys and without TLS; empty is nowhere.
    pub admin_listen: String,
    /// The models.
    #[serde(rename = "model")]
    pub models: Vec<ModelSettings>,
    /// What one pass through the encoder takes.
    pub batch: BatchSettings,
    /// How much may wait.
    pub queue: QueueSettings,
    /// What one request may ask.
    pub limits: LimitSettings,
    /// Who may ask.
    pub auth: AuthSettings,
    /// The certificate, if connections are encrypted.
    pub tls: TlsSettings,
    /// How the server ends.
    pub shutdown: ShutdownSettings,
    /// What is logged.
    pub log: LogSettings,
    /// How many of a task's last answers its drift is computed from.
    pub drift_window: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_string(),
            admin_listen: "127.0.0.1:9090".to_string(),
            models: Vec::new(),
            batch: BatchSettings::default(),
            queue: QueueSettings::default(),
            limits: LimitSettings::default(),
            auth: AuthSettings::default(),
            tls: TlsSettings::default(),
            shutdown: ShutdownSettings::default(),
            log: LogSettings::default(),
            drift_window: 10_000,
        }
    }
}

/// What the names of variables of the environment begin with.
const PREFIX: &str = "UMBEL_SERVE_";

impl Settings {
    /// Reads a settings file if there is one, then what the environment says, then `overrides`, which are `key=value`.
    ///
    /// `UMBEL_SERVE_LIMITS__TEXTS=64` of the environment is `limits.texts=64`; other variables do not count.
    ///
    /// # Errors
    /// If the file cannot be read, a key is unknown, or a value cannot be.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &[String],
    ) -> Result<Self> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path).map_err(Error::io(path))?,
        };
        let of_environment = environment.into_iter().filter_map(|(name, value)| override_of(&name, &value));
        let mut all: Vec<String> = of_environment.collect();
        all.sort_unstable();
        all.extend(overrides.iter().cloned());
        let named = |error: Error| match file {
            None => error,
            Some(path) => Error::Settings(format!("{}: {error}", path.display())),
        };
        let mut settings: Self = umbel::settings::from_toml(&text, &all).map_err(named)?;
        if let Some(folder) = file.and_then(Path::parent) {
            settings.models.iter_mut().for_each(|model| model.relative_to(folder));
        }
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        let Self { batch, queue, limits, .. } = self;
        let positive = [
            ("batch.tokens", batch.tokens),
            ("queue.tokens", queue.tokens),
            ("queue.texts", queue.texts),
            ("queue.bytes", queue.bytes),
            ("queue.requests", queue.requests),
            ("limits.connections", limits.connections),
            ("limits.body_bytes", limits.body_bytes),
            ("limits.json_depth", limits.json_depth),
            ("limits.texts", limits.texts),
            ("limits.characters", limits.characters),
            ("limits.tokens", limits.tokens),
            ("drift_window", self.drift_window),
        ];
        let times = [
            ("limits.header_ms", limits.header_ms),
            ("limits.write_ms", limits.write_ms),
            ("limits.body_ms", limits.body_ms),
            ("limits.request_ms", limits.request_ms),
            ("shutdown.timeout_ms", self.shutdown.timeout_ms),
        ];
        let times = times.map(|(key, ms)| (key, usize::try_from(ms).unwrap_or(usize::MAX)));
        if let Some((key, _)) = positive.iter().chain(&times).find(|(_, value)| *value == 0) {
            return Err(Error::Settings(format!("`{key}` is 0; expected 1 or more")));
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            let problem = "one of `tls.certificate` and `tls.key` is missing; expected both or none";
            return Err(Error::Settings(problem.to_string()));
        }
        let mut names: Vec<String> = self.models.iter().map(ModelSettings::name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(Error::Settings(format!(
                "two models are named `{}`; `NAME=MODEL` gives one another name",
                pair[0]
            ))),
        }
    }
}

/// The override that a variable of the environment is, if it is one.
fn override_of(name: &str, value: &str) -> Option<String> {
    let key = name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
    Some(format!("{key}={value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn flags_overrule_the_environment_which_overrules_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("serve.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\n[limits]\ntexts = 1\ncharacters = 1\n").unwrap();
        let environment = environment(&[
            ("UMBEL_SERVE_LIMITS__TEXTS", "2"),
            ("UMBEL_SERVE_LISTEN", "127.0.0.1:2"),
            ("HOME", "/"),
        ]);
        let overrides = ["listen=127.0.0.1:3".to_string()];
        let settings = Settings::read(Some(&file), environment, &overrides).unwrap();
        assert_eq!((settings.limits.characters, settings.limits.texts), (1, 2));
        assert_eq!(settings.listen, "127.0.0.1:3");
        assert_eq!(settings.queue, QueueSettings::default());
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        let check = |change: &str, expected: &str| {
            let error = Settings::read(None, [], &[change.to_string()]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("limits.texts=0", "`limits.texts` is 0; expected 1 or more");
        check("limits.text=1", "(did you mean `texts`?)");
        check("tls.key=\"a\"", "one of `tls.certificate` and `tls.key` is missing");
        check("model=[{path=\"a/b\"},{path=\"c/b\"}]", "two models are named `b`");
    }

    #[test]
    fn the_file_of_the_defaults_says_the_same() {
        let text = toml::to_string(&Settings::default()).unwrap();
        let settings: Settings = umbel::settings::from_toml(&text, &[]).unwrap();
        assert_eq!(settings, Settings::default());
    }
}
