//! Stopping on Ctrl-C and SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};

/// The exit code of a process that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// What the signals have raised; one for the whole process, which can have one handler only.
static RAISED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Becomes true at the first Ctrl-C or SIGTERM; the second one ends the process. The same value each time it is asked for.
pub(crate) fn on_signal() -> Result<Arc<AtomicBool>> {
    if let Some(raised) = RAISED.get() {
        return Ok(Arc::clone(raised));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    let handler = move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        eprintln!("\nfinishing this step and writing a checkpoint; again to end at once");
    };
    ctrlc::set_handler(handler).context("signals cannot be caught")?;
    Ok(Arc::clone(RAISED.get_or_init(|| stop)))
}
