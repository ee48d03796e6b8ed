//! `cargo xtask web`: what of this workspace runs in browsers.

mod bindgen;
mod npm;
mod page;
mod size;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Subcommand;

use self::bindgen::{Bindings, Build, RELAXED_SIMD, SIMD128};
use crate::cargo;
use crate::setup::{self, Need};

/// What to do with `web/`.
#[derive(Subcommand)]
pub enum Web {
    /// Build the wasm modules, the npm package and the demo page.
    Build,
    /// Build, and run every test of the package, in Node, Chromium and Firefox, and bundled, and of the page.
    Test,
    /// Build the demo page, serve it and print its address.
    Serve {
        /// Let other devices of the network open it: a phone, for example.
        #[arg(long)]
        host: bool,
    },
}

/// The crate behind the npm package.
const DEPTHWISE: Bindings = Bindings {
    package: "depthwise-web",
    directory: "depthwise/dist/wasm",
    builds: &[
        Build { name: "simd128", features: SIMD128, cfgs: LEAN },
        Build { name: "relaxed-simd", features: RELAXED_SIMD, cfgs: LEAN },
        Build { name: "simd128-all", features: SIMD128, cfgs: ALL },
        Build { name: "relaxed-simd-all", features: RELAXED_SIMD, cfgs: ALL },
    ],
};

/// One instruction set.
const ALL: &[&str] = &["depthwise_web"];

/// And of the tuned kernels, few.
const LEAN: &[&str] = &["depthwise_web", "depthwise_lean"];

/// Does it.
pub fn run(task: &Web) -> Result<()> {
    match task {
        Web::Build => build().map(drop),
        Web::Test => test(),
        Web::Serve { host } => serve(*host),
    }
}

/// What building and testing take.
pub fn needs() -> Vec<Need> {
    let mut needs = bindgen::needs();
    needs.extend([Need::Node, Need::CHROMIUM, Need::FIREFOX]);
    needs
}

/// Builds everything; the modules.
fn build() -> Result<Vec<PathBuf>> {
    setup::ensure(&bindgen::needs())?;
    setup::ensure(&[Need::Node])?;
    npm::install()?;
    let modules = DEPTHWISE.build()?;
    npm::run("depthwise", "build")?;
    page::build()?;
    Ok(modules)
}

/// Builds everything, and runs every test.
fn test() -> Result<()> {
    setup::ensure(&needs())?;
    size::check(&build()?)?;
    prove_few()?;
    count_spills()?;
    npm::run("depthwise", "test")?;
    page::test()
}

/// Proves some claims of the kernels that the small modules have: on this host, where every machine's tiles run.
fn prove_few() -> Result<()> {
    let mut command = cargo::command("test");
    command.args(cargo::TESTED).args(["-p", "depthwise-proof", "--test", "few", "--target-dir"]);
    command.arg(cargo::target_directory()?.join("lean"));
    let cfgs: Vec<_> = LEAN.iter().map(|cfg| format!("--cfg={cfg}")).collect();
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", cfgs.join(" "));
    cargo::run(&mut command)
}

/// Counts what V8 spills of the kernels' sums.
fn count_spills() -> Result<()> {
    let mut node = Command::new("node");
    node.args(["--test", "bench/test/machine-code.test.mjs"]);
    cargo::run(node.current_dir(root()))
}

fn serve(host: bool) -> Result<()> {
    setup::ensure(&bindgen::needs())?;
    setup::ensure(&[Need::Node])?;
    npm::install()?;
    page::build()?;
    page::serve(host)
}

/// The directory of everything for browsers.
fn root() -> PathBuf {
    cargo::root().join("web")
}
