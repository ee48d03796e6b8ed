//! `cargo xtask performance`: the tables and charts of docs/performance.md, made from what was counted and measured.
//!
//! The sources are the baseline of `cargo xtask cost`, the table of `cargo xtask peers`, the results of web/bench and the
//! records in docs/records; `--measure` makes the first and the third anew.

mod aarch64;
mod aims;
mod chart;
mod layers;
mod markdown;
mod measure;
mod page;
mod records;
mod web;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::aarch64::Counts;
use self::aims::Aims;
use self::layers::Network;
use self::web::Bench;
use crate::cargo;

/// The page whose parts are made.
const PAGE: &str = "docs/performance.md";

/// Where its charts lie.
const CHARTS: &str = "docs/performance";

/// What to do with the page.
#[derive(Args)]
pub struct Options {
    /// Only check that the page and its charts are what the sources give.
    #[arg(long)]
    check: bool,
    /// First count our kernels on AArch64, and time them in Node and Chromium, anew. What others execute on
    /// AArch64 changes with their versions alone: that's `cargo xtask peers`.
    #[arg(long, conflicts_with = "check")]
    measure: bool,
}

/// The parts of the page and the charts, by name.
#[derive(Default)]
struct Made {
    parts: BTreeMap<&'static str, String>,
    charts: BTreeMap<String, String>,
}

/// Makes the page anew, or checks it.
pub fn run(options: &Options) -> Result<()> {
    if options.measure {
        measure::everything()?;
    }
    let made = make()?;
    let mut files = BTreeMap::new();
    let path = cargo::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| PAGE.to_owned())?;
    files.insert(path, page::fill(&page, &made.parts)?);
    for (name, svg) in made.charts {
        files.insert(cargo::root().join(CHARTS).join(format!("{name}.svg")), svg);
    }
    let mut stale = Vec::new();
    for (path, text) in files {
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if !options.check {
            fs::create_dir_all(path.parent().context("a file without a folder")?)?;
            fs::write(&path, text)?;
        }
        stale.push(path.strip_prefix(cargo::root()).unwrap_or(&path).display().to_string());
    }
    match (options.check, stale.is_empty()) {
        (_, true) => println!("{PAGE} is what its sources give"),
        (false, false) => println!("made anew: {}", stale.join(", ")),
        (true, false) => bail!("stale: {}; run `cargo xtask performance`", stale.join(", ")),
    }
    Ok(())
}

fn make() -> Result<Made> {
    let networks = Network::all()?;
    let counts = Counts::read()?;
    let benches = Bench::all()?;
    let records = records::read()?;
    let mut made = Made::default();
    aarch64::add(&mut made, &networks, &counts)?;
    for bench in &benches {
        web::add(&mut made, &networks, bench)?;
    }
    made.parts.insert("records", records::table_of(&records));
    made.parts.insert("aims", Aims::of(&networks, &counts, &benches)?.table());
    Ok(made)
}

/// The geometric mean; NaN of nothing.
fn mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// The largest; NaN of nothing.
fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}

/// The least; NaN of nothing.
fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}
