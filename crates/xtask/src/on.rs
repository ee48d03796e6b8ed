//! `cargo xtask build` and `cargo xtask on`: the program `depthwise` on any instruction set.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::cargo;
use crate::isa::{Isa, Target};
use crate::setup;

/// Subcommands of `depthwise` that take `--isa`.
const COMPUTING: [&str; 3] = ["run", "bench", "verify"];

/// Builds the program for `isas`, or for all if there are none, and prints the paths.
pub fn build_all(isas: &[Isa]) -> Result<()> {
    for isa in if isas.is_empty() { Isa::value_variants() } else { isas } {
        setup::ensure(&isa.target().build_needs())?;
        println!("{}", build(isa.target())?.display());
    }
    Ok(())
}

/// Builds the program for `isa` and runs it there with `args`; its exit code is the result.
pub fn run(isa: Isa, args: Vec<OsString>) -> Result<ExitCode> {
    setup::ensure(&isa.target().needs())?;
    let program = build(isa.target())?;
    let mut command = isa.target().run(&program);
    command.args(with_isa(isa, args));
    execute(command)
}

/// Builds the program for `target`.
pub fn build(target: Target) -> Result<PathBuf> {
    cargo::build_program(target.cargo("build")?.args(["--release", "-p", cargo::PROGRAM]))
}

/// `args` with `--isa` after a subcommand that takes it, unless the caller chose one.
fn with_isa(isa: Isa, mut args: Vec<OsString>) -> Vec<OsString> {
    let computing = args.first().is_some_and(|first| COMPUTING.iter().any(|name| first == name));
    let chosen = args
        .iter()
        .take_while(|&argument| argument != "--")
        .any(|argument| argument == "--isa" || argument.to_string_lossy().starts_with("--isa="));
    if computing && !chosen {
        args.splice(1..1, ["--isa".into(), isa.name().into()]);
    }
    args
}

/// Becomes the program, so that signals and exit codes are its own.
#[cfg(unix)]
fn execute(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error: io::Error = command.exec();
    Err(error).with_context(|| format!("cannot run {}", command.get_program().display()))
}

#[cfg(not(unix))]
fn execute(mut command: Command) -> Result<ExitCode> {
    let status: io::Result<_> = command.status();
    let status =
        status.with_context(|| format!("cannot run {}", command.get_program().display()))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(args: &[&str]) -> Vec<String> {
        let args = args.iter().map(OsString::from).collect();
        let args = with_isa(Isa::Neon, args);
        args.into_iter().map(|argument| argument.into_string().unwrap()).collect()
    }

    #[test]
    fn computing_subcommands_get_the_instruction_set() {
        assert_eq!(after(&["run", "--cases", "IN"]), ["run", "--isa", "neon", "--cases", "IN"]);
        assert_eq!(after(&["bench"]), ["bench", "--isa", "neon"]);
    }

    #[test]
    fn an_explicit_instruction_set_stays() {
        assert_eq!(after(&["run", "--isa", "auto"]), ["run", "--isa", "auto"]);
        assert_eq!(after(&["run", "--isa=auto"]), ["run", "--isa=auto"]);
        assert_eq!(after(&["run", "--", "--isa"]), ["run", "--isa", "neon", "--", "--isa"]);
    }

    #[test]
    fn other_arguments_stay() {
        assert_eq!(after(&[]), [""; 0]);
        assert_eq!(after(&["kernels", "run"]), ["kernels", "run"]);
        assert_eq!(after(&["--help"]), ["--help"]);
    }
}
