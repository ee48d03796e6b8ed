//! What `depthwise bench` has found, as text and as data.

use std::fmt;
use std::fs;

use depthwise::{Conv, Machine};
use serde::Serialize;

use crate::kernels::name_on;
use crate::networks::Layer;
use crate::roofline::Roofline;
use crate::table::{Align, Table};
use crate::timing::Time;

/// A run of the benchmark.
#[derive(Serialize)]
pub struct Report {
    /// Where it ran.
    pub host: Host,
    /// What was computed.
    pub pass: &'static str,
    /// Order of the dimensions.
    pub layout: &'static str,
    /// Instruction set.
    pub isa: &'static str,
    /// How it multiplies and adds.
    pub contract: String,
    /// The machine's limits.
    pub roofline: Roofline,
    /// The networks.
    pub networks: Vec<NetworkReport>,
}

/// A machine.
#[derive(Serialize)]
pub struct Host {
    arch: &'static str,
    os: &'static str,
    /// Its processor, where the system tells.
    cpu: Option<String>,
    /// The sizes that plans are made for.
    machine: &'static str,
    registers: usize,
}

impl Host {
    /// The machine that this runs on.
    pub fn this() -> Self {
        let Machine { name, registers, .. } = Machine::target();
        let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
        let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = model.map(|model| model.trim_start_matches([' ', '\t', ':']).to_owned());
        Self { arch, os, cpu, machine: name, registers }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cpu.as_deref().unwrap_or(self.arch))
    }
}

/// A network's layers.
#[derive(Serialize)]
pub struct NetworkReport {
    /// Its name.
    pub name: String,
    /// Its layers, equal ones once.
    pub layers: Vec<LayerReport>,
    /// All of them, each as often as the network has it.
    pub total: Total,
}

/// A layer. Rates count as papers do, two operations for each tap of each output, and each tensor
/// through memory once.
#[derive(Serialize)]
pub struct LayerReport {
    /// Its name.
    pub name: String,
    /// How often the network has it.
    pub count: usize,
    /// The instance that computes most of it.
    pub instance: String,
    /// Columns and rows of its kernel.
    pub kernel: [usize; 2],
    /// Operations.
    pub flops: usize,
    /// Operations without those that padding saves.
    pub needed_flops: usize,
    /// Least bytes through memory.
    pub bytes: usize,
    /// Largest error against the reference, as a share of its bound.
    pub error: f64,
    /// Seconds, median.
    pub time: f64,
    /// Seconds, fastest.
    pub least_time: f64,
    /// Seconds of the plain loop, median.
    pub plain_time: f64,
    /// Seconds of the plain loop, fastest.
    pub plain_least_time: f64,
    /// How much faster than the plain loop it is.
    pub speedup: f64,
    /// The time that the roofline allows as a share of the time taken.
    pub roofline_share: f64,
}

impl LayerReport {
    /// What is known of a layer once it's timed.
    pub fn new(
        layer: &Layer,
        conv: &Conv,
        error: f64,
        (time, plain): (Time, Time),
        roofline: &Roofline,
    ) -> Self {
        let problem = conv.problem();
        Self {
            name: layer.name.clone(),
            count: layer.count,
            instance: name_on(conv.plan().instance(), conv.isa()),
            kernel: [problem.height().kernel(), problem.width().kernel()],
            flops: problem.flops(),
            needed_flops: 2 * problem.products(),
            bytes: problem.bytes(),
            error,
            time: time.median,
            least_time: time.least,
            plain_time: plain.median,
            plain_least_time: plain.least,
            speedup: plain.median / time.median,
            roofline_share: roofline.least_time(problem) / time.median,
        }
    }
}

/// Layers taken together, each as often as the network has it.
#[derive(Serialize)]
pub struct Total {
    layers: usize,
    flops: usize,
    bytes: usize,
    time: f64,
    plain_time: f64,
    speedup: f64,
    /// Geometric mean of the layers' speedups.
    mean_speedup: f64,
    /// Least of the layers' speedups.
    least_speedup: f64,
}

