//! `cargo xtask check`: everything short of running.

use anyhow::{Context, Result};

use crate::cargo;
use crate::isa::Target;
use crate::setup::{self, Need};
use crate::workflows;

/// Targets without an operating system; the first has no std at all.
const BARE_TARGETS: [&str; 2] = ["aarch64-unknown-none", "wasm32-unknown-unknown"];

/// What the checks take.
pub fn needs() -> Vec<Need> {
    let mut needs = vec![Need::RUSTFMT, Need::CLIPPY, Need::Node];
    needs.extend(BARE_TARGETS.map(Need::RustTarget));
    needs.extend(Target::all().into_iter().flat_map(Target::build_needs));
    needs
}

/// Runs all checks, up to the first that fails.
pub fn run() -> Result<()> {
    setup::ensure(&needs())?;
    cargo::run(cargo::command("fmt").args(["--all", "--check"]))?;
    workflows::check()?;
    clippy()?;
    let mut doc = cargo::command("doc");
    doc.args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    cargo::run(&mut doc)?;
    for target in BARE_TARGETS {
        let mut check = cargo::command("check");
        check.args(["-p", cargo::PUBLIC, "--no-default-features", "--target", target]);
        cargo::run(check.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    }
    Ok(())
}

/// Lints the workspace on this machine, what's built for every target on each, and every
/// combination of features of the public crate.
fn clippy() -> Result<()> {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    cargo::run(cargo::command("clippy").args(["--workspace", "--all-targets"]).args(DENY))?;
    for target in Target::all().into_iter().filter(|&target| target != Target::Host) {
        let mut command = target.cargo("clippy")?;
        command.args(cargo::select(&cargo::LIBRARIES)).arg("--all-targets");
        command.args(cargo::select(&[cargo::PROGRAM, cargo::VERIFICATION]));
        cargo::run(command.args(DENY))?;
    }
    for features in combinations(&features(cargo::PUBLIC)?) {
        let mut command = cargo::command("clippy");
        command.args(["-p", cargo::PUBLIC, "--no-default-features"]);
        cargo::run(command.arg(format!("--features={features}")).args(DENY))?;
    }
    Ok(())
}

/// The features `package` declares, but for the default set.
fn features(package: &str) -> Result<Vec<String>> {
    let metadata = cargo::metadata()?;
    let packages = metadata["packages"].as_array().context("no packages in metadata")?;
    let package = packages
        .iter()
        .find(|candidate| candidate["name"] == package)
        .with_context(|| format!("no package {package}"))?;
    let features = package["features"].as_object().context("no features in metadata")?;
    Ok(features.keys().filter(|&name| name != "default").cloned().collect())
}

/// Every subset of `features`, each as a list with commas.
fn combinations(features: &[String]) -> Vec<String> {
    let mut subsets = vec![Vec::new()];
    for feature in features {
        let with: Vec<_> = subsets
            .iter()
            .map(|subset| [subset.as_slice(), &[feature.as_str()]].concat())
            .collect();
        subsets.extend(with);
    }
    subsets.iter().map(|subset| subset.join(",")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_all_subsets() {
        assert_eq!(combinations(&[]), [""]);
        let features = ["ndarray".to_owned(), "std".to_owned()];
        assert_eq!(combinations(&features), ["", "ndarray", "std", "ndarray,std"]);
    }
}
