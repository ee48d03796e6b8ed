//! Development tasks: `cargo xtask help` lists them.

mod asm;
mod careful;
mod cargo;
mod check;
mod cost;
mod fuzz;
mod golden;
mod isa;
mod jobs;
mod miri;
mod mutants;
mod on;
mod peers;
mod performance;
mod report;
mod setup;
mod test;
mod trespass;
mod web;
mod workflows;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::isa::Isa;

/// Development tasks of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Install what building and testing for every instruction set takes.
    Setup,
    /// Build the program `depthwise` for instruction sets and print where it lies.
    Build {
        /// The instruction sets; all if none is named.
        isas: Vec<Isa>,
    },
    /// Run the program `depthwise` on an instruction set, whatever that takes.
    On {
        /// The instruction set.
        isa: Isa,
        /// The program's arguments; `run`, `bench` and `verify` get `--isa ISA` unless given.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run every test on every target and compare the results' bits between them.
    Test(test::Options),
    /// Check formatting, lints, docs, workflows, feature combinations and the builds without std.
    Check,
    /// Count loads, fmas, spills and branches of each kernel and compare them with the budget.
    Asm(asm::Options),
    /// Count what every pass of networks' layers executes on AArch64 and compare with the baseline.
    Cost(cost::Options),
    /// Run proof and campaigns on every instruction set, and make a page of what they show.
    Report(report::Options),
    /// Count what other libraries execute on AArch64.
    Peers(peers::Options),
    /// Make the tables and charts of docs/performance.md from what was counted and measured.
    Performance(performance::Options),
    /// Fuzz the planner, the public interface, the kernels and the reader of case folders.
    Fuzz(fuzz::Options),
    /// Interpret small cases of every kernel, on NEON and on portable lanes, and see undefined behaviour.
    Miri(miri::Options),
    /// Run the libraries' tests and small cases with a standard library that checks more.
    Careful,
    /// Plant bugs in index arithmetic, planner, kernels and public checks, each of which a check must see.
    Mutants(mutants::Options),
    /// What of this workspace runs in browsers: the npm package and the page.
    #[command(subcommand)]
    Web(web::Web),
}

fn main() -> ExitCode {
    let succeeded = |()| ExitCode::SUCCESS;
    let done = match Task::parse() {
        Task::Setup => setup::everything().map(succeeded),
        Task::Build { isas } => on::build_all(&isas).map(succeeded),
        Task::On { isa, args } => on::run(isa, args),
        Task::Test(options) => test::run(&options),
        Task::Check => check::run().map(succeeded),
        Task::Asm(options) => asm::run(&options).map(succeeded),
        Task::Cost(options) => cost::run(&options).map(succeeded),
        Task::Report(options) => report::run(&options).map(succeeded),
        Task::Peers(options) => peers::run(&options).map(succeeded),
        Task::Performance(options) => performance::run(&options).map(succeeded),
        Task::Fuzz(options) => fuzz::run(&options).map(succeeded),
        Task::Miri(options) => miri::run(&options).map(succeeded),
        Task::Mutants(options) => mutants::run(&options).map(succeeded),
        Task::Careful => careful::run().map(succeeded),
        Task::Web(task) => web::run(&task).map(succeeded),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
