//! `umbel embed`.

use anyhow::{Result, bail};

use crate::output::Output;

/// embed
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel embed")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
