//! What `depthwise bench` has found, as text and as data.

use std::fmt;
use std::fs;
use std::time::SystemTime;

use depthwise::{Machine, host_machine};
use depthwise_verification::Pass;
use serde::Serialize;

use crate::checked::{CheckedLayer, CheckedPass};
use crate::kernels::name_on;
use crate::roofline::Roofline;
use crate::table::{Align, Table};
use crate::threads::{Pool, words};
use crate::timing::Time;

/// A run of the benchmark.
#[derive(Serialize)]
pub struct Report {
    /// Which version of this program it was, and when.
    #[serde(flatten)]
    pub run: Run,
    /// Where it ran.
    pub host: Host,
    /// What was computed.
    pub passes: Vec<&'static str>,
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

/// Which program ran, and when.
#[derive(Serialize)]
pub struct Run {
    /// Its version.
    depthwise: &'static str,
    /// The day, as YYYY-MM-DD, in UTC.
    date: String,
}

impl Run {
    /// This program, now.
    pub fn now() -> Self {
        let mut date = humantime::format_rfc3339(SystemTime::now()).to_string();
        date.truncate("YYYY-MM-DD".len());
        Self { depthwise: env!("CARGO_PKG_VERSION"), date }
    }
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
        let Machine { name, registers, .. } = host_machine();
        let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
        Self { arch, os, cpu: cpu(), machine: name, registers }
    }
}

/// What the system calls the processor, or the board that it is on.
fn cpu() -> Option<String> {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|model| model.trim_start_matches([' ', '\t', ':']).to_owned());
    let board = || fs::read_to_string("/sys/firmware/devicetree/base/model").ok();
    model.or_else(board).map(|name| name.trim_matches(['\0', '\n']).to_owned())
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
    /// Its layers, equal ones once, each with all passes.
    pub layers: Vec<LayerReport>,
    /// All layers of each pass, each as often as the network has it.
    pub totals: Vec<Total>,
}

/// A pass of a layer. Rates count as papers do, two operations for each tap of each output, and each
/// tensor through memory once.
#[derive(Serialize)]
pub struct LayerReport {
    /// Name of the layer.
    pub name: String,
    /// The pass.
    pub pass: &'static str,
    /// How often the network has it.
    pub count: usize,
    /// The instance that computes most of it; bias gradients have none.
    pub instance: Option<String>,
    /// Rows and columns of its kernel.
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
    /// Of a gradient, its time over that of the layer's forward pass, if that was timed.
    pub over_forward: Option<f64>,
    /// The same on several threads.
    pub threads: Vec<ThreadsReport>,
}

/// A pass of a layer on several threads.
#[derive(Serialize)]
pub struct ThreadsReport {
    /// How many.
    pub threads: usize,
    /// Seconds, median.
    pub time: f64,
    /// Seconds, fastest.
    pub least_time: f64,
    /// How much faster than one thread they are.
    pub speedup: f64,
}

impl LayerReport {
    /// What is known of a pass once it's timed: in each of the pools, of which the first has one thread,
    /// and then the plain loop.
    pub fn new(
        CheckedLayer { layer, conv, .. }: &CheckedLayer,
        CheckedPass { pass, error, .. }: &CheckedPass,
        pools: &[Pool],
        times: &[Time],
        roofline: &Roofline,
    ) -> Self {
        let problem = conv.problem();
        let [flops, needed_flops, bytes] = match pass {
            Pass::GradBias => {
                let (gy, gb) = (problem.output_len(), problem.output_channels());
                [gy, gy, (gy + gb) * problem.dtype().size()]
            }
            _ => [problem.flops(), 2 * problem.products(), problem.bytes()],
        };
        let (one, plain) = (times[0], times[pools.len()]);
        let threads = pools.iter().zip(times).skip(1).map(|(pool, time)| ThreadsReport {
            threads: pool.threads(),
            time: time.median,
            least_time: time.least,
            speedup: one.median / time.median,
        });
        Self {
            name: layer.name.clone(),
            pass: pass.name(),
            count: layer.count,
            instance: pass.plan(conv).map(|plan| name_on(plan.instance(), conv.isa())),
            kernel: [problem.height().kernel(), problem.width().kernel()],
            flops,
            needed_flops,
            bytes,
            error: *error,
            time: one.median,
            least_time: one.least,
            plain_time: plain.median,
            plain_least_time: plain.least,
            speedup: plain.median / one.median,
            roofline_share: roofline.least_time(needed_flops, bytes) / one.median,
            over_forward: None,
            threads: threads.collect(),
        }
    }
}

