//! `cargo xtask cost`: what every pass of networks' layers costs on AArch64, without AArch64.
//!
//! The program `depthwise` runs each distinct layer under `qemu-aarch64`, whose plugin
//! `depthwise-counter` counts what is executed: exact numbers, the same on every machine. From the blocks
//! of code that were executed, `llvm-mca` estimates cycles of an out-of-order core.

mod baseline;
mod disassembly;
pub mod emulator;
pub mod estimate;
pub mod guest;
pub mod record;
mod report;
mod workers;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::baseline::Baseline;
use self::disassembly::Disassembly;
use self::estimate::Estimates;
use self::guest::Guest;
use self::record::Record;
use self::report::Report;
use crate::cargo;
use crate::setup::Need;

/// The committed counts.
pub const BASELINE: &str = "crates/kernels/cost-baseline.tsv";

/// The networks whose counts are committed.
pub const NETWORKS: [&str; 4] =
    ["mobilenet_v1", "mobilenet_v2", "efficientnet_b0", "convnext_tiny"];

/// What to count, and what to do with the counts.
#[derive(Args)]
pub struct Options {
    /// Networks, or how their names begin, as `depthwise bench --list` prints them.
    #[arg(value_name = "NET", default_values = NETWORKS)]
    networks: Vec<String>,
    /// Make today's counts the baseline.
    #[arg(long, conflicts_with_all = ["networks", "instances"])]
    bless: bool,
    /// Count with every instance that can compute a pass, too, not only with the one that is chosen.
    #[arg(long)]
    instances: bool,
    /// Write the counts as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A layer and its counts.
struct Layer {
    description: guest::Layer,
    runs: Vec<Run>,
}

/// A pass of a layer, in a layout, with an instance.
struct Run {
    description: guest::Run,
    counts: Counts,
}

/// What was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Instructions.
    pub instructions: u64,
    /// Vector multiply-adds.
    pub fmas: u64,
    /// The lanes of these, and scalar multiply-adds.
    pub lanes: u64,
    /// Vector registers that were loaded, parts of them included.
    pub vector_loads: u64,
    /// Bytes that were loaded.
    pub load_bytes: u64,
    /// Bytes that were stored.
    pub store_bytes: u64,
    /// Lines that came into the first level of cache.
    pub l1_fills: u64,
    /// Lines that came into the second.
    pub l2_fills: u64,
    /// Estimated.
    pub cycles: u64,
}

/// What counting takes.
pub fn needs() -> Vec<Need> {
    guest::needs()
}

/// Counts, prints, and compares or blesses as `options` ask.
pub fn run(options: &Options) -> Result<()> {
    let guest = Guest::build()?;
    calibrate(&guest)?;
    let layers = count(&guest, options)?;
    for layer in &layers {
        check_products(layer)?;
    }
    let report = Report::new(layers);
    print!("{report}");
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&report.json())? + "\n";
        fs::write(path, json).with_context(|| path.display().to_string())?;
    }
    let counted = Baseline::of(report.layers());
    if options.bless {
        fs::write(cargo::root().join(BASELINE), counted.to_string())?;
        println!("{} passes blessed", counted.len());
        return Ok(());
    }
    judge(&counted, options.networks == NETWORKS)
}

/// Counts every layer, the layers and then the estimates on all processors.
fn count(guest: &Guest, options: &Options) -> Result<Vec<Layer>> {
    let descriptions = guest.layers(&options.networks)?;
    let numbers: Vec<_> = (0..descriptions.len()).collect();
    let records = workers::map(&numbers, |&number| {
        guest.count(&options.networks, number, options.instances)
    })?;
    let mut all = counts(&records.iter().flatten().map(|(_, record)| record).collect::<Vec<_>>())?
        .into_iter();
    let layers = descriptions.into_iter().zip(records).map(|(description, records)| {
        let runs = records
            .into_iter()
            .zip(&mut all)
            .map(|((description, _), counts)| Run { description, counts });
        Layer { description, runs: runs.collect() }
    });
    Ok(layers.collect())
}

