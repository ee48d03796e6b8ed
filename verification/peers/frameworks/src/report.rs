//! What was measured, as text and as data.

use std::fmt;
use std::fs;

use serde::Serialize;

use crate::layer::Layer;
use crate::subject::{FORWARD, GRAD_INPUT, GRAD_WEIGHT, GRADIENTS, Library, Passes};
use crate::timing::Time;

/// A run.
#[derive(Serialize)]
pub struct Report {
    /// The processor, where the system tells.
    cpu: Option<String>,
    /// What `depthwise` runs on.
    isa: &'static str,
    burn: String,
    /// Not in WebAssembly.
    candle: Option<String>,
    /// Forward to both gradients, layer after layer; seconds.
    rows: Vec<Row>,
}

/// A pass of a layer, or both gradients.
#[derive(Serialize)]
pub struct Row {
    layer: String,
    pass: &'static str,
    depthwise: Time,
    burn: Time,
    candle: Option<Time>,
}

/// Passes of a library, timed.
pub struct Measured {
    /// Whose.
    pub library: Library,
    /// Which.
    pub passes: Passes,
    /// How long.
    pub time: Time,
}

/// Names of the rows of a layer.
const ROWS: [(&str, Passes); 4] = [
    ("forward", FORWARD),
    ("grad_input", GRAD_INPUT),
    ("grad_weight", GRAD_WEIGHT),
    ("both gradients", GRADIENTS),
];

impl Row {
    /// The rows of a layer.
    pub fn of(layer: &Layer, measured: &[Measured]) -> Vec<Self> {
        let time = |library, passes: Passes| {
            let of = |passes: Passes| {
                let is = |m: &&Measured| m.library == library && m.passes == passes;
                measured.iter().find(is).map(|m| m.time)
            };
            // Both gradients of a library that computes them one by one.
            let sum =
                |a: Time, b: Time| Time { median: a.median + b.median, least: a.least + b.least };
            of(passes).or_else(|| match passes {
                GRADIENTS => Some(sum(of(GRAD_INPUT)?, of(GRAD_WEIGHT)?)),
                _ => None,
            })
        };
        let rows = ROWS.into_iter().filter_map(|(pass, passes)| {
            Some(Self {
                layer: format!("{}×{2}×{2}, stride {}", layer.channels, layer.stride, layer.size),
                pass,
                depthwise: time(Library::Depthwise, passes)?,
                burn: time(Library::Burn, passes)?,
                candle: time(Library::Candle, passes),
            })
        });
        rows.collect()
    }

    /// How many times as long burn takes.
    fn burn_ratio(&self) -> f64 {
        self.burn.median / self.depthwise.median
    }

    /// How many times as long candle takes.
    fn candle_ratio(&self) -> Option<f64> {
        self.candle.map(|candle| candle.median / self.depthwise.median)
    }
}

impl Report {
    /// Of a run on this machine, on that instruction set.
    pub fn new(isa: &'static str, rows: Vec<Row>) -> Self {
        let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = model.map(|model| model.trim_start_matches([' ', '\t', ':']).to_owned());
        let has_candle = rows.iter().any(|row| row.candle.is_some());
        let candle = has_candle.then(|| version("candle-core"));
        Self { cpu, isa, burn: version("burn-flex"), candle, rows }
    }
}

/// The version of a package in the lock file.
fn version(package: &str) -> String {
    let name = format!("name = \"{package}\"");
    let lines = include_str!("../Cargo.lock").lines();
    let mut found = lines.skip_while(|line| *line != name).skip(1);
    let version = found.next().and_then(|line| line.strip_prefix("version = "));
    version.unwrap_or_default().trim_matches('"').to_owned()
}

