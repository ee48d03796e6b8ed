//! The program `depthwise`: runs, checks and times depthwise convolutions.
//!
//! Exit codes: 0 if all went well, 1 for a failure (a failed check is one), 2 for wrong usage.

mod bench;
mod cases;
mod check;
mod checked;
mod files;
mod kernels;
#[cfg(target_arch = "aarch64")]
mod mark;
mod memory;
mod networks;
mod npy;
mod options;
mod plain;
mod progress;
mod report;
mod roofline;
mod run;
mod svg;
mod table;
mod threads;
mod timing;
mod tune;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Depthwise convolutions for AArch64, WebAssembly and everything else
#[derive(Parser)]
#[command(name = "depthwise", version)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Bench(bench::Args),
    Verify(verify::Args),
    Kernels(kernels::Args),
    Tune(tune::Args),
    #[cfg(target_arch = "aarch64")]
    Mark(mark::Args),
}

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = match Program::parse().command {
        Command::Run(args) => run::run(&args, &mut out),
        Command::Bench(args) => bench::run(&args, &mut out),
        Command::Verify(args) => verify::run(&args, &mut out),
        Command::Kernels(args) => kernels::run(&args, &mut out),
        Command::Tune(args) => tune::run(&args, &mut out),
        #[cfg(target_arch = "aarch64")]
        Command::Mark(args) => mark::run(&args, &mut out),
    };
    match done.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(wrong_usage) => wrong_usage.exit(),
            Err(error) => {
                eprintln!("error: {}", one_line(&error));
                ExitCode::FAILURE
            }
        },
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// An error and its causes in one line.
fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}
