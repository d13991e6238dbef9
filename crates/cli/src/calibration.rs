//! What calibration has found, for people.

use umbel::task::Calibrated;

use crate::numbers::{count, decimal};
use crate::tables::Align::{Left, Right};
use crate::tables::{row, table};

/// Temperatures with the errors before and after, then thresholds and abstention of each task that has some.
pub(crate) fn table_of(found: &[Calibrated]) -> String {
    let mut rows = vec![row(&["task", "answers", "temperature", "ECE", "after", "log loss", "after"])];
    let number = |x: f64| decimal(Some(x));
    rows.extend(found.iter().map(|task| {
        vec![
            task.task.clone(),
            count(task.n),
            number(f64::from(task.temperature)),
            number(task.before.ece),
            number(task.after.ece),
            number(task.log_loss_before),
            number(task.log_loss_after),
        ]
    }));
    let mut shown = table(&[Left, Right], &rows);
    for task in found {
        if let Some(abstention) = &task.abstention {
            shown += &format!(
                "\n{}: answers below {:.4} are abstained from; {:.1} % are answered, of which {} are right (of all {})\n",
                task.task,
                abstention.below,
                100.0 * abstention.coverage,
                percent(abstention.accuracy),
                percent(abstention.accuracy_of_all)
            );
        }
        if !task.thresholds.is_empty() {
            let mut rows = vec![row(&["label", "threshold", "precision", "recall"])];
            rows.extend(task.thresholds.iter().map(|label| {
                let threshold = number(f64::from(label.threshold));
                vec![label.label.clone(), threshold, decimal(label.precision), decimal(label.recall)]
            }));
            shown += &format!("\n{}\n\n{}", task.task, table(&[Left, Right], &rows));
        }
    }
    shown
}

fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_string(), |share| format!("{:.1} %", 100.0 * share))
}
