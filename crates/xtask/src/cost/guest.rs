//! The program that is counted, under the emulator with the plugin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::emulator::{self, Emulator};
use super::record::Record;
use crate::cargo;
use crate::isa::Target;
use crate::setup::{self, Need};

/// The passes, by the label of their regions.
const PASSES: [&str; 3] = ["forward", "grad_input", "grad_weight"];

/// Where Debian has AArch64's libraries.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// What counting takes.
pub fn needs() -> Vec<Need> {
    let mut needs = Target::Aarch64.build_needs();
    needs.extend(emulator::needs());
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

/// The program and the emulator that it runs in.
pub struct Guest {
    emulator: Emulator,
    program: PathBuf,
}

impl Guest {
    /// Builds both.
    pub fn build() -> Result<Self> {
        setup::ensure(&needs())?;
        let emulator = Emulator::build()?;
        let mut program = Target::Aarch64.cargo("build")?;
        let program = program.args(cargo::TESTED).args(["-p", cargo::PROGRAM]);
        Ok(Self { emulator, program: cargo::build_program(program)? })
    }

    /// The distinct layers of networks.
    pub fn layers(&self, networks: &[String]) -> Result<Vec<Layer>> {
        self.emulate(networks)
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
        self.emulator.counted(Self::libraries(), |command| {
            command.arg(&self.program).arg("mark").args(arguments);
        })
    }

    /// Runs the program without the plugin.
    fn emulate<T: DeserializeOwned>(&self, arguments: &[String]) -> Result<Vec<T>> {
        self.emulator.run(Self::libraries(), |command: &mut Command| {
            command.arg(&self.program).arg("mark").args(arguments);
        })
    }

    fn libraries() -> Option<&'static Path> {
        (!cfg!(target_arch = "aarch64")).then_some(Path::new(LIBRARIES))
    }
}
