//! `umbel info`.

use anyhow::{Result, bail};

use crate::output::Output;

/// info
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel info")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
