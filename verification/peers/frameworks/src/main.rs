//! Times depthwise layers in `depthwise` beside the Rust frameworks candle and burn, in one thread. Every
//! result is checked against the reference in f64 first.

mod burn;
#[cfg(not(target_family = "wasm"))]
mod candle;
mod check;
mod layer;
mod ours;
mod report;
mod subject;
mod timing;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::layer::{LAYERS, Layer, Operands};
use crate::report::{Measured, Report, Row};
use crate::subject::Subject;

/// Times depthwise layers in `depthwise` beside the frameworks candle and burn
#[derive(Parser)]
struct Args {
    /// Write the results as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let threads = std::env::var("RAYON_NUM_THREADS");
    ensure!(
        cfg!(target_family = "wasm") || threads.as_deref() == Ok("1"),
        "RAYON_NUM_THREADS must be 1, as `cargo run` here sets it"
    );
    let (mut rows, mut results) = (Vec::new(), 0);
    for layer in &LAYERS {
        let operands = Operands::random(layer);
        let mut subjects = ours::subjects(layer, &operands)?;
        subjects.extend(burn::subjects(layer, &operands)?);
        #[cfg(not(target_family = "wasm"))]
        subjects.extend(candle::subjects(layer, &operands)?);
        results += checked(layer, &operands, &subjects)?;
        let times = timing::interleaved(&mut subjects)?;
        let measured: Vec<_> = subjects
            .iter()
            .zip(times)
            .map(|(&Subject { library, passes, .. }, time)| Measured { library, passes, time })
            .collect();
        rows.extend(Row::of(layer, &measured));
    }
    let report = Report::new(LAYERS[0].conv()?.isa().name(), rows);
    println!("{report}\n{results} results are within their bounds of the reference in f64.");
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report)? + "\n";
        fs::write(path, json).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Checks all results of a layer, and counts them.
fn checked(layer: &Layer, operands: &Operands, subjects: &[Subject]) -> Result<usize> {
    let mut count = 0;
    for Subject { library, passes, results, .. } in subjects {
        for (&pass, result) in passes.iter().zip(results) {
            check::worst(&check::exact(layer, operands, pass), result).with_context(|| {
                let Layer { channels, size, stride } = layer;
                format!("{library:?}, {} of {channels}×{size}×{size}, stride {stride}", pass.name())
            })?;
            count += 1;
        }
    }
    Ok(count)
}