impl NetworkReport {
    /// A network with the passes of its layers, forward first if it is there.
    pub fn new(name: &str, mut layers: Vec<LayerReport>) -> Self {
        let mut forward: Option<(String, f64)> = None;
        for layer in &mut layers {
            if layer.pass == Pass::Forward.name() {
                forward = Some((layer.name.clone(), layer.time));
            } else {
                let of_layer = forward.as_ref().filter(|(name, _)| *name == layer.name);
                layer.over_forward = of_layer.map(|(_, time)| layer.time / time);
            }
        }
        let passes = Pass::ALL.map(Pass::name).into_iter();
        let of_pass = |pass| layers.iter().filter(|layer| layer.pass == pass).collect::<Vec<_>>();
        let totals = passes.map(of_pass).filter_map(|layers| Total::of(&layers)).collect();
        Self { name: name.to_owned(), layers, totals }
    }
}

/// Layers taken together, each as often as the network has it.
#[derive(Serialize)]
pub struct Total {
    pass: &'static str,
    layers: usize,
    flops: usize,
    bytes: usize,
    time: f64,
    plain_time: f64,
    /// How much faster than the plain loop they are.
    speedup: Ratio,
    /// Of a gradient, its time over that of the forward pass.
    over_forward: Option<Ratio>,
    threads: Vec<ThreadsTotal>,
}

/// Layers taken together, on several threads.
#[derive(Serialize)]
struct ThreadsTotal {
    threads: usize,
    time: f64,
    /// How much faster than one thread they are.
    speedup: Ratio,
    /// Names of layers that take longer than with one thread, by more than [`NOISE`].
    slower: Vec<String>,
}

/// A difference between equal times that is no news.
const NOISE: f64 = 0.05;

/// A ratio of times over the layers of a network, each as often as the network has it.
#[derive(Serialize)]
struct Ratio {
    /// Of the sums of the times.
    total: f64,
    /// Geometric mean.
    mean: f64,
    least: f64,
    most: f64,
}

impl Ratio {
    /// From the count, the numerator and the denominator of each layer.
    fn of(layers: impl Iterator<Item = (usize, f64, f64)>) -> Self {
        let (mut counts, mut over, mut under, mut logarithms) = (0.0, 0.0, 0.0, 0.0);
        let (mut least, mut most) = (f64::INFINITY, 0.0);
        for (count, numerator, denominator) in layers {
            let (count, ratio) = (count as f64, numerator / denominator);
            counts += count;
            over += count * numerator;
            under += count * denominator;
            logarithms += count * ratio.ln();
            (least, most) = (f64::min(least, ratio), f64::max(most, ratio));
        }
        Self { total: over / under, mean: (logarithms / counts).exp(), least, most }
    }
}

