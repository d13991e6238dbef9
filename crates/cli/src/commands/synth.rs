//! `umbel synth`.

use anyhow::{Result, bail};

use crate::output::Output;

/// synth
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel synth")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
