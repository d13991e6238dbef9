//! `umbel demo`.

use anyhow::{Result, bail};

use crate::output::Output;

/// demo
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel demo")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
