//! What the course of the run says about its tasks, in words.

use maud::{Markup, html};

use crate::report::View;
use crate::report::page::plain;

/// The findings after the last epoch.
pub(super) fn section(view: &View<'_>) -> Option<Markup> {
    let last = view.run.epochs.last()?;
    Some(html! {
        @if last.findings.is_empty() {
            p { "No task dominates, starves, overfits or underfits by the rules of docs/reports.md." }
        } @else {
            ul.findings { @for finding in &last.findings { li { bdi { (plain(&finding.sentence)) } } } }
        }
    })
}
