//! The umbel command line. Results go to stdout, progress and warnings to stderr.
#![forbid(unsafe_code)]
#![allow(unreachable_pub, reason = "nothing can reach into a program")]

mod audit;
mod calibration;
mod commands;
mod embeddings;
mod model;
mod numbers;
mod output;
mod precision;
mod predictions;
mod progress;
mod prompt;
mod report;
mod sink;
mod stop;
mod stream;
mod tables;
mod text_progress;
mod texts;
mod truncation;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// Grow many answers from one pretrained text encoder.
///
/// umbel trains several task heads on a shared sentence embedding, and serves the embedding and every answer
/// from one pass through the encoder.
#[derive(Parser)]
#[command(name = "umbel", version, after_help = "Example:\n  umbel demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten, next_help_heading = "Global options")]
    global: Global,
}

/// What every command takes.
#[derive(clap::Args)]
struct Global {
    /// Print results as JSON.
    #[arg(long, global = true)]
    json: bool,

    /// Threads to compute with; all cores if missing.
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,

    /// Print no progress.
    #[arg(long, short, global = true)]
    quiet: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", message(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Some(threads) = cli.global.threads {
        umbel::set_threads(threads)?;
    }
    let output = output::Output::new(cli.global.json, cli.global.quiet);
    cli.command.run(&output)
}

/// The error and its causes, but for those that it names itself.
fn message(error: &anyhow::Error) -> String {
    error.chain().skip(1).fold(error.to_string(), |message, cause| {
        let cause = cause.to_string();
        if message.contains(&cause) { message } else { format!("{message}: {cause}") }
    })
}

/// True if whoever read our output has gone, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(closed))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_an_example() {
        let cli = super::Cli::command();
        cli.clone().debug_assert();
        for command in cli.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("umbel "), "`{}` has no example", command.get_name());
        }
    }
}
