//! `cargo xtask report`: runs proof and campaigns on every instruction set, and makes one page of what they show.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::cargo;
use crate::isa::{Isa, Target};
use crate::setup;

/// Where the page goes.
const PAGE: &str = "docs/verification.html";

/// What the page is made of.
#[derive(Args)]
pub struct Options {
    /// Random cases on each instruction set, beside the listed ones.
    #[arg(long, default_value_t = 2000)]
    cases: u32,
    /// Further campaigns that `depthwise verify --json` has written, with the names of their machines.
    #[arg(long = "with", value_name = "NAME=JSON")]
    others: Vec<String>,
}

/// Runs everything and makes the page.
pub fn run(options: &Options) -> Result<()> {
    let needs: Vec<_> = Target::all().into_iter().flat_map(Target::needs).collect();
    setup::ensure(&needs)?;
    let directory = cargo::target_directory()?.join("report");
    fs::create_dir_all(&directory)?;
    let proof = prove(&directory)?;
    let mut campaigns = Vec::new();
    for isa in Target::all().into_iter().flat_map(Target::isas) {
        campaigns.extend(campaign(isa, options, &directory)?);
    }
    let mut report = cargo::command("run");
    report.args(["--quiet", "-p", "depthwise-report", "--", "--proof"]).arg(proof);
    for tool in tools() {
        report.arg(format!("--with={tool}"));
    }
    report.arg("--output").arg(cargo::root().join(PAGE)).args(campaigns).args(&options.others);
    cargo::run(&mut report)?;
    eprintln!("{PAGE}");
    Ok(())
}

/// Proves all claims, and keeps what the proof prints.
fn prove(directory: &Path) -> Result<PathBuf> {
    let mut command = cargo::command("test");
    command.args(["-p", "depthwise-proof", "--test", "proof", "--", "--nocapture"]);
    cargo::announce(&command);
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "the proof failed: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    let path = directory.join("proof.txt");
    fs::write(&path, output.stdout).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Runs the listed cases, and random ones, on an instruction set: what it ran on, and the reports.
fn campaign(isa: Isa, options: &Options, directory: &Path) -> Result<[String; 2]> {
    let mut build = isa.target().cargo("build")?;
    build.args(cargo::TESTED).args(["-p", cargo::PROGRAM]);
    let program = cargo::build_program(&mut build)?;
    let run = |name: &str, cases: &[&str]| -> Result<String> {
        let json = directory.join(format!("{}-{name}.json", isa.name()));
        // What is not there need not be removed.
        let _ = fs::remove_file(&json);
        let mut command = isa.target().run(&program);
        command.args(["verify", "--isa", isa.name()]).args(cases).arg("--json").arg(&json);
        // A failed check is on the page, which fails then.
        cargo::announce(&command);
        command.status().context("cannot start the program")?;
        Ok(format!("{}={}", machine(isa), json.display()))
    };
    let cases = options.cases.to_string();
    Ok([run("listed", &[])?, run("random", &["--seed", "1", "--cases", &cases])?])
}

/// What an instruction set runs on, in words.
fn machine(isa: Isa) -> &'static str {
    match isa.target() {
        Target::Host => std::env::consts::ARCH,
        Target::Aarch64 => "QEMU, Cortex-A53",
        Target::Wasm | Target::WasmRelaxed => "Node",
    }
}

/// Versions of what compiled and ran it.
fn tools() -> Vec<String> {
    let first = |program: &str, wanted: fn(&str) -> Option<String>| {
        let output = Command::new(program).arg("--version").output().ok()?;
        wanted(String::from_utf8_lossy(&output.stdout).lines().next()?)
    };
    let words = |line: &str| Some(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    let version = |line: &str| Some(format!("QEMU {}", line.split_whitespace().nth(2)?));
    let node = |line: &str| Some(format!("Node {}", line.strip_prefix('v')?));
    let qemu = ["qemu-aarch64-static", "qemu-aarch64"];
    let all = [
        first("rustc", words),
        qemu.iter().find_map(|program| first(program, version)),
        first("node", node),
    ];
    all.into_iter().flatten().collect()
}
