//! `cargo xtask peers`: other libraries' kernels for AArch64, counted like our own.
//!
//! Their wheels for AArch64 run under `qemu-aarch64` with the plugin `depthwise-counter`, called from
//! Python: verification/peers/aarch64 has the calls and checks each result in f64 first.

mod table;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde::Deserialize;

pub use self::table::{CALL, Row, Table};
use crate::cargo;
use crate::cost::emulator::{self, Emulator};
use crate::cost::guest::Guest;
use crate::cost::{self, NETWORKS};
use crate::setup::{self, Need};

/// The programs that call the libraries.
const SOURCE: &str = "verification/peers/aarch64";

/// What decides what is prepared.
const PREPARATION: [&str; 3] = ["prepare.sh", "requirements.txt", "marker.c"];

/// What to count.
#[derive(Args)]
pub struct Options {
    /// The libraries; all if none is named.
    libraries: Vec<Library>,
    /// Networks whose layers are counted, or how their names begin.
    #[arg(long, value_name = "NET", num_args = 1.., default_values = NETWORKS)]
    networks: Vec<String>,
}

/// A library, named like its module in verification/peers/aarch64/libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Library {
    /// LiteRT, with XNNPACK.
    Litert,
    /// ncnn.
    Ncnn,
    /// ONNX Runtime, with MLAS.
    Onnxruntime,
    /// PyTorch, gradients too.
    Pytorch,
}

impl Library {
    /// The module's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Litert => "litert",
            Self::Ncnn => "ncnn",
            Self::Onnxruntime => "onnxruntime",
            Self::Pytorch => "pytorch",
        }
    }
}

/// A line that count.py prints.
#[derive(Deserialize)]
struct Counted {
    layer: String,
    library: String,
    version: String,
    layout: String,
    pass: String,
    error: f64,
}

/// Counts the libraries one after another; after each, the table is written.
pub fn run(options: &Options) -> Result<()> {
    let mut needs = vec![Need::CROSS_LINKER, Need::PIP];
    needs.extend(emulator::needs());
    setup::ensure(&needs)?;
    let layers = Guest::build()?.layers(&options.networks)?;
    let mut shapes = vec![CALL.to_owned()];
    shapes.extend(layers.into_iter().map(|layer| layer.shape));
    let place = prepare()?;
    let emulator = Emulator::build()?;
    let all = Library::value_variants();
    let chosen = if options.libraries.is_empty() { all } else { &options.libraries };
    for library in chosen {
        eprintln!("{}: {} layers", library.name(), shapes.len() - 1);
        let rows = count(&emulator, &place, *library, &shapes)?;
        let mut table = Table::read()?;
        table.replace(rows);
        table.write()?;
    }
    println!("{}", table::PATH);
    Ok(())
}

/// Counts all passes that a library has of these layers.
fn count(
    emulator: &Emulator,
    place: &Path,
    library: Library,
    shapes: &[String],
) -> Result<Vec<Row>> {
    let (lines, records) = emulator.counted::<Counted>(Some(&place.join("root")), |command| {
        command
            .arg(place.join("root/usr/bin/python3.11"))
            .arg("-B")
            .arg(cargo::root().join(SOURCE).join("count.py"))
            .arg(place.join("libmarker.so"))
            .arg(library.name())
            .args(shapes)
            .env("PYTHONPATH", place.join("packages"))
            .env("OMP_NUM_THREADS", "1");
    })?;
    let counts = cost::counts(&records.iter().collect::<Vec<_>>())?;
    Ok(lines.into_iter().zip(counts).map(|(line, counts)| Row::new(line, counts)).collect())
}

/// Makes what the libraries run in, unless it is there; where it lies.
fn prepare() -> Result<PathBuf> {
    let source = cargo::root().join(SOURCE);
    let wanted = PREPARATION
        .iter()
        .map(|name| fs::read_to_string(source.join(name)).with_context(|| (*name).to_owned()))
        .collect::<Result<String>>()?;
    let place = cargo::target_directory()?.join("peers/aarch64");
    let made = place.join("made-from");
    if fs::read_to_string(&made).is_ok_and(|made| made == wanted) {
        return Ok(place);
    }
    let mut command = Command::new(source.join("prepare.sh"));
    cargo::announce(command.arg(&place));
    let status = command.stdout(io::stderr()).status().context("cannot start prepare.sh")?;
    ensure!(status.success(), "prepare.sh failed");
    fs::write(made, wanted)?;
    Ok(place)
}
