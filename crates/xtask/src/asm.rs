//! `cargo xtask asm`: what the compiler made of each kernel, held against a committed budget.
//!
//! The public crate instantiates every kernel, so its assembly has them all: for each instance of the
//! table a function, and those that it calls. Of a kernel, the budget has its *hot loop*, the one for full
//! vectors in the interior, and the spills of all its loops, those for partial vectors and clipped
//! windows included.

pub mod aarch64;
mod budget;
mod code;
mod in_order;
mod listing;
mod wasm;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use depthwise_description::{INSTANCES, Instance, Pass};

use self::budget::{Budget, Key};
use self::code::Code;
use self::in_order::InOrder;
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
    /// Print the counts of every kernel: its hot loop's and, in brackets, the whole kernel's.
    #[arg(long)]
    list: bool,
    /// Print what matters to in-order cores: loads and other instructions for each fma in the hot loop, and
    /// how many fmas can be in flight.
    #[arg(long)]
    in_order: bool,
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
    let mut in_order = InOrder::default();
    for machine in &MACHINES {
        let path = compile(machine)?;
        let assembly = fs::read_to_string(&path)
            .with_context(|| format!("no assembly in {}", path.display()))?;
        let kernels = kernels(machine, &assembly).with_context(|| path.display().to_string())?;
        for (name, code) in &kernels {
            let (hot, whole) = (code.hot_loop(), code.total());
            let (counts, chains) = (code.sum(&hot), code.chains(&hot));
            ensure!(whole.fmas > 0, "{name} has no fma on {}", machine.name);
            if options.list {
                println!("{} {name}: {counts} [{whole}]", machine.name);
            }
            if options.show.as_ref().is_some_and(|part| name.contains(part)) {
                println!("{name} on {}:\n{}", machine.name, code.marked(&hot));
            }
            if machine.target == Target::Aarch64 {
                in_order.add(name, counts, chains);
            }
            counted.insert(Key::new(machine.name, name), counts, chains, whole);
        }
    }
    if options.in_order {
        print!("{in_order}");
    }
    in_order.check()?;
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

/// The kernels in `assembly`, by name: each instance's function with all that it calls, for the compiler
/// is free to leave loops in functions of their own.
fn kernels(machine: &Machine, assembly: &str) -> Result<BTreeMap<&'static str, Code>> {
    let names: Vec<_> = INSTANCES.iter().map(|instance| instance.name).collect();
    let functions = listing::functions(assembly);
    let mut kernels = BTreeMap::new();
    for (index, function) in functions.iter().enumerate() {
        let Some(name) = listing::kernel(function.symbol, &names, machine.token) else { continue };
        let reachable = listing::reachable(&functions, index).into_iter();
        let codes = reachable.map(|index| (machine.parse)(&functions[index].body));
        let code = Code::join(codes.collect::<Result<Vec<_>>>().context(name)?);
        ensure!(kernels.insert(name, code).is_none(), "{name} is instantiated twice");
    }
    let missing: Vec<_> = names
        .into_iter()
        .filter(|name| !kernels.contains_key(name) && !may_be_merged(machine, name))
        .collect();
    ensure!(missing.is_empty(), "not instantiated on {}: {}", machine.name, missing.join(", "));
    Ok(kernels)
}

/// Whether LLVM may keep one function of this instance and another: WebAssembly takes one vector at a time, so that weight gradients of two
/// side by side are those of one.
fn may_be_merged(machine: &Machine, name: &str) -> bool {
    let is_one =
        |instance: &Instance| instance.pass == Pass::GradWeight && instance.is_side_by_side();
    machine.target == Target::Wasm && Instance::by_name(name).is_some_and(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_without_a_function_is_an_error() {
        for machine in &MACHINES {
            let error =
                kernels(machine, "_RNvC1a1b:\n\tret\n.Lfunc_end0:\n").unwrap_err().to_string();
            let names = INSTANCES.iter().map(|instance| instance.name);
            let names: Vec<_> = names.filter(|name| !may_be_merged(machine, name)).collect();
            assert_eq!(names.len() == INSTANCES.len(), machine.target != Target::Wasm);
            assert_eq!(
                error,
                format!("not instantiated on {}: {}", machine.name, names.join(", "))
            );
        }
    }
}
