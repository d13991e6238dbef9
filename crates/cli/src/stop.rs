//! Stopping on Ctrl-C and SIGTERM.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// The exit code of a process that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Becomes true at the first Ctrl-C or SIGTERM; the second one ends the process.
pub(crate) fn on_signal() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    let handler = move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        eprintln!("\nfinishing this step and writing a checkpoint; again to end at once");
    };
    ctrlc::set_handler(handler).context("signals cannot be caught")?;
    Ok(stop)
}
