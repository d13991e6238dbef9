//! What an audit found: each task alone and together with the others.

use maud::{Markup, html};

use crate::report::View;
use crate::report::numbers::{count, decimal, metric_name};
use crate::report::page::{plain, table};
use crate::train::audit::{Transfer, Verdict};

/// The tables and the advice; none of a run without an audit.
pub(super) fn section(view: &View<'_>) -> Option<Markup> {
    let audit = view.audit.as_ref()?;
    Some(html! {
        (transfers(&audit.joint))
        @if !audit.pairs.is_empty() { h3 { "Pairs of tasks" } (transfers(&audit.pairs)) }
        ul.findings { @for advice in &audit.advice { li { bdi { (plain(advice)) } } } }
        p.note { "Each task was trained alone with the same rows, order and number of steps. The scores are those of the "
            (audit.split) " rows; an interval holds the difference with 95 % certainty as far as these rows tell." }
    })
}

fn transfers(found: &[Transfer]) -> Markup {
    let header = ["task", "with", "metric", "rows", "alone", "together", "difference", "interval", "sharing"];
    let row = |transfer: &Transfer| {
        let [low, high] = transfer.interval;
        let verdict = match transfer.verdict {
            Verdict::Helps => "helps",
            Verdict::Hurts => "hurts",
            Verdict::Unclear => "unclear",
        };
        vec![
            transfer.task.clone(),
            transfer.with.join(", "),
            metric_name(&transfer.metric),
            count(transfer.n),
            decimal(Some(transfer.alone)),
            decimal(Some(transfer.together)),
            format!("{:+.4}", transfer.difference),
            format!("{low:+.4} … {high:+.4}"),
            verdict.to_string(),
        ]
    };
    table(&header, &found.iter().map(row).collect::<Vec<_>>())
}
