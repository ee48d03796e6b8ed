//! What was counted on AArch64, ours and others'.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::chart::Chart;
use super::layers::{Layer, Network};
use super::markdown::{number, table, times};
use super::{Made, least, mean, most};
use crate::cargo;
use crate::cost::BASELINE;
use crate::cost::estimate::CORE;
use crate::peers::{self, CALL};

/// The passes.
pub const PASSES: [&str; 3] = ["forward", "grad_input", "grad_weight"];

/// Our layouts.
const LAYOUTS: [&str; 2] = ["nhwc", "nchw"];

/// The libraries, and what readers call them.
const LIBRARIES: [(&str, &str); 4] = [
    ("litert", "LiteRT (XNNPACK)"),
    ("ncnn", "ncnn"),
    ("onnxruntime", "ONNX Runtime"),
    ("pytorch", "PyTorch"),
];

/// What a pass of a layer executes.
#[derive(Clone, Debug, Deserialize)]
pub struct Count {
    layer: String,
    layout: String,
    pass: String,
    /// Instructions.
    pub instructions: f64,
    /// Bytes loaded.
    pub load_bytes: f64,
    /// Lines that came into the first level of cache.
    pub l1_fills: f64,
    /// Lines that came into the second.
    pub l2_fills: f64,
    /// Estimated.
    pub cycles: f64,
}

/// All counts, by layout or library, layer and pass.
pub struct Counts(BTreeMap<[String; 3], Count>);

impl Counts {
    /// Ours from the baseline, and others', less what a call costs whatever the layer.
    pub fn read() -> Result<Self> {
        let path = cargo::root().join(BASELINE);
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_path(&path)?;
        let ours = reader.deserialize().collect::<Result<Vec<Count>, _>>();
        let mut counts = Self(BTreeMap::new());
        for count in ours.with_context(|| path.display().to_string())? {
            counts.insert(count.layout.clone(), count);
        }
        let rows = peers::Table::read()?.0;
        let call = |row: &peers::Row| {
            let key =
                |row: &peers::Row| (row.library.clone(), row.layout.clone(), row.pass.clone());
            rows.iter().find(|other| other.layer == CALL && key(other) == key(row))
        };
        for row in &rows {
            let call = call(row).with_context(|| format!("no call of {}", row.library))?;
            counts.insert(format!("{} {}", row.library, row.layout), Count::less(row, call));
        }
        Ok(counts)
    }

    fn insert(&mut self, who: String, count: Count) {
        self.0.insert([who, count.layer.clone(), count.pass.clone()], count);
    }

    /// Our count in a layout.
    pub fn ours(&self, layout: &str, layer: &Layer, pass: &str) -> Option<&Count> {
        self.0.get(&[layout.to_owned(), layer.shape.clone(), pass.to_owned()])
    }

    /// A library's count, in the layout in which it has the fewest cycles.
    pub fn peer(&self, library: &str, layer: &Layer, pass: &str) -> Option<&Count> {
        let ours = |key: &[String; 3]| {
            key[0].split(' ').next() == Some(library) && key[1] == layer.shape && key[2] == pass
        };
        let found = self.0.iter().filter(|(key, _)| ours(key)).map(|(_, count)| count);
        found.min_by(|a, b| a.cycles.total_cmp(&b.cycles))
    }

    /// How many times as much of `what` a library has as we have in NHWC.
    pub fn times(
        &self,
        library: &str,
        layer: &Layer,
        pass: &str,
        what: impl Fn(&Count) -> f64,
    ) -> f64 {
        let (ours, theirs) = (self.ours("nhwc", layer, pass), self.peer(library, layer, pass));
        ours.zip(theirs).map_or(f64::NAN, |(ours, theirs)| what(theirs) / what(ours))
    }

    /// A gradient's instructions over those of the forward pass in a layout.
    pub fn over_forward(&self, layout: &str, layer: &Layer, pass: &str) -> f64 {
        let [gradient, forward] = [pass, "forward"].map(|pass| self.ours(layout, layer, pass));
        let pair = gradient.zip(forward);
        pair.map_or(f64::NAN, |(gradient, forward)| gradient.instructions / forward.instructions)
    }
}

