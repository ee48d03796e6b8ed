//! What was measured in WebAssembly.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::chart::Chart;
use super::layers::{Layer, Network};
use super::markdown::{number, table, times};
use super::{Made, least, mean, most};
use crate::cargo;

/// Where the results are, and the hosts.
const RESULTS: &str = "web/bench/results";
const HOSTS: [Host; 2] = [
    Host { name: "node", forward: "wasm-node-forward", gradients: "wasm-node-gradients" },
    Host {
        name: "chromium",
        forward: "wasm-chromium-forward",
        gradients: "wasm-chromium-gradients",
    },
];

/// What runs WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Host {
    /// The name of its results.
    name: &'static str,
    /// The names of its parts of the page.
    forward: &'static str,
    gradients: &'static str,
}

/// Our subjects.
pub const OURS: [&str; 4] = [
    "depthwise simd128 nhwc",
    "depthwise simd128-relaxed nhwc",
    "depthwise simd128 nchw",
    "depthwise simd128-relaxed nchw",
];

/// The others.
const RIVALS: [&str; 3] = ["tfjs-wasm", "litert.js", "onnxruntime-web"];

/// The gradients, as JavaScript names them.
pub const GRADIENTS: [&str; 2] = ["gradInput", "gradWeight"];

/// Bytes of tensors that fit the second level of cache of any machine that has one of 1 MiB.
const L2: u64 = 1 << 20;

/// Results of web/bench in one host.
pub struct Bench {
    host: Host,
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    environment: Environment,
    roofline: Roofline,
    layers: Vec<Measured>,
}

#[derive(Deserialize)]
struct Environment {
    engine: String,
    clock: String,
    statistic: String,
    cpu: String,
    date: String,
    versions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Roofline {
    peak: BTreeMap<String, f64>,
    bandwidth: Vec<Bandwidth>,
}

#[derive(Deserialize)]
struct Bandwidth {
    bytes: u64,
    rate: f64,
}

#[derive(Deserialize)]
struct Measured {
    shape: String,
    #[serde(rename = "neededFlops")]
    needed_flops: f64,
    bytes: u64,
    results: Vec<Time>,
}

#[derive(Deserialize)]
struct Time {
    subject: String,
    pass: String,
    median: f64,
    least: f64,
}

impl Bench {
    /// The committed results of every host.
    pub fn all() -> Result<Vec<Self>> {
        HOSTS.into_iter().map(Self::read).collect()
    }

    fn read(host: Host) -> Result<Self> {
        let path = cargo::root().join(RESULTS).join(format!("{}.json", host.name));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let results = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        Ok(Self { host, results })
    }

    /// The host's name.
    pub fn host(&self) -> &'static str {
        self.host.name
    }

    /// Milliseconds of a pass, by the statistic that the host's clock allows.
    fn time(&self, layer: &Layer, subject: &str, pass: &str) -> f64 {
        let measured = self.results.layers.iter().find(|measured| measured.shape == layer.shape);
        let times = measured.into_iter().flat_map(|measured| &measured.results);
        let mut found = times.filter(|time| time.subject == subject && time.pass == pass);
        found.next().map_or(f64::NAN, |time| match self.results.environment.statistic.as_str() {
            "least" => time.least,
            _ => time.median,
        })
    }

    /// How many times as long `rival` takes for the forward pass.
    fn times(&self, layer: &Layer, rival: &str, subject: &str) -> f64 {
        self.time(layer, rival, "forward") / self.time(layer, subject, "forward")
    }

    /// How many times as long the fastest of the others takes for the forward pass.
    pub fn lead(&self, layer: &Layer, subject: &str) -> f64 {
        RIVALS.map(|rival| self.times(layer, rival, subject)).into_iter().fold(f64::NAN, f64::min)
    }

    /// A gradient's time over that of the forward pass.
    pub fn over_forward(&self, layer: &Layer, subject: &str, pass: &str) -> f64 {
        self.time(layer, subject, pass) / self.time(layer, subject, "forward")
    }

    /// How many times as fast the forward pass is with relaxed SIMD.
    pub fn relaxed(&self, layer: &Layer, layout: &str) -> f64 {
        let [plain, relaxed] =
            ["", "-relaxed"].map(|level| format!("depthwise simd128{level} {layout}"));
        self.times(layer, &plain, &relaxed)
    }

    /// The time that the host's limits allow for the forward pass as a share of the time taken.
    fn share(&self, layer: &Layer, subject: &str) -> f64 {
        let Results { roofline, layers, .. } = &self.results;
        let limit = if subject.contains("relaxed") { "relaxed_madd" } else { "mul+add" };
        let Some(measured) = layers.iter().find(|one| one.shape == layer.shape) else {
            return f64::NAN;
        };
        let bandwidth = roofline.bandwidth.iter().find(|one| one.bytes >= measured.bytes);
        let rate = bandwidth.or(roofline.bandwidth.last()).map_or(f64::NAN, |one| one.rate);
        let peak = roofline.peak.get(limit).copied().unwrap_or(f64::NAN);
        let least = f64::max(measured.needed_flops / peak, measured.bytes as f64 / rate) / 1e6;
        least / self.time(layer, subject, "forward")
    }

