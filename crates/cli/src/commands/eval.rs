//! `umbel eval`.

use anyhow::{Result, bail};

use crate::output::Output;

/// eval
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel eval")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
