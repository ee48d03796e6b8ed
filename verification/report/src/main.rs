//! `depthwise-report`: one page, whole in itself, of what proofs and campaigns have shown.
//!
//! ```text
//! depthwise-report --proof proof.txt --output page.html 'NEON, QEMU=neon.json' 'SIMD128, Node=simd128.json'
//! ```
//!
//! The campaigns are those of `depthwise verify --json`, from any machine; the proof is the output of
//! `cargo test -p depthwise-proof -- --nocapture`.

mod campaign;
mod chart;
mod numbers;
mod page;
mod proof;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::SystemTime;

use anyhow::{Context, Result};
use askama::Template;
use clap::Parser;
use depthwise_campaign::Report;

use crate::campaign::Campaign;
use crate::page::Page;

/// Make one page of what proofs and campaigns have shown.
#[derive(Parser)]
struct Args {
    /// Campaigns: what they ran on, and their reports
    #[arg(required = true, value_name = "NAME=JSON")]
    campaigns: Vec<Source>,
    /// What the proof printed
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// A machine, compiler or emulator that all this was made with
    #[arg(long = "with", value_name = "TEXT")]
    tools: Vec<String>,
    /// Where the page goes
    #[arg(long, value_name = "HTML")]
    output: PathBuf,
}

/// A campaign's report, and a name for what it ran on.
#[derive(Clone)]
struct Source {
    machine: String,
    path: PathBuf,
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (machine, path) = text.split_once('=').ok_or("a name, =, and a file")?;
        Ok(Self { machine: machine.into(), path: path.into() })
    }
}

impl Source {
    fn read(&self) -> Result<Campaign> {
        let report = Report::load(&self.path);
        let report = report.with_context(|| self.path.display().to_string())?;
        Ok(Campaign { machine: self.machine.clone(), report })
    }
}

/// Makes the page; the exit code says whether everything on it holds.
fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let campaigns: Vec<_> = args.campaigns.iter().map(Source::read).collect::<Result<_>>()?;
    let proven = match &args.proof {
        None => Vec::new(),
        Some(path) => {
            let name = || path.display().to_string();
            proof::parse(&fs::read_to_string(path).with_context(name)?).with_context(name)?
        }
    };
    let page = Page::new(&today(), &args.tools, &campaigns, &proven);
    fs::write(&args.output, page.render()?).with_context(|| args.output.display().to_string())?;
    Ok(if page.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The date, as in 2026-11-20.
fn today() -> String {
    let mut date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    date.truncate("2026-11-20".len());
    date
}
