//! `umbel predict`.

use anyhow::{Result, bail};

use crate::output::Output;

/// predict
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel predict")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
