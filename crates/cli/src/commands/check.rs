//! `umbel check`.

use anyhow::{Result, bail};

use crate::output::Output;

/// check
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel check")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
