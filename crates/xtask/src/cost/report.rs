//! The counts as tables and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::{Counts, Layer, Run, emulator, estimate, guest};

/// Lanes of a vector.
const LANES: f64 = 4.0;

/// Bytes of a cache line.
const LINE: f64 = 64.0;

/// The layers, and what their gradients cost beside their forward passes.
pub struct Report {
    layers: Vec<Layer>,
}

impl Report {
    /// A report on layers, each with all passes.
    pub fn new(layers: Vec<Layer>) -> Self {
        Self { layers }
    }

    /// The layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let layers = self.layers.iter().map(|layer| {
            let guest::Layer { shape, names, channels: _, products, bytes } = &layer.description;
            let names = names.iter().map(
                |name| json!({ "network": name.network, "layer": name.layer, "count": name.count }),
            );
            let runs = layer.runs.iter().map(|run| {
                let guest::Run { pass, layout, instance, chosen } = &run.description;
                let mut value = json!({
                    "pass": pass,
                    "layout": layout,
                    "instance": instance,
                    "chosen": chosen,
                    "cycles": run.counts.cycles,
                    "instructions_over_forward": over_forward(layer, run),
                });
                for (name, count) in run.counts.exact() {
                    value[name] = count.into();
                }
                value
            });
            json!({
                "shape": shape,
                "names": names.collect::<Vec<_>>(),
                "products": products,
                "bytes": bytes,
                "runs": runs.collect::<Vec<_>>(),
            })
        });
        let means = self.means().into_iter().map(|((network, layout), passes)| {
            json!({ "network": network, "layout": layout, "instructions_over_forward": passes })
        });
        json!({
            "caches": emulator::CACHES,
            "estimated_core": estimate::CORE,
            "layers": layers.collect::<Vec<_>>(),
            "geometric_means": means.collect::<Vec<_>>(),
        })
    }

    /// The networks in the order of their first layers, each with its layers and their names.
    fn networks(&self) -> Vec<(&str, Vec<(&str, &Layer)>)> {
        let mut networks: Vec<(&str, Vec<_>)> = Vec::new();
        for layer in &self.layers {
            for name in &layer.description.names {
                let row = (name.layer.as_str(), layer);
                match networks.iter_mut().find(|(network, _)| *network == name.network) {
                    Some((_, rows)) => rows.push(row),
                    None => networks.push((&name.network, vec![row])),
                }
            }
        }
        for (_, rows) in &mut networks {
            rows.sort_by_key(|&(name, _)| name);
        }
        networks
    }

    /// For each network and layout, the geometric mean over its layers of each gradient's
    /// instructions over those of the forward pass.
    fn means(&self) -> BTreeMap<(String, String), BTreeMap<String, f64>> {
        let mut ratios: BTreeMap<_, BTreeMap<String, Vec<f64>>> = BTreeMap::new();
        for (network, layers) in self.networks() {
            for (_, layer) in layers {
                for run in layer.runs.iter().filter(|run| run.description.chosen) {
                    let guest::Run { pass, layout, .. } = &run.description;
                    if let Some(ratio) = over_forward(layer, run).filter(|_| pass != "forward") {
                        let passes = ratios.entry((network.to_owned(), layout.clone()));
                        passes.or_default().entry(pass.clone()).or_default().push(ratio);
                    }
                }
            }
        }
        let mean = |(pass, ratios): (String, Vec<f64>)| (pass, geometric_mean(&ratios));
        ratios
            .into_iter()
            .map(|(key, passes)| (key, passes.into_iter().map(mean).collect()))
            .collect()
    }
}

/// The run's instructions over those of the layer's forward pass in the same layout, with the
/// instance that its plan chooses.
fn over_forward(layer: &Layer, run: &Run) -> Option<f64> {
    let forward = layer.runs.iter().find(|other| {
        let guest::Run { pass, layout, chosen, .. } = &other.description;
        pass == "forward" && *layout == run.description.layout && *chosen
    });
    let forward = forward?.counts.instructions;
    Some(run.counts.instructions as f64 / forward as f64)
}

fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "fma floor: products / {LANES}. Fills: over those that tensors, cold, need once. Cycles: \
             estimated for {}.",
            estimate::CORE
        )?;
        for (network, layers) in self.networks() {
            for layout in ["nhwc", "nchw"] {
                writeln!(f, "\n{network} {layout}\n{}", header())?;
                for (name, layer) in &layers {
                    for run in layer.runs.iter().filter(|run| run.description.layout == layout) {
                        writeln!(f, "{}", row(name, layer, run))?;
                    }
                }
            }
        }
        writeln!(
            f,
            "\ngeometric means over a network's layers: instructions over those of forward"
        )?;
        for ((network, layout), passes) in self.means() {
            let passes: Vec<_> =
                passes.iter().map(|(pass, mean)| format!("{pass} {mean:.2}")).collect();
            writeln!(f, "{network:<26} {layout}  {}", passes.join("  "))?;
        }
        writeln!(f)
    }
}

fn header() -> String {
    format!(
        "{:<22} {:<11} {:>9} {:>6} {:>6} {:>9} {:>9} {:>6} {:>6} {:>9} {:>8}  instance",
        "layer",
        "pass",
        "k instr",
        "/floor",
        "loads/",
        "kB loaded",
        "kB stored",
        "L1",
        "L2",
        "k cycles",
        "/forward",
    )
}

fn row(name: &str, layer: &Layer, run: &Run) -> String {
    let Counts { instructions, vector_loads, load_bytes, store_bytes, .. } = run.counts;
    let floor = layer.description.products as f64 / LANES;
    let lines = layer.description.bytes as f64 / LINE;
    let thousands = |count: u64| count as f64 / 1e3;
    let guest::Run { pass, instance, chosen, .. } = &run.description;
    format!(
        "{name:<22} {pass:<11} {:>9.1} {:>6.2} {:>6.2} {:>9.1} {:>9.1} {:>6.2} {:>6.2} {:>9.1} {:>8.2}  \
         {instance}{}",
        thousands(instructions),
        instructions as f64 / floor,
        vector_loads as f64 / floor,
        thousands(load_bytes),
        thousands(store_bytes),
        run.counts.l1_fills as f64 / lines,
        run.counts.l2_fills as f64 / lines,
        thousands(run.counts.cycles),
        over_forward(layer, run).unwrap_or(f64::NAN),
        if *chosen { "" } else { " (not chosen)" }
    )
}