impl Total {
    /// The total of `layers`.
    pub fn of(layers: &[LayerReport]) -> Self {
        let count = layers.iter().map(|layer| layer.count).sum();
        let sum = |value: fn(&LayerReport) -> usize| {
            layers.iter().map(|layer| layer.count * value(layer)).sum()
        };
        let seconds = |value: fn(&LayerReport) -> f64| -> f64 {
            layers.iter().map(|layer| layer.count as f64 * value(layer)).sum()
        };
        let (time, plain_time) = (seconds(|layer| layer.time), seconds(|layer| layer.plain_time));
        Self {
            layers: count,
            flops: sum(|layer| layer.flops),
            bytes: sum(|layer| layer.bytes),
            time,
            plain_time,
            speedup: plain_time / time,
            mean_speedup: (seconds(|layer| layer.speedup.ln()) / count as f64).exp(),
            least_speedup: layers.iter().map(|layer| layer.speedup).fold(f64::INFINITY, f64::min),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, pass, layout, isa, contract, roofline, .. } = self;
        writeln!(f, "{pass} f32 {layout} on {isa} ({contract}), one thread of {host}")?;
        write!(f, "measured peak {:.1} GFLOP/s; reading GB/s:", roofline.peak / 1e9)?;
        for bandwidth in roofline.bandwidth.iter().step_by(4) {
            write!(f, "  {} {:.1}", size(bandwidth.bytes), bandwidth.rate / 1e9)?;
        }
        writeln!(f)?;
        self.networks.iter().try_for_each(|network| write!(f, "\n{network}"))
    }
}

impl fmt::Display for NetworkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            (&self.name, Align::Left),
            ("count", Align::Right),
            ("µs", Align::Right),
            ("least", Align::Right),
            ("GFLOP/s", Align::Right),
            ("GB/s", Align::Right),
            ("roof", Align::Right),
            ("plain µs", Align::Right),
            ("speedup", Align::Right),
            ("instance", Align::Left),
        ]);
        for layer in &self.layers {
            table.row([
                layer.name.clone(),
                layer.count.to_string(),
                format!("{:.1}", layer.time * 1e6),
                format!("{:.1}", layer.least_time * 1e6),
                format!("{:.2}", layer.flops as f64 / layer.time / 1e9),
                format!("{:.2}", layer.bytes as f64 / layer.time / 1e9),
                format!("{:.0} %", layer.roofline_share * 100.0),
                format!("{:.1}", layer.plain_time * 1e6),
                format!("{:.2}", layer.speedup),
                layer.instance.clone(),
            ]);
        }
        write!(f, "{table}{}", self.total)
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layers, flops, bytes, time, plain_time, .. } = self;
        writeln!(
            f,
            "{layers} layers: {:.1} MFLOP in {:.3} ms, {:.2} GFLOP/s, {:.2} GB/s; plain loop {:.3} ms",
            *flops as f64 / 1e6,
            time * 1e3,
            *flops as f64 / time / 1e9,
            *bytes as f64 / time / 1e9,
            plain_time * 1e3,
        )?;
        writeln!(
            f,
            "speedup over the plain loop {:.2}, geometric mean {:.2}, least {:.2}",
            self.speedup, self.mean_speedup, self.least_speedup
        )
    }
}

/// A number of bytes, a power of two, in words.
pub fn size(bytes: usize) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::roofline::Bandwidth;

    /// A report of two layers with round numbers.
    pub fn example() -> Report {
        let layer = |name: &str, count, kernel, speedup| LayerReport {
            name: name.into(),
            count,
            instance: "forward_f32_nhwc_any__portable_1x8x1".into(),
            kernel: [kernel; 2],
            flops: 2_000_000,
            needed_flops: 1_900_000,
            bytes: 500_000 * kernel,
            error: 0.25,
            time: 100e-6,
            least_time: 90e-6,
            plain_time: speedup * 100e-6,
            plain_least_time: 100e-6,
            speedup,
            roofline_share: 0.5,
        };
        let layers = vec![layer("first", 1, 3, 8.0), layer("second", 2, 5, 1.0)];
        let (arch, os, cpu) = ("x86_64", "linux", Some("Example & <Sons>".into()));
        Report {
            host: Host { arch, os, cpu, machine: "x86-64", registers: 16 },
            pass: "forward",
            layout: "nhwc",
            isa: "portable",
            contract: "mul-add".into(),
            roofline: Roofline {
                peak: 40e9,
                bandwidth: vec![
                    Bandwidth { bytes: 16 << 10, rate: 80e9 },
                    Bandwidth { bytes: 64 << 20, rate: 8e9 },
                ],
            },
            networks: vec![NetworkReport {
                name: "example".into(),
                total: Total::of(&layers),
                layers,
            }],
        }
    }

    #[test]
    fn totals_are_weighted_by_count() {
        let total = &example().networks[0].total;
        assert_eq!((total.layers, total.flops, total.bytes), (3, 6_000_000, 6_500_000));
        assert!((total.time - 300e-6).abs() < 1e-12 && (total.plain_time - 1e-3).abs() < 1e-12);
        assert!((total.mean_speedup - 2.0).abs() < 1e-12);
        assert_eq!(total.least_speedup, 1.0);
    }

    #[test]
    fn as_text() {
        let text = example().to_string();
        let line =
            "first        1  100.0   90.0    20.00  15.00  50 %     800.0     8.00  forward_f32";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("3 layers: 6.0 MFLOP in 0.300 ms, 20.00 GFLOP/s"), "{text}");
    }
}