impl Total {
    /// The total of a pass of layers, if there are any.
    fn of(layers: &[&LayerReport]) -> Option<Self> {
        let pass = layers.first()?.pass;
        let sum = |value: fn(&LayerReport) -> usize| {
            layers.iter().map(|layer| layer.count * value(layer)).sum()
        };
        let seconds = |value: &dyn Fn(&LayerReport) -> f64| -> f64 {
            layers.iter().map(|layer| layer.count as f64 * value(layer)).sum()
        };
        let over_forward = layers.iter().map(|layer| {
            layer.over_forward.map(|over| (layer.count, layer.time, layer.time / over))
        });
        let over_forward = over_forward.collect::<Option<Vec<_>>>();
        let threads = (0..layers[0].threads.len()).map(|index| ThreadsTotal {
            threads: layers[0].threads[index].threads,
            time: seconds(&|layer| layer.threads[index].time),
            speedup: Ratio::of(
                layers.iter().map(|layer| (layer.count, layer.time, layer.threads[index].time)),
            ),
            slower: layers
                .iter()
                .filter(|layer| layer.threads[index].time > layer.time * (1.0 + NOISE))
                .map(|layer| layer.name.clone())
                .collect(),
        });
        Some(Self {
            pass,
            layers: sum(|_| 1),
            flops: sum(|layer| layer.flops),
            bytes: sum(|layer| layer.bytes),
            time: seconds(&|layer| layer.time),
            plain_time: seconds(&|layer| layer.plain_time),
            speedup: Ratio::of(
                layers.iter().map(|layer| (layer.count, layer.plain_time, layer.time)),
            ),
            over_forward: over_forward.map(|layers| Ratio::of(layers.into_iter())),
            threads: threads.collect(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, layout, isa, contract, roofline, .. } = self;
        let passes = self.passes.join(", ");
        writeln!(f, "{passes} f32 {layout} on {isa} ({contract}), one thread of {host}")?;
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
        let is_compared = self.layers.iter().any(|layer| layer.over_forward.is_some());
        let threads = self.layers.first().map_or(&[][..], |layer| &layer.threads);
        let threads: Vec<_> = threads.iter().map(|threads| words(threads.threads)).collect();
        let mut columns = vec![
            (self.name.as_str(), Align::Left),
            ("pass", Align::Left),
            ("count", Align::Right),
            ("µs", Align::Right),
            ("least", Align::Right),
            ("GFLOP/s", Align::Right),
            ("GB/s", Align::Right),
            ("roof", Align::Right),
            ("plain µs", Align::Right),
            ("speedup", Align::Right),
        ];
        columns.extend(is_compared.then_some(("/forward", Align::Right)));
        columns.extend(threads.iter().map(|threads| (threads.as_str(), Align::Right)));
        columns.push(("instance", Align::Left));
        let mut table = Table::new(&columns);
        for layer in &self.layers {
            let mut row = vec![
                layer.name.clone(),
                layer.pass.into(),
                layer.count.to_string(),
                format!("{:.1}", layer.time * 1e6),
                format!("{:.1}", layer.least_time * 1e6),
                format!("{:.2}", layer.flops as f64 / layer.time / 1e9),
                format!("{:.2}", layer.bytes as f64 / layer.time / 1e9),
                format!("{:.0} %", layer.roofline_share * 100.0),
                format!("{:.1}", layer.plain_time * 1e6),
                format!("{:.2}", layer.speedup),
            ];
            let over = layer.over_forward.map_or(String::new(), |over| format!("{over:.2}"));
            row.extend(is_compared.then_some(over));
            row.extend(layer.threads.iter().map(|threads| format!("{:.2}", threads.speedup)));
            row.push(layer.instance.clone().unwrap_or_default());
            table.row(row);
        }
        write!(f, "{table}")?;
        self.totals.iter().try_for_each(|total| write!(f, "{total}"))
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pass, layers, flops, bytes, time, plain_time, .. } = self;
        writeln!(
            f,
            "{pass}: {layers} layers, {:.1} MFLOP in {:.3} ms, {:.2} GFLOP/s, {:.2} GB/s; plain loop {:.3} ms",
            *flops as f64 / 1e6,
            time * 1e3,
            *flops as f64 / time / 1e9,
            *bytes as f64 / time / 1e9,
            plain_time * 1e3,
        )?;
        let Ratio { total, mean, least, .. } = self.speedup;
        writeln!(
            f,
            "  speedup over the plain loop {total:.2}, geometric mean {mean:.2}, least {least:.2}"
        )?;
        if let Some(Ratio { total, mean, most, .. }) = self.over_forward {
            writeln!(
                f,
                "  time over forward's {total:.2}, geometric mean {mean:.2}, most {most:.2}"
            )?;
        }
        for ThreadsTotal { threads, time, speedup, slower } in &self.threads {
            let Ratio { total, mean, least, .. } = speedup;
            write!(
                f,
                "  {} {:.3} ms, speedup {total:.2}, geometric mean {mean:.2}, least {least:.2}",
                words(*threads),
                time * 1e3,
            )?;
            let slower = if slower.is_empty() { "none".into() } else { slower.join(", ") };
            writeln!(f, "; slower than one: {slower}")?;
        }
        Ok(())
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
        let layer = |name: &str, pass, count, kernel, time, speedup| LayerReport {
            name: name.into(),
            pass,
            count,
            instance: Some("forward_f32_nhwc_any__portable_1x8x1".into()),
            kernel: [kernel; 2],
            flops: 2_000_000,
            needed_flops: 1_900_000,
            bytes: 500_000 * kernel,
            error: 0.25,
            time,
            least_time: time * 0.9,
            plain_time: speedup * time,
            plain_least_time: speedup * time,
            speedup,
            roofline_share: 0.5,
            over_forward: None,
            threads: vec![ThreadsReport {
                threads: 2,
                time: time * 2.0 / speedup,
                least_time: time * 2.0 / speedup,
                speedup: speedup / 2.0,
            }],
        };
        let layers = vec![
            layer("first", "forward", 1, 3, 100e-6, 8.0),
            layer("first", "grad_input", 1, 3, 400e-6, 4.0),
            layer("second", "forward", 2, 5, 100e-6, 1.0),
            layer("second", "grad_input", 2, 5, 50e-6, 4.0),
        ];
        let (arch, os, cpu) = ("x86_64", "linux", Some("Example & <Sons>".into()));
        Report {
            run: Run { depthwise: "0.0.0", date: "2000-01-01".into() },
            host: Host { arch, os, cpu, machine: "x86-64", registers: 16 },
            passes: vec!["forward", "grad_input"],
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
            networks: vec![NetworkReport::new("example", layers)],
        }
    }

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-12, "{found}, expected {expected}");
    }

    #[test]
    fn totals_are_weighted_by_count() {
        let [forward, gradient] = &example().networks[0].totals[..] else { panic!("two passes") };
        assert_eq!((forward.layers, forward.flops, forward.bytes), (3, 6_000_000, 6_500_000));
        close(forward.time, 300e-6);
        close(forward.plain_time, 1e-3);
        close(forward.speedup.mean, 2.0);
        assert_eq!((forward.speedup.least, forward.speedup.most), (1.0, 8.0));
        let threads = &forward.threads[0];
        close(threads.time, 425e-6);
        close(threads.speedup.mean, 1.0);
        assert_eq!(threads.slower, ["second"]);
        assert!(gradient.threads[0].slower.is_empty());
    }

    #[test]
    fn gradients_are_compared_with_forward() {
        let network = &example().networks[0];
        let over: Vec<_> = network.layers.iter().map(|layer| layer.over_forward).collect();
        assert_eq!(over, [None, Some(4.0), None, Some(0.5)]);
        let [forward, gradient] = &network.totals[..] else { panic!("two passes") };
        assert!(forward.over_forward.is_none());
        let over = gradient.over_forward.as_ref().unwrap();
        close(over.total, 500.0 / 300.0);
        close(over.mean, 1.0);
        assert_eq!((over.least, over.most), (0.5, 4.0));
    }

    #[test]
    fn without_forward_nothing_is_compared() {
        let layers = example().networks.remove(0).layers;
        let gradients = layers.into_iter().filter(|layer| layer.pass != "forward");
        let gradients = gradients.map(|layer| LayerReport { over_forward: None, ..layer });
        let network = NetworkReport::new("example", gradients.collect());
        assert!(network.layers.iter().all(|layer| layer.over_forward.is_none()));
        assert!(network.totals[0].over_forward.is_none());
        assert!(!network.to_string().contains("forward "));
    }

    #[test]
    fn as_text() {
        let text = example().to_string();
        for line in [
            "first    forward         1  100.0   90.0    20.00  15.00  50 %     800.0     8.00                 4.00  forward_f32",
            "first    grad_input      1  400.0  360.0     5.00   3.75  50 %    1600.0     4.00      4.00       2.00  forward_f32",
            "forward: 3 layers, 6.0 MFLOP in 0.300 ms, 20.00 GFLOP/s",
            "  time over forward's 1.67, geometric mean 1.00, most 4.00\n",
            "  2 threads 0.425 ms, speedup 0.71, geometric mean 1.00, least 0.50; slower than one: second\n",
            "  2 threads 0.250 ms, speedup 2.00, geometric mean 2.00, least 2.00; slower than one: none\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn a_run_has_its_day() {
        let Run { date, .. } = Run::now();
        assert_eq!(date.len(), 10);
        assert!(date.as_str() > "2026");
    }

    #[test]
    fn as_data() {
        let json = serde_json::to_value(example()).unwrap();
        let network = &json["networks"][0];
        assert_eq!((&json["depthwise"], &json["date"]), (&"0.0.0".into(), &"2000-01-01".into()));
        assert_eq!(network["layers"].as_array().unwrap().len(), 4);
        assert_eq!(network["layers"][1]["over_forward"], 4.0);
        assert_eq!(network["layers"][0]["threads"][0]["threads"], 2);
        assert_eq!(network["totals"][1]["pass"], "grad_input");
        assert_eq!(network["totals"][0]["over_forward"], serde_json::Value::Null);
    }
}
