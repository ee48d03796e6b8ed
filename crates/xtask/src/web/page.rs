//! The demo page: the module that it computes with, and what a browser loads.

use anyhow::Result;

use super::bindgen::{Bindings, Build, RELAXED_SIMD, SIMD128};
use super::npm;

/// The crate that the page computes with.
const ENGINE: Bindings = Bindings {
    package: "depthwise-engine",
    directory: "engine/dist",
    builds: &[
        Build { name: "simd128", features: SIMD128, cfgs: &[] },
        Build { name: "relaxed-simd", features: RELAXED_SIMD, cfgs: &[] },
    ],
};

/// The page's npm workspace.
const PAGE: &str = "page";

/// Builds the page; npm's packages are there.
pub fn build() -> Result<()> {
    ENGINE.build()?;
    npm::run(PAGE, "check")?;
    npm::run(PAGE, "build")
}

/// Tests the page that is built, in a browser.
pub fn test() -> Result<()> {
    npm::run(PAGE, "test")
}

/// Serves the page that is built, and prints its address. With `host`, to the whole network.
pub fn serve(host: bool) -> Result<()> {
    npm::run(PAGE, if host { "serve:host" } else { "serve" })
}
