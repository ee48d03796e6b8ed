//! The depthwise layers of well-known networks.

use anyhow::{Context, Result};
use depthwise::{Builder, Conv, Isa, Layout, Padding};
use serde::Deserialize;

const TABLE: &str = include_str!("../networks.csv");

/// A depthwise layer, with a multiplier of 1.
#[derive(Clone, Debug, Deserialize)]
pub struct Layer {
    net: String,
    /// Name, unique in its network.
    pub name: String,
    n: usize,
    c: usize,
    h: usize,
    w: usize,
    kh: usize,
    kw: usize,
    sh: usize,
    sw: usize,
    pad_top: isize,
    pad_left: isize,
    pad_bottom: isize,
    pad_right: isize,
    dil: usize,
    /// How often the network has it.
    pub count: usize,
}

impl Layer {
    /// The layer as a convolution.
    pub fn conv(&self, layout: Layout, isa: Isa) -> Result<Conv, depthwise::Error> {
        self.builder(layout).isa(isa).build()
    }

    /// Its description, to which more can be said.
    pub fn builder(&self, layout: Layout) -> Builder {
        let (top, bottom) = (self.pad_top, self.pad_bottom);
        Conv::builder()
            .batch(self.n)
            .channels(self.c)
            .input([self.h, self.w])
            .kernel([self.kh, self.kw])
            .stride([self.sh, self.sw])
            .dilation([self.dil; 2])
            .padding(Padding { top, bottom, left: self.pad_left, right: self.pad_right })
            .layout(layout)
    }
}

/// A network's depthwise layers.
#[derive(Clone, Debug)]
pub struct Network {
    /// Name, with width multiplier, resolution and the framework whose padding it has.
    pub name: String,
    /// Its layers from first to last, equal ones only once.
    pub layers: Vec<Layer>,
}

/// All networks that are known.
pub fn all() -> Result<Vec<Network>> {
    let mut networks: Vec<Network> = Vec::new();
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(TABLE.as_bytes());
    for layer in reader.deserialize() {
        let layer: Layer = layer.context("table of networks")?;
        match networks.iter_mut().find(|network| network.name == layer.net) {
            Some(network) => network.layers.push(layer),
            None => networks.push(Network { name: layer.net.clone(), layers: vec![layer] }),
        }
    }
    Ok(networks)
}

/// The network of that name, or else the first in the table whose name begins like that. Case and
/// punctuation don't matter.
pub fn find(name: &str) -> Result<Network> {
    let letters = |name: &str| name.replace(|c: char| !c.is_alphanumeric(), "").to_lowercase();
    let wanted = letters(name);
    let mut networks = all()?;
    let exact = networks.iter().position(|network| letters(&network.name) == wanted);
    let begins = |network: &Network| letters(&network.name).starts_with(&wanted);
    let index = exact.or_else(|| networks.iter().position(begins).filter(|_| !wanted.is_empty()));
    Ok(networks.swap_remove(index.context("no such network; `bench --list` lists them")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_is_a_problem() {
        let networks = all().unwrap();
        assert_eq!(networks.len(), 33);
        assert_eq!(networks.iter().map(|network| network.layers.len()).sum::<usize>(), 316);
        for network in networks {
            for layer in &network.layers {
                let conv = layer.conv(Layout::Nhwc, Isa::best()).unwrap();
                let [n, h, w, c] = conv.output_shape();
                assert_eq!((n, c), (layer.n, layer.c), "{} {}", network.name, layer.name);
                assert_eq!([h, w], [layer.h.div_ceil(layer.sh), layer.w.div_ceil(layer.sw)]);
            }
        }
    }

    #[test]
    fn short_names() {
        for (short, name) in [
            ("mobilenet_v1", "mobilenet_v1_1.0_224_tf"),
            ("mobilenet_v2", "mobilenet_v2_1.0_224_tf"),
            ("MobileNetV2", "mobilenet_v2_1.0_224_tf"),
            ("mobilenet_v3", "mobilenet_v3_large_224_tf"),
            ("efficientnet-b0", "efficientnet_b0_224_tf"),
            ("efficientnet_b0_224_torch", "efficientnet_b0_224_torch"),
            ("convnext_tiny", "convnext_tiny_224_torch"),
        ] {
            assert_eq!(find(short).unwrap().name, name);
        }
        for unknown in ["", "_", "resnet50", "mobilenet_v2_1.0_224_tfx"] {
            assert!(find(unknown).is_err(), "{unknown}");
        }
    }
}
