//! The program that is counted, under the emulator with the plugin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, process};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::record::{self, Record};
use crate::cargo;
use crate::isa::Target;
use crate::setup::{self, Need};

/// The core that is emulated; it decides which instructions there are.
const CORE: &str = "cortex-a76";

/// The simulated caches, as the plugin is told.
pub const CACHES: &str = "l1=32768:4,l2=524288:8";

/// The passes, by the label of their regions.
const PASSES: [&str; 3] = ["forward", "grad_input", "grad_weight"];

/// What counting takes.
pub fn needs() -> Vec<Need> {
    let mut needs = Target::Aarch64.build_needs();
    needs.extend([Need::QEMU_WITH_PLUGINS, Need::LLVM]);
    needs
}

/// A distinct layer.
#[derive(Debug, Deserialize)]
pub struct Layer {
    /// What makes it different from others.
    pub shape: String,
    /// The networks that have it, and what they call it.
    pub names: Vec<Name>,
    /// Input channels.
    pub channels: u64,
    /// Multiplications that the definition of any pass has.
    pub products: u64,
    /// Bytes of its tensors: what any pass must move.
    pub bytes: u64,
}

/// A network's name for a layer.
#[derive(Debug, Deserialize)]
pub struct Name {
    /// The network.
    pub network: String,
    /// The layer's name there.
    pub layer: String,
    /// How often the network has it.
    pub count: u64,
}

/// A pass of a layer.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    /// The pass.
    pub pass: String,
    /// Order of the dimensions.
    pub layout: String,
    /// The instance that computes it.
    pub instance: String,
    /// Whether it is the one that the plan chooses.
    pub chosen: bool,
}

/// The program and the plugin, built.
pub struct Guest {
    /// Its path, for it is started without the environment that has the search path.
    emulator: PathBuf,
    program: PathBuf,
    plugin: PathBuf,
}

impl Guest {
    /// Builds both.
    pub fn build() -> Result<Self> {
        setup::ensure(&needs())?;
        let emulator = setup::find("qemu-aarch64").context("no qemu-aarch64")?;
        let help =
            Command::new(&emulator).arg("-h").output().context("cannot start qemu-aarch64")?;
        ensure!(
            String::from_utf8_lossy(&help.stdout).contains("-plugin"),
            "this qemu-aarch64 was built without plugins, as static ones are; Debian 12 has one with them"
        );
        let mut program = Target::Aarch64.cargo("build")?;
        let mut plugin = cargo::command("build");
        Ok(Self {
            emulator,
            program: cargo::build_program(
                program.args(cargo::TESTED).args(["-p", cargo::PROGRAM]),
            )?,
            plugin: cargo::build_library(plugin.args(["--release", "-p", cargo::COUNTER]))?,
        })
    }

    /// The distinct layers of networks.
    pub fn layers(&self, networks: &[String]) -> Result<Vec<Layer>> {
        self.emulate(None, networks)
    }

    /// Counts every pass of the layer with that number among those of [`Self::layers`].
    pub fn count(
        &self,
        networks: &[String],
        number: usize,
        instances: bool,
    ) -> Result<Vec<(Run, Record)>> {
        let mut arguments = networks.to_vec();
        arguments.extend(["--layer".to_owned(), number.to_string()]);
        arguments.extend(instances.then(|| "--instances".to_owned()));
        let (runs, records) = self.counted::<Run>(&arguments)?;
        for (run, record) in runs.iter().zip(&records) {
            let marked = PASSES.get(record.label as usize);
            ensure!(marked == Some(&run.pass.as_str()), "{} was marked {marked:?}", run.pass);
        }
        Ok(runs.into_iter().zip(records).collect())
    }

    /// Counts the loop whose counts are known: these, and what was counted.
    pub fn calibrate(&self) -> Result<(BTreeMap<String, u64>, Record)> {
        let (mut expected, mut records) = self.counted(&["--calibrate".to_owned()])?;
        Ok((expected.pop().context("nothing is known")?, records.pop().context("no record")?))
    }

    /// Runs the program with the plugin: what it prints and the records, one for each line.
    fn counted<T: DeserializeOwned>(&self, arguments: &[String]) -> Result<(Vec<T>, Vec<Record>)> {
        let file = TemporaryFile::new();
        let lines = self.emulate(Some(&file.0), arguments)?;
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

    /// Runs the program, with the plugin if there is a file for its records, and reads the lines
    /// of JSON that it prints. Without variables in its environment, it's always in the same place.
    fn emulate<T: DeserializeOwned>(
        &self,
        records: Option<&Path>,
        arguments: &[String],
    ) -> Result<Vec<T>> {
        let mut command = Command::new(&self.emulator);
        command.args(["-cpu", CORE]);
        if !cfg!(target_arch = "aarch64") {
            command.args(["-L", "/usr/aarch64-linux-gnu"]);
        }
        if let Some(records) = records {
            let (plugin, records) = (self.plugin.display(), records.display());
            command.arg("-plugin").arg(format!("{plugin},out={records},{CACHES}"));
        }
        command.arg(&self.program).arg("mark").args(arguments).env_clear();
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
