//! Calling cargo on this workspace.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The libraries, which are for every target.
pub const LIBRARIES: [&str; 4] =
    ["depthwise-description", "depthwise-lanes", "depthwise-kernels", "depthwise"];

/// The public one among them.
pub const PUBLIC: &str = "depthwise";

/// The package of the program `depthwise`.
pub const PROGRAM: &str = "depthwise-cli";

/// The package of the plugin that counts for `cargo xtask cost`.
pub const COUNTER: &str = "depthwise-counter";

/// The package that judges them all.
pub const VERIFICATION: &str = "depthwise-verification";

/// Our code as released, the code of others compiled soon.
pub const TESTED: [&str; 2] = ["--profile", "tested"];

/// The workspace's root directory.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.ancestors().nth(2).expect("crates/xtask is two levels below the root")
}

/// `cargo SUBCOMMAND` at the workspace's root, with the cargo that started this program.
pub fn command(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).current_dir(root());
    // A relative one means relative to the caller's directory.
    if let Some(directory) = env::var_os("CARGO_TARGET_DIR")
        && let Ok(absolute) = std::path::absolute(directory)
    {
        command.env("CARGO_TARGET_DIR", absolute);
    }
    command
}

/// What `cargo metadata` says of the workspace and its members.
pub fn metadata() -> Result<Value> {
    let output = command("metadata")
        .args(["--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo metadata failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The directory builds go to.
pub fn target_directory() -> Result<PathBuf> {
    let metadata = metadata()?;
    Ok(metadata["target_directory"].as_str().context("no target_directory in metadata")?.into())
}

/// Runs `command`, a `cargo build` that makes one program, and finds the program. Prints to stderr
/// only.
pub fn build_program(command: &mut Command) -> Result<PathBuf> {
    let program = build(command, program)?.into_values().next();
    program.context("the build made no program")
}

/// Runs `command`, a `cargo build`, and finds the programs it made, by name.
pub fn build_programs(command: &mut Command) -> Result<BTreeMap<String, PathBuf>> {
    build(command, program)
}

fn program(message: &Value) -> Option<&str> {
    message["executable"].as_str()
}

/// Runs `command`, a `cargo build` that makes one dynamic library, and finds it.
pub fn build_library(command: &mut Command) -> Result<PathBuf> {
    let made = build(command, |message| {
        let dynamic = message["target"]["crate_types"][0] == "cdylib";
        message["filenames"][0].as_str().filter(|_| dynamic)
    })?;
    made.into_values().next().context("the build made no dynamic library")
}

/// Runs `command`, a `cargo build`, and finds what it made: all that `wanted` finds in messages, by name.
fn build(
    command: &mut Command,
    wanted: fn(&Value) -> Option<&str>,
) -> Result<BTreeMap<String, PathBuf>> {
    let output = command
        .args(["--quiet", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the build failed");
    let mut all = BTreeMap::new();
    for line in output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line)?;
        if let (Some(made), Some(name)) = (wanted(&message), message["target"]["name"].as_str()) {
            all.insert(name.to_owned(), made.into());
        }
    }
    Ok(all)
}

/// Runs `command`, saying which on stderr, and fails if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    announce(command);
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "`{}` failed", line(command));
    Ok(())
}

/// Prints `command` to stderr.
pub fn announce(command: &Command) {
    eprintln!("\n$ {}", line(command));
}

/// `-p PACKAGE` for each of `packages`.
pub fn select<'a>(packages: &'a [&str]) -> impl Iterator<Item = &'a str> {
    packages.iter().flat_map(|package| ["-p", package])
}

/// `command` as it would be typed.
pub fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}