/// A table in Markdown, in milliseconds.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = self.cpu.as_deref().unwrap_or(std::env::consts::ARCH);
        let Self { isa, burn, .. } = self;
        let candle = self.candle.as_deref().unwrap_or("left out");
        writeln!(f, "{cpu}, depthwise on {isa}, burn {burn}, candle {candle}, ms of one call\n")?;
        writeln!(f, "| layer | pass | depthwise | burn | times | candle | times |")?;
        writeln!(f, "| --- | --- | --: | --: | --: | --: | --: |")?;
        let ms = |time: Time| format!("{:.2}", time.median * 1e3);
        let times =
            |ratio: Option<f64>| ratio.map(|ratio| format!("{ratio:.1}")).unwrap_or_default();
        for row in &self.rows {
            let (depthwise, burn) = (ms(row.depthwise), ms(row.burn));
            let (burn_times, candle_times) =
                (times(Some(row.burn_ratio())), times(row.candle_ratio()));
            let candle = row.candle.map(ms).unwrap_or_default();
            let Row { layer, pass, .. } = row;
            writeln!(
                f,
                "| {layer} | {pass} | {depthwise} | {burn} | {burn_times} | {candle} | {candle_times} |"
            )?;
        }
        for (pass, _) in ROWS {
            let of = || self.rows.iter().filter(|row| row.pass == pass);
            let burn = mean(of().map(|row| Some(row.burn_ratio())));
            let candle = mean(of().map(Row::candle_ratio));
            writeln!(f, "| geometric mean | {pass} | | | {} | | {} |", times(burn), times(candle))?;
        }
        Ok(())
    }
}

/// Geometric mean of the ratios, if there are any and none is missing.
fn mean(ratios: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let logarithms: Vec<f64> = ratios.map(|ratio| ratio.map(f64::ln)).collect::<Option<_>>()?;
    (!logarithms.is_empty())
        .then(|| (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_lock_file() {
        let parts = |package| version(package).split('.').count();
        assert_eq!([parts("burn-flex"), parts("candle-core"), parts("no such package")], [3, 3, 1]);
    }

    #[test]
    fn rows_of_a_layer() {
        let layer = Layer { channels: 4, size: 8, stride: 2 };
        let measured = |library, passes, median| Measured {
            library,
            passes,
            time: Time { median, least: median },
        };
        let rows = Row::of(
            &layer,
            &[
                measured(Library::Depthwise, FORWARD, 1e-3),
                measured(Library::Depthwise, GRAD_INPUT, 2e-3),
                measured(Library::Depthwise, GRAD_WEIGHT, 3e-3),
                measured(Library::Burn, FORWARD, 2e-3),
                measured(Library::Burn, GRAD_INPUT, 6e-3),
                measured(Library::Burn, GRAD_WEIGHT, 4e-3),
                measured(Library::Candle, FORWARD, 30e-3),
                measured(Library::Candle, GRADIENTS, 50e-3),
            ],
        );
        let report = Report {
            cpu: Some("Processor".into()),
            isa: "portable",
            burn: "1.2.3".into(),
            candle: Some("4.5.6".into()),
            rows,
        };
        assert_eq!(
            report.to_string(),
            "\
Processor, depthwise on portable, burn 1.2.3, candle 4.5.6, ms of one call

| layer | pass | depthwise | burn | times | candle | times |
| --- | --- | --: | --: | --: | --: | --: |
| 4×8×8, stride 2 | forward | 1.00 | 2.00 | 2.0 | 30.00 | 30.0 |
| 4×8×8, stride 2 | grad_input | 2.00 | 6.00 | 3.0 |  |  |
| 4×8×8, stride 2 | grad_weight | 3.00 | 4.00 | 1.3 |  |  |
| 4×8×8, stride 2 | both gradients | 5.00 | 10.00 | 2.0 | 50.00 | 10.0 |
| geometric mean | forward | | | 2.0 | | 30.0 |
| geometric mean | grad_input | | | 3.0 | |  |
| geometric mean | grad_weight | | | 1.3 | |  |
| geometric mean | both gradients | | | 2.0 | | 10.0 |
"
        );
    }
}
