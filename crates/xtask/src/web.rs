//! `cargo xtask web`: what of this workspace runs in browsers.

mod bindgen;
mod npm;
mod size;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use self::bindgen::{Bindings, Build};
use crate::cargo;
use crate::setup::{self, Need};

/// What to do with `web/`.
#[derive(Subcommand)]
pub enum Web {
    /// Build the wasm modules and the npm package.
    Build,
    /// Build, and run every test of the package: in Node, Chromium and Firefox, and bundled.
    Test,
}

/// The crate behind the npm package.
const DEPTHWISE: Bindings = Bindings {
    package: "depthwise-web",
    directory: "depthwise/dist/wasm",
    builds: &[
        Build { name: "simd128", features: SIMD128, lean: true },
        Build { name: "relaxed-simd", features: RELAXED_SIMD, lean: true },
        Build { name: "simd128-all", features: SIMD128, lean: false },
        Build { name: "relaxed-simd-all", features: RELAXED_SIMD, lean: false },
    ],
};

const SIMD128: &str = "+simd128";
const RELAXED_SIMD: &str = "+simd128,+relaxed-simd";

/// Does it.
pub fn run(task: &Web) -> Result<()> {
    match task {
        Web::Build => build().map(drop),
        Web::Test => test(),
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
    Ok(modules)
}

fn test() -> Result<()> {
    setup::ensure(&needs())?;
    size::check(&build()?)?;
    npm::run("depthwise", "test")
}

/// The directory of everything for browsers.
fn root() -> PathBuf {
    cargo::root().join("web")
}
