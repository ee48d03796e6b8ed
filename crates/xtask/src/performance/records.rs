//! Records that people have sent: what `depthwise bench --json` has written on their machines.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::markdown::{number, table};
use crate::cargo;

/// Where they lie, one a file, named `DATE-MACHINE.json`.
const RECORDS: &str = "docs/records";

/// A record: the parts of the report that are read here. Other parts may come and go.
#[derive(Deserialize)]
pub struct Record {
    /// The version of the program, and the day it ran, as YYYY-MM-DD.
    depthwise: String,
    date: String,
    host: Host,
    layout: String,
    isa: String,
    contract: String,
    roofline: Roofline,
    networks: Vec<Network>,
}

#[derive(Deserialize)]
struct Host {
    cpu: Option<String>,
    arch: String,
    os: String,
    machine: String,
}

#[derive(Deserialize)]
struct Roofline {
    /// Operations a second.
    peak: f64,
}

#[derive(Deserialize)]
struct Network {
    name: String,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    pass: String,
    count: f64,
    flops: f64,
    error: f64,
    time: f64,
    plain_time: f64,
    roofline_share: f64,
}

/// The records, in the order of their names.
pub fn read() -> Result<Vec<Record>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(cargo::root().join(RECORDS)).context(RECORDS)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files.iter().map(|path| one(path).with_context(|| path.display().to_string())).collect()
}

fn one(path: &Path) -> Result<Record> {
    let record = serde_json::from_str::<Record>(&fs::read_to_string(path)?)?;
    record.check()?;
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    ensure!(name.starts_with(&record.date), "a record of {} has that in its name", record.date);
    Ok(record)
}

impl Record {
    /// Refuses what no machine measures.
    fn check(&self) -> Result<()> {
        ensure!(
            self.date.len() == 10 && self.date.bytes().all(|b| b.is_ascii_digit() || b == b'-'),
            "{} is no date",
            self.date
        );
        ensure!(!self.networks.is_empty(), "no network was measured");
        ensure!(self.roofline.peak > 0.0, "the peak is {}", self.roofline.peak);
        for network in &self.networks {
            ensure!(!network.layers.is_empty(), "{} has no layers", network.name);
            for layer in &network.layers {
                let Layer { time, plain_time, error, roofline_share, .. } = layer;
                ensure!(*time > 0.0 && *plain_time > 0.0, "{} took no time", network.name);
                ensure!((0.0..=1.0).contains(error), "an error is {error} of its bound");
                ensure!(*roofline_share > 0.0, "a share of the roofline is {roofline_share}");
            }
        }
        Ok(())
    }
}

/// The records, a row for each network and pass.
pub fn table_of(records: &[Record]) -> String {
    if records.is_empty() {
        return "None yet.".to_owned();
    }
    let columns = [
        "machine",
        "network",
        "pass",
        "GFLOP/s",
        "over a plain loop",
        "of the roofline",
        "version",
    ];
    let mut rows = Vec::new();
    for record in records {
        let Host { cpu, arch, os, machine } = &record.host;
        let cpu = cpu.as_ref().unwrap_or(arch);
        let host = format!(
            "{cpu} ({os}, {machine}), {} {}, {}",
            record.isa, record.contract, record.layout
        );
        for network in &record.networks {
            for pass in ["forward", "grad_input", "grad_weight", "grad_bias"] {
                let layers: Vec<_> =
                    network.layers.iter().filter(|layer| layer.pass == pass).collect();
                if layers.is_empty() {
                    continue;
                }
                let sum = |value: fn(&Layer) -> f64| -> f64 {
                    layers.iter().map(|layer| layer.count * value(layer)).sum()
                };
                let time = sum(|layer| layer.time);
                let share = sum(|layer| layer.roofline_share * layer.time) / time;
                rows.push(vec![
                    host.clone(),
                    network.name.clone(),
                    pass.to_owned(),
                    number(sum(|layer| layer.flops) / time / 1e9, 1),
                    number(sum(|layer| layer.plain_time) / time, 2),
                    format!("{:.0} %", 100.0 * share),
                    format!("{}, {}", record.depthwise, record.date),
                ]);
            }
        }
    }
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"depthwise":"0.1.0","date":"2026-11-25","host":{"cpu":null,"arch":"aarch64","os":"linux",
        "machine":"arm64"},"layout":"nhwc","isa":"neon","contract":"fused","roofline":{"peak":1e10},"networks":[{"name":"n",
        "layers":[{"pass":"forward","count":2,"flops":1000000,"error":0.5,"time":0.001,"plain_time":0.003,
        "roofline_share":0.25}]}]}"#;

    fn check(text: &str) -> Result<Record> {
        let record = serde_json::from_str::<Record>(text)?;
        record.check()?;
        Ok(record)
    }

    #[test]
    fn records_are_rows() {
        let table = table_of(&[check(RECORD).unwrap()]);
        let row = "| aarch64 (linux, arm64), neon fused, nhwc | n | forward | 1.0 | 3.00 | 25 % | 0.1.0, 2026-11-25 |";
        assert!(table.contains(row), "{table}");
    }

    #[test]
    fn impossible_records_are_refused() {
        for (from, to) in [
            ("\"error\":0.5", "\"error\":1.5"),
            ("\"time\":0.001", "\"time\":0"),
            ("2026-11-25", "today"),
            ("\"isa\":\"neon\",", ""),
            ("1e10", "0"),
        ] {
            assert!(check(&RECORD.replacen(from, to, 1)).is_err(), "{from} → {to}");
        }
    }
}
