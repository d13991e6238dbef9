//! Runs a target of `crates/fuzz-targets` under libFuzzer.

use std::panic;
use std::sync::Once;

pub use libfuzzer_sys;

/// Runs a target; a panic that reaches this place ends the process, and libFuzzer keeps the input.
///
/// libFuzzer's own hook would end it at panics that umbel catches, those of the tokenizers and the parquet crate.
pub fn run(target: &str, input: &[u8]) {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| panic::set_hook(Box::new(|_| {})));
    let _ = umbel_fuzz_targets::run(target, input);
}

/// The fuzzer of a target.
#[macro_export]
macro_rules! fuzz {
    ($target:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::run($target, input));
    };
}
