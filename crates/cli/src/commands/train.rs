//! `umbel train`.

use anyhow::{Result, bail};

use crate::output::Output;

/// train
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel train")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
