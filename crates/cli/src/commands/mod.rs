//! The commands, a file each.

mod calibrate;
mod check;
mod demo;
mod distill;
mod embed;
mod eval;
mod head;
mod info;
mod predict;
mod serve;
mod synth;
mod tokenize;
mod train;

use anyhow::Result;

use crate::output::Output;

/// What umbel is to do.
#[derive(clap::Subcommand)]
pub enum Command {
    Demo(demo::Args),
    Distill(distill::Args),
    Synth(synth::Args),
    Check(check::Args),
    Train(train::Args),
    Eval(eval::Args),
    Calibrate(calibrate::Args),
    Head(head::Args),
    Predict(predict::Args),
    Embed(embed::Args),
    Serve(serve::Args),
    Tokenize(tokenize::Args),
    Info(info::Args),
}

impl Command {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<()> {
        match self {
            Self::Demo(args) => demo::run(args, output),
            Self::Distill(args) => distill::run(args, output),
            Self::Synth(args) => synth::run(args, output),
            Self::Check(args) => check::run(args, output),
            Self::Train(args) => train::run(args, output),
            Self::Eval(args) => eval::run(args, output),
            Self::Calibrate(args) => calibrate::run(args, output),
            Self::Head(args) => head::run(args, output),
            Self::Predict(args) => predict::run(args, output),
            Self::Embed(args) => embed::run(args, output),
            Self::Serve(args) => serve::run(args, output),
            Self::Tokenize(args) => tokenize::run(args, output),
            Self::Info(args) => info::run(args, output),
        }
    }
}
