//! `umbel tokenize`.

use anyhow::{Result, bail};

use crate::output::Output;

/// tokenize
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel tokenize")]
pub struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<()> {
    bail!("not there yet")
}
