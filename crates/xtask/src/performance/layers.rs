//! The layers of the networks that the page is about.

use std::fs::File;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cargo;
use crate::cost::NETWORKS;

/// The table of the program `depthwise`.
const TABLE: &str = "crates/cli/networks.csv";

/// A line of it.
#[derive(Deserialize)]
struct Line {
    net: String,
    n: u64,
    c: u64,
    h: u64,
    w: u64,
    kh: u64,
    kw: u64,
    sh: u64,
    sw: u64,
    pad_top: u64,
    pad_left: u64,
    pad_bottom: u64,
    pad_right: u64,
    dil: u64,
}

/// A network and its distinct layers.
pub struct Network {
    /// Its name.
    pub name: String,
    /// From first to last.
    pub layers: Vec<Layer>,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What `cargo xtask cost` calls it.
    pub shape: String,
    /// What a reader calls it.
    pub title: String,
    /// Rows of its kernel, which is square here.
    pub kernel: u64,
    /// Its stride.
    pub stride: u64,
    /// Rows of its input.
    pub height: u64,
    /// Multiplications without those that padding saves.
    pub products: u64,
    /// Bytes of its tensors.
    pub bytes: u64,
}

impl Network {
    /// The networks whose counts are committed: the first of each name, as the program `depthwise` finds them.
    pub fn all() -> Result<Vec<Self>> {
        let path = cargo::root().join(TABLE);
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(file);
        let mut networks: Vec<Self> = Vec::new();
        for line in reader.deserialize::<Line>() {
            let line = line?;
            let Some(wanted) = NETWORKS.iter().find(|name| line.net.starts_with(**name)) else {
                continue;
            };
            let mut known = networks.iter().map(|network| &network.name);
            if known.any(|name| name.starts_with(wanted) && *name != line.net) {
                continue;
            }
            let layer = Layer::new(&line);
            match networks.iter_mut().find(|network| network.name == line.net) {
                Some(network) if network.layers.contains(&layer) => {}
                Some(network) => network.layers.push(layer),
                None => networks.push(Self { name: line.net, layers: vec![layer] }),
            }
        }
        ensure!(networks.len() == NETWORKS.len(), "{TABLE} lacks a network");
        Ok(networks)
    }
}

/// Every layer of `networks` once.
pub fn distinct(networks: &[Network]) -> Vec<&Layer> {
    let mut layers: Vec<&Layer> = Vec::new();
    for layer in networks.iter().flat_map(|network| &network.layers) {
        if !layers.contains(&layer) {
            layers.push(layer);
        }
    }
    layers
}

impl Layer {
    fn new(line: &Line) -> Self {
        let &Line {
            n, c, h, w, kh, kw, sh, sw, pad_top, pad_left, pad_bottom, pad_right, dil, ..
        } = line;
        let pads = format!("{pad_top},{pad_left},{pad_bottom},{pad_right}");
        let outputs = |size, low, high, kernel, stride| {
            (size + low + high - (kernel - 1) * dil - 1) / stride + 1
        };
        let [oh, ow] =
            [outputs(h, pad_top, pad_bottom, kh, sh), outputs(w, pad_left, pad_right, kw, sw)];
        let taps = |size, low, kernel, stride, outputs| {
            let places = (0..outputs)
                .flat_map(|output| (0..kernel).map(move |tap| output * stride + tap * dil));
            places.filter(|&place| place >= low && place - low < size).count() as u64
        };
        let rows: u64 = taps(h, pad_top, kh, sh, oh);
        let columns: u64 = taps(w, pad_left, kw, sw, ow);
        Self {
            shape: format!("{n}x{c}x{h}x{w}_k{kh}x{kw}_s{sh}x{sw}_d{dil}x{dil}_p{pads}"),
            title: format!("{c}×{h}×{w}, {kh}×{kw}, stride {sh}"),
            kernel: kh,
            stride: sh,
            height: h,
            products: n * c * rows * columns,
            bytes: 4 * (n * c * (h * w + oh * ow) + c * kh * kw),
        }
    }

    /// The fewest vector multiply-adds.
    pub fn floor(&self) -> f64 {
        self.products as f64 / 4.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_their_sizes() {
        let networks = Network::all().unwrap();
        let all = distinct(&networks);
        let shape = "1x144x56x56_k3x3_s1x1_d1x1_p1,1,1,1";
        let layer = all.iter().find(|layer| layer.shape == shape).unwrap();
        assert_eq!(layer.products, 144 * (3 * 56 - 2) * (3 * 56 - 2));
        assert_eq!(layer.bytes, 4 * 144 * (2 * 56 * 56 + 9));
        assert_eq!((layer.title.as_str(), layer.kernel), ("144×56×56, 3×3, stride 1", 3));
    }
}
