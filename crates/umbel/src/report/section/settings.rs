//! The settings, as a file that gives the same run.

use maud::{Markup, html};

use crate::report::page::plain;
use crate::report::{Run, View};
use crate::settings::train::TrainPrecision;

/// The settings as TOML.
pub(super) fn section(view: &View<'_>) -> Markup {
    html! { pre { code { (plain(&view.run.settings.to_toml())) } } }
}

/// How precisely the run computed.
pub(super) fn precision(run: &Run<'_>) -> String {
    let resolved = run.settings.train.precision.resolve().name();
    match run.settings.train.precision {
        TrainPrecision::Auto => format!("{resolved} (auto)"),
        _ => resolved.to_string(),
    }
}