    /// [`Self::share`], of layers that fit the second level of cache.
    pub fn share_in_cache(&self, layer: &Layer, subject: &str) -> f64 {
        if layer.bytes <= L2 { self.share(layer, subject) } else { f64::NAN }
    }

    /// Where, when and with what.
    fn source(&self) -> String {
        let Environment { engine, clock, statistic, cpu, date, versions } =
            &self.results.environment;
        let versions: Vec<_> =
            versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let peaks = self.results.roofline.peak.iter();
        let peaks: Vec<_> = peaks.map(|(name, rate)| format!("{rate:.0} GFLOP/s {name}")).collect();
        format!(
            "{engine}, {cpu}, one thread, {statistic} {clock}, {date}; {}. Measured limits: {}.",
            versions.join(", "),
            peaks.join(", ")
        )
    }
}

/// Adds the parts and the chart of a host.
pub fn add(made: &mut Made, networks: &[Network], bench: &Bench) -> Result<()> {
    made.parts.insert(bench.host.forward, forward(networks, bench));
    made.parts.insert(bench.host.gradients, gradients(networks, bench));
    made.charts.insert(format!("wasm-{}", bench.host.name), chart(networks, bench).svg());
    Ok(())
}

fn forward(networks: &[Network], bench: &Bench) -> String {
    let mut columns = vec!["", "µs", "of the limit", "relaxed µs", "of the limit"];
    columns.extend(RIVALS);
    columns.extend(["relaxed over the best", "NCHW over the best"]);
    let micro = |value: f64| number(value * 1e3, 1);
    let percent =
        |value: f64| if value.is_nan() { String::new() } else { format!("{:.0} %", value * 100.0) };
    let sections = networks.iter().map(|network| {
        let rows = network.layers.iter().map(|layer| {
            let mut row = vec![layer.title.clone()];
            for subject in &OURS[..2] {
                row.push(micro(bench.time(layer, subject, "forward")));
                row.push(percent(bench.share(layer, subject)));
            }
            row.extend(RIVALS.map(|rival| times(bench.times(layer, rival, OURS[0]))));
            row.extend([OURS[1], OURS[2]].map(|subject| times(bench.lead(layer, subject))));
            row
        });
        let mean = |value: &dyn Fn(&Layer) -> f64| {
            let values = network.layers.iter().map(value).filter(|value| !value.is_nan());
            format!("**{}**", times(mean(&values.collect::<Vec<_>>())))
        };
        let mut mean_row = vec!["geometric mean".to_owned()];
        mean_row.extend([const { String::new() }; 4]);
        mean_row.extend(RIVALS.map(|rival| mean(&|layer| bench.times(layer, rival, OURS[0]))));
        mean_row
            .extend([OURS[1], OURS[2]].map(|subject| mean(&|layer| bench.lead(layer, subject))));
        format!("**{}**\n\n{}", network.name, table(&columns, rows.chain([mean_row])))
    });
    format!("{}\n\n{}", bench.source(), sections.collect::<Vec<_>>().join("\n"))
}

fn gradients(networks: &[Network], bench: &Bench) -> String {
    let columns = ["", "grad_input mean", "least", "most", "grad_weight mean", "least", "most"];
    let rows = networks.iter().flat_map(|network| {
        OURS.iter().map(move |subject| {
            let mut row = vec![format!("{} {}", network.name, &subject["depthwise ".len()..])];
            for pass in GRADIENTS {
                let ratios = network.layers.iter();
                let ratios = ratios.map(|layer| bench.over_forward(layer, subject, pass));
                let ratios: Vec<_> = ratios.filter(|ratio| !ratio.is_nan()).collect();
                row.extend([mean(&ratios), least(&ratios), most(&ratios)].map(|v| number(v, 2)));
            }
            row
        })
    });
    table(&columns, rows)
}

fn chart(networks: &[Network], bench: &Bench) -> Chart {
    let Environment { engine, cpu, date, .. } = &bench.results.environment;
    let mut series: Vec<_> = RIVALS.map(str::to_owned).into();
    series.push("ours, relaxed SIMD".to_owned());
    let rows = |network: &Network| {
        let rows = network.layers.iter().map(|layer| {
            let mut values: Vec<_> = RIVALS.map(|rival| bench.times(layer, rival, OURS[0])).into();
            values.push(1.0 / bench.relaxed(layer, "nhwc"));
            (layer.title.clone(), values)
        });
        rows.collect()
    };
    Chart {
        title: "Forward in WebAssembly: time over ours, NHWC, without relaxed SIMD".into(),
        subtitle: format!("{engine}, {cpu}, one thread, {date}"),
        unit: "over 1, on the right, we are faster".into(),
        series,
        groups: networks.iter().map(|network| (network.name.clone(), rows(network))).collect(),
    }
}
