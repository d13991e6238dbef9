//! Where the log goes: standard error, as text for people or as JSON.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use umbel::error::{Error, Result};

use crate::settings::{LogFormat, LogSettings};

/// Begins to log.
///
/// # Errors
/// If the level cannot be understood, or a log has begun already.
pub fn init(settings: &LogSettings) -> Result<()> {
    let level = &settings.level;
    let filter = EnvFilter::try_new(level).map_err(|error| {
        Error::Settings(format!("`log.level` is `{level}`: {error}; expected a level as `info`"))
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    let begun = match settings.format {
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    begun.map_err(|error| Error::Settings(format!("the log cannot begin: {error}")))
}