impl Count {
    fn less(row: &peers::Row, call: &peers::Row) -> Self {
        let less = |all: u64, call: u64| all.saturating_sub(call) as f64;
        Self {
            layer: row.layer.clone(),
            layout: row.layout.clone(),
            pass: row.pass.clone(),
            instructions: less(row.instructions, call.instructions),
            load_bytes: less(row.load_bytes, call.load_bytes),
            l1_fills: row.l1_fills as f64,
            l2_fills: row.l2_fills as f64,
            cycles: less(row.cycles, call.cycles),
        }
    }
}

/// Adds the parts and the charts.
pub fn add(made: &mut Made, networks: &[Network], counts: &Counts) -> Result<()> {
    made.parts.insert("versions", versions()?);
    made.parts.insert("aarch64-forward", forward(networks, counts));
    made.parts.insert("aarch64-gradients", gradients(networks, counts));
    made.parts.insert("aarch64-fills", fills(networks, counts));
    made.charts.insert("aarch64-forward".into(), forward_chart(networks, counts).svg());
    made.charts.insert("aarch64-gradients".into(), gradients_chart(networks, counts).svg());
    Ok(())
}

/// The libraries' versions, as a sentence.
fn versions() -> Result<String> {
    let mut versions = BTreeMap::new();
    for row in peers::Table::read()?.0 {
        versions.insert(row.library, row.version);
    }
    let named = LIBRARIES.iter().filter_map(|(library, name)| {
        versions.get(*library).map(|version| format!("{name} {version}"))
    });
    Ok(named.collect::<Vec<_>>().join(", ") + ".")
}

fn forward(networks: &[Network], counts: &Counts) -> String {
    let mut columns = vec!["", "k instr", "/floor", "k cycles", "NCHW k cycles"];
    columns.extend(LIBRARIES.map(|(_, name)| name));
    sections(networks, |network| {
        let rows = network.layers.iter().map(|layer| {
            let ours = counts.ours("nhwc", layer, "forward");
            let value = |what: fn(&Count) -> f64| ours.map_or(f64::NAN, what);
            let nchw = counts.ours("nchw", layer, "forward").map_or(f64::NAN, |count| count.cycles);
            let mut row = vec![
                layer.title.clone(),
                number(value(|count| count.instructions) / 1e3, 0),
                number(value(|count| count.instructions) / layer.floor(), 2),
                number(value(|count| count.cycles) / 1e3, 0),
                number(nchw / 1e3, 0),
            ];
            row.extend(LIBRARIES.map(|(library, _)| times(cycles(counts, library, layer))));
            row
        });
        let mut mean_row = vec!["geometric mean".to_owned()];
        mean_row.extend([const { String::new() }; 4]);
        mean_row.extend(LIBRARIES.map(|(library, _)| {
            format!("**{}**", times(mean_of(network, |layer| cycles(counts, library, layer))))
        }));
        table(&columns, rows.chain([mean_row]))
    })
}

fn cycles(counts: &Counts, library: &str, layer: &Layer) -> f64 {
    counts.times(library, layer, "forward", |count| count.cycles)
}

/// The geometric mean over the layers that have a value.
fn mean_of(network: &Network, value: impl Fn(&Layer) -> f64) -> f64 {
    let values: Vec<_> = network.layers.iter().map(value).filter(|value| !value.is_nan()).collect();
    mean(&values)
}

