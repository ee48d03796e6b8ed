//! What this project aims at, beside what was counted and measured.

use anyhow::Result;

use super::aarch64::{Count, Counts, PASSES};
use super::layers::{Layer, Network, distinct};
use super::markdown::table;
use super::web::{Bench, GRADIENTS, OURS};
use super::{least, mean, most};

/// The aims, each with its figure.
pub struct Aims(Vec<Aim>);

struct Aim {
    what: String,
    /// What the figure should be.
    wanted: String,
    figure: f64,
    met: bool,
}

impl Aims {
    /// The aims over the distinct layers of `networks`.
    pub fn of(networks: &[Network], counts: &Counts, benches: &[Bench]) -> Result<Self> {
        let layers = distinct(networks);
        let mut aims = Self(Vec::new());
        aims.forward(&layers, counts);
        aims.gradients(&layers, counts);
        aims.fills(&layers, counts);
        for bench in benches {
            aims.wasm(&layers, bench);
        }
        Ok(aims)
    }

    /// The aims as a table.
    pub fn table(&self) -> String {
        let rows = self.0.iter().map(|aim| {
            let met = if aim.met { "yes" } else { "no" };
            let figure =
                if aim.figure.is_nan() { "–".to_owned() } else { format!("{:.2}", aim.figure) };
            vec![aim.what.clone(), aim.wanted.clone(), figure, met.to_owned()]
        });
        table(&["", "aim", "figure", "met"], rows)
    }

    fn at_most(&mut self, what: impl Into<String>, bound: f64, figure: f64) {
        let wanted = format!("≤ {bound}");
        self.0.push(Aim { what: what.into(), wanted, figure, met: figure <= bound });
    }

    fn at_least(&mut self, what: impl Into<String>, bound: f64, figure: f64) {
        let wanted = format!("≥ {bound}");
        self.0.push(Aim { what: what.into(), wanted, figure, met: figure >= bound });
    }

    fn forward(&mut self, layers: &[&Layer], counts: &Counts) {
        let k3 = || layers.iter().filter(|layer| layer.kernel == 3);
        let over = |library: &str| -> Vec<f64> {
            known(k3().map(|layer| 1.0 / counts.times(library, layer, "forward", |c| c.cycles)))
        };
        let (xnnpack, ncnn) = (over("litert"), over("ncnn"));
        self.at_most(
            "AArch64 forward 3×3, estimated cycles over XNNPACK's, mean",
            0.5,
            mean(&xnnpack),
        );
        self.at_most("AArch64 forward 3×3, estimated cycles over ncnn's, mean", 0.9, mean(&ncnn));
        self.at_most("AArch64 forward 3×3, estimated cycles over ncnn's, most", 1.0, most(&ncnn));
        let floor = |small: bool| {
            let layers = k3().filter(|layer| layer.stride == 1 && (layer.height < 14) == small);
            let ratios = layers.filter_map(|layer| {
                Some(counts.ours("nhwc", layer, "forward")?.instructions / layer.floor())
            });
            mean(&ratios.collect::<Vec<_>>())
        };
        self.at_most(
            "AArch64 forward 3×3 stride 1, instructions over fmas, 14×14 and larger, mean",
            1.5,
            floor(false),
        );
        self.at_most(
            "AArch64 forward 3×3 stride 1, instructions over fmas, 7×7, mean",
            2.0,
            floor(true),
        );
        let loads = k3()
            .filter(|layer| layer.stride == 1)
            .map(|layer| 1.0 / counts.times("litert", layer, "forward", |c| c.load_bytes));
        self.at_most(
            "AArch64 forward 3×3 stride 1, bytes loaded over XNNPACK's, mean",
            0.2,
            mean(&known(loads)),
        );
    }

    fn gradients(&mut self, layers: &[&Layer], counts: &Counts) {
        for pass in &PASSES[1..] {
            for (stride, bound) in [(1, 1.5), (2, 2.0)] {
                let layers = || layers.iter().filter(|layer| layer.stride == stride);
                for layout in ["nhwc", "nchw"] {
                    let ratios =
                        known(layers().map(|layer| counts.over_forward(layout, layer, pass)));
                    let what = format!(
                        "AArch64 {pass} stride {stride} {}, instructions over forward's, mean",
                        layout.to_uppercase()
                    );
                    self.at_most(what, bound, mean(&ratios));
                }
            }
            let ratios =
                layers.iter().map(|l| counts.times("pytorch", l, pass, |c| c.instructions));
            let what = format!("AArch64 {pass}, PyTorch's instructions over ours, mean");
            self.at_least(what, 20.0, mean(&known(ratios)));
        }
    }

    fn fills(&mut self, layers: &[&Layer], counts: &Counts) {
        type Fills = fn(&Count) -> f64;
        let levels: [(&str, u64, Fills); 2] =
            [("L1", 64 << 10, |c| c.l1_fills), ("L2", 512 << 10, |c| c.l2_fills)];
        for (level, size, fills) in levels {
            for layout in ["nhwc", "nchw"] {
                for pass in PASSES {
                    let beyond = layers.iter().filter(|layer| layer.bytes > size);
                    let ratios = beyond.filter_map(|layer| {
                        let count = counts.ours(layout, layer, pass)?;
                        Some(fills(count) / (layer.bytes as f64 / 64.0))
                    });
                    let what = format!(
                        "simulated {level} fills over the compulsory, {pass} {}, mean",
                        layout.to_uppercase()
                    );
                    self.at_most(what, 1.15, mean(&ratios.collect::<Vec<_>>()));
                }
            }
        }
    }

    fn wasm(&mut self, layers: &[&Layer], bench: &Bench) {
        let host = bench.host();
        for (kernel, bound) in [(3, 2.0), (5, 3.0), (7, 3.0)] {
            for subject in &OURS[..2] {
                let layers = layers.iter().filter(|layer| layer.kernel == kernel);
                let leads = known(layers.map(|layer| bench.lead(layer, subject)));
                let what = format!(
                    "{host}: times the best other takes, {}, {kernel}×{kernel}",
                    name(subject)
                );
                self.at_least(format!("{what}, mean"), bound, mean(&leads));
                self.at_least(format!("{what}, least"), 1.0, least(&leads));
            }
        }
        let relaxed = known(layers.iter().map(|layer| bench.relaxed(layer, "nhwc")));
        self.at_least(format!("{host}: relaxed SIMD over simd128, mean"), 1.15, mean(&relaxed));
        for pass in GRADIENTS {
            let ratios = known(layers.iter().map(|layer| bench.over_forward(layer, OURS[0], pass)));
            self.at_most(
                format!("{host}: {pass} over forward, simd128 nhwc, mean"),
                1.5,
                mean(&ratios),
            );
        }
        let shares = known(layers.iter().map(|layer| bench.share_in_cache(layer, OURS[0])));
        let what = format!(
            "{host}: share of the measured roofline, simd128 nhwc, tensors up to 1 MiB, mean"
        );
        self.at_least(what, 0.75, mean(&shares));
    }
}

fn name(subject: &str) -> &str {
    subject.strip_prefix("depthwise ").unwrap_or(subject)
}

/// The values that are there.
fn known(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values.filter(|value| !value.is_nan()).collect()
}
