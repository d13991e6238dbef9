//! What a run has checked of itself: frozen weights that stayed as they were, steps that were left out.

use maud::{Markup, html};

use crate::report::View;
use crate::report::numbers::{count, counted};

/// A sentence each; none if nothing was frozen and no step left out.
pub(super) fn section(view: &View<'_>) -> Option<Markup> {
    let n_skipped: usize = view.run.epochs.iter().map(|epoch| epoch.n_skipped).sum();
    if view.history.unchanged.is_empty() && n_skipped == 0 {
        return None;
    }
    Some(html! {
        ul.findings {
            @for frozen in &view.history.unchanged {
                li { "Frozen weights are what they were: " (counted(frozen.n_tensors, "tensor", "tensors")) ", "
                    (count(frozen.n_values)) " numbers, SHA-256 " code { (frozen.sha256) } "." }
            }
            @if n_skipped > 0 {
                li { (counted(n_skipped, "step was", "steps were")) " skipped: the loss or a gradient was no finite \
                    number. See " code { "skipped" } " in " code { "metrics.jsonl" } "." }
            }
        }
    })
}
