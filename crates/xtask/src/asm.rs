//! `cargo xtask asm`: what the compiler made of each kernel, held against a committed budget.
//!
//! The public crate instantiates every kernel, so its assembly has them all, one function each.
//! Of a kernel, the budget has its *hot loop*, the one for full vectors in the interior, and the
//! spills of all its loops, those for partial vectors and clipped windows included.

pub mod aarch64;
mod budget;
mod code;
mod listing;
mod wasm;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::budget::{Budget, Key};
use self::code::Code;
use crate::cargo;
use crate::isa::Target;
use crate::setup::{self, Need};

/// The committed budget.
const BUDGET: &str = "crates/kernels/asm-budget.tsv";

/// What to do with the counts.
#[derive(Args)]
pub struct Options {
    /// Make today's counts the budget.
    #[arg(long)]
    bless: bool,
    /// Fail also where a kernel is better than its budget.
    #[arg(long)]
    strict: bool,
    /// Print the counts of every kernel: its hot loop's and, in brackets, the whole function's.
    #[arg(long)]
    list: bool,
    /// Print the assembly of the kernels whose names contain this, with the hot loop marked.
    #[arg(long, value_name = "NAME")]
    show: Option<String>,
}

/// A target whose kernels have a budget.
struct Machine {
    /// The name in the budget.
    name: &'static str,
    target: Target,
    /// The lane token the kernels are instantiated with.
    token: &'static str,
    parse: fn(&[&str]) -> Result<Code>,
}

const MACHINES: [Machine; 2] = [
    Machine { name: "aarch64", target: Target::Aarch64, token: "Neon", parse: aarch64::parse },
    Machine { name: "wasm32", target: Target::Wasm, token: "Simd128", parse: wasm::parse },
];

/// Counts, and compares, blesses or prints as `options` ask.
pub fn run(options: &Options) -> Result<()> {
    let mut counted = Budget::default();
    for machine in &MACHINES {
        let path = compile(machine)?;
        let assembly = fs::read_to_string(&path)
            .with_context(|| format!("no assembly in {}", path.display()))?;
        let kernels = kernels(machine, &assembly)?;
        ensure!(!kernels.is_empty(), "no kernel for {} in {}", machine.token, path.display());
        for (name, code) in &kernels {
            let (hot, whole) = (code.hot_loop(), code.total());
            ensure!(whole.fmas > 0, "{name} has no fma on {}", machine.name);
            if options.list {
                println!("{} {name}: {} [{whole}]", machine.name, code.sum(&hot));
            }
            if options.show.as_ref().is_some_and(|part| name.contains(part)) {
                println!("{name} on {}:\n{}", machine.name, code.marked(&hot));
            }
            counted.insert(Key::new(machine.name, name), code.sum(&hot), whole);
        }
    }
    judge(&counted, options)
}

fn judge(counted: &Budget, options: &Options) -> Result<()> {
    let path = cargo::root().join(BUDGET);
    if options.bless {
        fs::write(&path, counted.to_string())?;
        println!("{} kernels blessed", counted.len());
        return Ok(());
    }
    let text = fs::read_to_string(&path)
        .with_context(|| format!("no {BUDGET}; make one with `cargo xtask asm --bless`"))?;
    let budget: Budget = text.parse().context(BUDGET)?;
    let verdict = budget.judge(counted);
    for better in &verdict.better {
        println!("better than budgeted, bless it: {better}");
    }
    for worse in &verdict.worse {
        println!("FAILED: {worse}");
    }
    let failed = verdict.worse.len() + if options.strict { verdict.better.len() } else { 0 };
    if failed > 0 {
        bail!("{failed} findings against {BUDGET}; if they're meant, `cargo xtask asm --bless`");
    }
    println!("{} kernels within budget", counted.len());
    Ok(())
}

/// Compiles the public crate to assembly, as released but without link-time optimisation, which
/// would leave the last passes to a later link.
fn compile(machine: &Machine) -> Result<PathBuf> {
    let triple = machine.target.triple().context("assembly is compiled for a triple")?;
    setup::ensure(&[Need::RustTarget(triple)])?;
    let directory = cargo::target_directory()?.join("asm");
    fs::create_dir_all(&directory)?;
    let path = directory.join(format!("{}.s", machine.name));
    let mut command = machine.target.cargo("rustc")?;
    command.args(["--quiet", "--release", "-p", cargo::PUBLIC, "--lib"]);
    command.args(["--config", r#"profile.release.lto="off""#]);
    command.args(["--", "-Csymbol-mangling-version=v0"]);
    command.arg(format!("--emit=asm={}", path.display()));
    cargo::run(&mut command)?;
    Ok(path)
}

/// The kernels in `assembly`, by name.
fn kernels(machine: &Machine, assembly: &str) -> Result<BTreeMap<String, Code>> {
    let mut kernels = BTreeMap::new();
    for function in listing::functions(assembly) {
        let Some(name) = listing::kernel(function.symbol, machine.token) else { continue };
        let code = (machine.parse)(&function.body).with_context(|| name.clone())?;
        if name.starts_with("grad_weight_") && code.total().fmas == 0 {
            // Only calls the function that has the loops.
            continue;
        }
        ensure!(kernels.insert(name.clone(), code).is_none(), "{name} is instantiated twice");
    }
    Ok(kernels)
}