/// What was executed in each region.
pub fn counts(records: &[&Record]) -> Result<Vec<Counts>> {
    let all = || records.iter().copied();
    let disassembly = Disassembly::of(all().flat_map(Record::words))?;
    let estimates = Estimates::of(all(), &disassembly)?;
    let counts = all().map(|record| Counts::of(record, &disassembly, estimates.cycles(record)));
    Ok(counts.collect())
}

impl Counts {
    fn of(record: &Record, disassembly: &Disassembly, cycles: f64) -> Self {
        let mut counts = Self {
            instructions: 0,
            fmas: 0,
            lanes: 0,
            vector_loads: 0,
            load_bytes: record.load_bytes,
            store_bytes: record.store_bytes,
            l1_fills: record.l1_fills,
            l2_fills: record.l2_fills,
            cycles: cycles.round() as u64,
        };
        for (word, executions) in record.executions() {
            let work = disassembly.work(word);
            counts.instructions += executions;
            counts.fmas += executions * u64::from(work.fmas);
            counts.lanes += executions * u64::from(work.lanes);
            counts.vector_loads += executions * u64::from(work.loads);
        }
        counts
    }

    /// The names and values of all but the estimate.
    fn exact(&self) -> [(&'static str, u64); 8] {
        [
            ("instructions", self.instructions),
            ("fmas", self.fmas),
            ("lanes", self.lanes),
            ("vector_loads", self.vector_loads),
            ("load_bytes", self.load_bytes),
            ("store_bytes", self.store_bytes),
            ("l1_fills", self.l1_fills),
            ("l2_fills", self.l2_fills),
        ]
    }
}

/// Counts a loop whose counts are known: proof that this emulator and plugin count right.
fn calibrate(guest: &Guest) -> Result<()> {
    let (expected, record) = guest.calibrate()?;
    let disassembly = Disassembly::of(record.words())?;
    let found = Counts::of(&record, &disassembly, 0.0).exact();
    let found: BTreeMap<_, _> = found.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    ensure!(
        found == expected,
        "a loop was counted wrong: {found:?}, but it has {expected:?}; is this QEMU known to work?"
    );
    Ok(())
}

/// Compares the multiply-adds with the products that the definition of the convolution has. With
/// whole vectors of channels, no lane is idle in NHWC; only kernels that compute two residue classes of
/// an input gradient together may add taps that one of them lacks at a border.
fn check_products(layer: &Layer) -> Result<()> {
    let guest::Layer { shape, products, channels, .. } = &layer.description;
    for Run { description, counts } in &layer.runs {
        let guest::Run { pass, layout, instance, .. } = description;
        let exactly = layout == "nhwc" && channels % 4 == 0 && pass != "grad_input";
        let right = if exactly { counts.lanes == *products } else { counts.lanes >= *products };
        ensure!(
            right,
            "{instance} computes {shape} with {} multiply-adds, but {pass} has {products} products",
            counts.lanes
        );
    }
    Ok(())
}

fn judge(counted: &Baseline, complete: bool) -> Result<()> {
    let text = fs::read_to_string(cargo::root().join(BASELINE))
        .with_context(|| format!("no {BASELINE}; make one with `cargo xtask cost --bless`"))?;
    let baseline: Baseline = text.parse().context(BASELINE)?;
    let verdict = baseline.judge(counted, complete);
    for better in &verdict.better {
        println!("better than the baseline, bless it: {better}");
    }
    for worse in &verdict.worse {
        println!("FAILED: {worse}");
    }
    if !verdict.worse.is_empty() {
        let worse = verdict.worse.len();
        bail!("{worse} findings against {BASELINE}; if they're meant, `cargo xtask cost --bless`");
    }
    let (all, equal) = (counted.len(), verdict.equal);
    println!("{all} passes, {equal} of them with exactly the baseline's instructions and loads");
    Ok(())
}
