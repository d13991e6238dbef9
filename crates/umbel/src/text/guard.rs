//! Panics of the tokenizers crate become errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the tokenizers crate, which panics on some files and texts, and makes that an error too.
pub(super) fn guard<T, E: ToString>(run: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(panic_message(&*panic)),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked").to_string()
}
