//! What an audit has found, for people.

use umbel::train::audit::{Audit, Transfer, Verdict};

use crate::numbers::{count, decimal};
use crate::report::metric_name;
use crate::tables::Align::{Left, Right};
use crate::tables::{row, table};

/// The tables of the joint model and of pairs, and the advice.
pub(crate) fn table_of(audit: &Audit) -> String {
    let title =
        format!("does sharing help? ({} rows, 95 % intervals of a paired bootstrap)\n\n", audit.split);
    let mut shown = title + &transfers(&audit.joint);
    if !audit.pairs.is_empty() {
        shown += &format!("\n{}", transfers(&audit.pairs));
    }
    shown += "\n";
    audit.advice.iter().for_each(|advice| shown += &format!("  {advice}\n"));
    shown
}

fn transfers(found: &[Transfer]) -> String {
    let mut rows = vec![row(&[
        "task",
        "with",
        "metric",
        "rows",
        "alone",
        "together",
        "difference",
        "interval",
        "sharing",
    ])];
    rows.extend(found.iter().map(|transfer| {
        let Transfer { interval: [low, high], .. } = transfer;
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
    }));
    table(&[Left, Left, Left, Right, Right, Right, Right, Right, Left], &rows)
}
