//! QEMU with the plugin that counts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, process};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

use super::record::{self, Record};
use crate::cargo;
use crate::setup::{self, Need};

/// The core that is emulated; it decides which instructions there are.
pub const CORE: &str = "cortex-a76";

/// The simulated caches, as the plugin is told: Cortex-A76's (Arm's technical reference manual).
pub const CACHES: &str = "l1=65536:4,l2=524288:8";

/// What counting takes.
pub fn needs() -> [Need; 2] {
    [Need::QEMU_WITH_PLUGINS, Need::LLVM]
}

/// The emulator and the plugin.
pub struct Emulator {
    /// Its path, for it is started without the environment that has the search path.
    program: PathBuf,
    plugin: PathBuf,
}

impl Emulator {
    /// Finds the one and builds the other.
    pub fn build() -> Result<Self> {
        let program = setup::find("qemu-aarch64").context("no qemu-aarch64")?;
        let help =
            Command::new(&program).arg("-h").output().context("cannot start qemu-aarch64")?;
        ensure!(
            String::from_utf8_lossy(&help.stdout).contains("-plugin"),
            "this qemu-aarch64 was built without plugins, as static ones are; Debian 12 has one with them"
        );
        let mut plugin = cargo::command("build");
        let plugin = plugin.args(["--release", "-p", cargo::COUNTER]);
        Ok(Self { program, plugin: cargo::build_library(plugin)? })
    }

    /// Runs the program that `arrange` adds to the command and reads the lines of JSON that it prints.
    /// Without variables in its environment, it's always in the same place. Absolute paths are
    /// looked up in `root` first.
    pub fn run<T: DeserializeOwned>(
        &self,
        root: Option<&Path>,
        arrange: impl FnOnce(&mut Command),
    ) -> Result<Vec<T>> {
        self.emulate(None, root, arrange)
    }

    /// Like [`Self::run`], with the plugin: the lines and the records, one for each line.
    pub fn counted<T: DeserializeOwned>(
        &self,
        root: Option<&Path>,
        arrange: impl FnOnce(&mut Command),
    ) -> Result<(Vec<T>, Vec<Record>)> {
        let file = TemporaryFile::new();
        let lines = self.emulate(Some(&file.0), root, arrange)?;
        let text = fs::read_to_string(&file.0).context("the plugin left no records")?;
        let records = record::parse(&text)?;
        ensure!(
            lines.len() == records.len(),
            "{} regions were marked, {} counted",
            lines.len(),
            records.len()
        );
        Ok((lines, records))
    }

    fn emulate<T: DeserializeOwned>(
        &self,
        records: Option<&Path>,
        root: Option<&Path>,
        arrange: impl FnOnce(&mut Command),
    ) -> Result<Vec<T>> {
        let mut command = Command::new(&self.program);
        command.args(["-cpu", CORE]).env_clear();
        if let Some(root) = root {
            command.arg("-L").arg(root);
        }
        if let Some(records) = records {
            let (plugin, records) = (self.plugin.display(), records.display());
            command.arg("-plugin").arg(format!("{plugin},out={records},{CACHES}"));
        }
        arrange(&mut command);
        let output = command.output().context("cannot start qemu-aarch64")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "qemu-aarch64 failed: {}", complaint.trim());
        let text = String::from_utf8(output.stdout)?;
        let lines = text.lines().map(|line| serde_json::from_str(line).context(line.to_owned()));
        lines.collect()
    }
}

/// A file of this process, removed in the end.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("depthwise-cost-{}-{number}", process::id())))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // If it can't be removed, it's no harm.
        let _ = fs::remove_file(&self.0);
    }
}