fn gradients(networks: &[Network], counts: &Counts) -> String {
    let columns = [
        "",
        "NHWC grad_input",
        "grad_weight",
        "NCHW grad_input",
        "grad_weight",
        "PyTorch grad_input",
        "grad_weight",
    ];
    let cells = |value: &dyn Fn(&str, &str) -> f64, pytorch: &dyn Fn(&str) -> f64| {
        let ours =
            LAYOUTS.iter().flat_map(|layout| PASSES[1..].iter().map(move |pass| (layout, pass)));
        let ours = ours.map(|(layout, pass)| number(value(layout, pass), 2));
        let theirs = PASSES[1..].iter().map(|pass| number(pytorch(pass), 1));
        ours.chain(theirs).collect::<Vec<_>>()
    };
    let pytorch = |layer: &Layer, pass: &str| {
        counts.times("pytorch", layer, pass, |count| count.instructions)
    };
    sections(networks, |network| {
        let rows = network.layers.iter().map(|layer| {
            let mut row = vec![layer.title.clone()];
            row.extend(cells(&|layout, pass| counts.over_forward(layout, layer, pass), &|pass| {
                pytorch(layer, pass)
            }));
            row
        });
        let mut mean_row = vec!["geometric mean".to_owned()];
        mean_row.extend(cells(
            &|layout, pass| mean_of(network, |layer| counts.over_forward(layout, layer, pass)),
            &|pass| mean_of(network, |layer| pytorch(layer, pass)),
        ));
        table(&columns, rows.chain([mean_row]))
    })
}

fn fills(networks: &[Network], counts: &Counts) -> String {
    let columns = ["", "pass", "L1 mean", "L1 most", "L2 least", "L2 mean", "L2 most"];
    let mut rows = Vec::new();
    for network in networks {
        for (layout, pass) in LAYOUTS.iter().flat_map(|l| PASSES.iter().map(move |p| (l, p))) {
            let over = |what: fn(&Count) -> f64| -> Vec<f64> {
                let layers = network.layers.iter();
                let ratios = layers.filter_map(|layer| {
                    let count = counts.ours(layout, layer, pass)?;
                    Some(what(count) / (layer.bytes as f64 / 64.0))
                });
                ratios.collect()
            };
            let (l1, l2) = (over(|count| count.l1_fills), over(|count| count.l2_fills));
            rows.push(vec![
                format!("{} {}", network.name, layout.to_uppercase()),
                (*pass).to_owned(),
                number(mean(&l1), 2),
                number(most(&l1), 2),
                number(least(&l2), 2),
                number(mean(&l2), 2),
                number(most(&l2), 2),
            ]);
        }
    }
    table(&columns, rows)
}

/// A part for each network under its name.
fn sections(networks: &[Network], part: impl Fn(&Network) -> String) -> String {
    let sections =
        networks.iter().map(|network| format!("**{}**\n\n{}", network.name, part(network)));
    sections.collect::<Vec<_>>().join("\n")
}

fn forward_chart(networks: &[Network], counts: &Counts) -> Chart {
    chart(
        networks,
        "Forward on AArch64: estimated cycles over ours",
        "over 1, on the right, we are faster",
        LIBRARIES.map(|(_, name)| name.to_owned()).into(),
        |layer| LIBRARIES.map(|(library, _)| cycles(counts, library, layer)).into(),
    )
}

fn gradients_chart(networks: &[Network], counts: &Counts) -> Chart {
    let series = LAYOUTS.iter().flat_map(|layout| {
        PASSES[1..].iter().map(move |pass| format!("{} {pass}", layout.to_uppercase()))
    });
    chart(
        networks,
        "Gradients on AArch64: instructions over those of forward",
        "over 1, a gradient executes more",
        series.collect(),
        |layer| {
            let all = LAYOUTS.iter().flat_map(|layout| {
                PASSES[1..].iter().map(|pass| counts.over_forward(layout, layer, pass))
            });
            all.collect()
        },
    )
}

fn chart(
    networks: &[Network],
    title: &str,
    unit: &str,
    series: Vec<String>,
    values: impl Fn(&Layer) -> Vec<f64>,
) -> Chart {
    let rows = |network: &Network| {
        network.layers.iter().map(|layer| (layer.title.clone(), values(layer))).collect()
    };
    Chart {
        title: title.into(),
        subtitle: format!(
            "f32, batch 1, one thread, counted under QEMU; cycles estimated by llvm-mca 19 for {CORE}"
        ),
        unit: unit.into(),
        series,
        groups: networks.iter().map(|network| (network.name.clone(), rows(network))).collect(),
    }
}
