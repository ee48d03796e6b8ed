//! What is computed.

use depthwise::{Conv, Layout, Padding};
use depthwise_verification::Shape;
use depthwise_verification::random::Random;

/// Height and width of all kernels.
pub const KERNEL: usize = 3;

/// Padding on each side of all inputs.
pub const PADDING: usize = 1;

/// A 3×3 layer of one image, padded by 1 on each side, NCHW.
#[derive(Clone, Copy)]
pub struct Layer {
    /// Channels.
    pub channels: usize,
    /// Height and width of the input.
    pub size: usize,
    /// Stride.
    pub stride: usize,
}

/// Layers as in MobileNetV1, large and few channels to small and many.
pub const LAYERS: [Layer; 5] = [
    Layer { channels: 32, size: 112, stride: 1 },
    Layer { channels: 64, size: 112, stride: 2 },
    Layer { channels: 128, size: 56, stride: 1 },
    Layer { channels: 256, size: 28, stride: 1 },
    Layer { channels: 512, size: 14, stride: 1 },
];

impl Layer {
    /// As `depthwise` computes it.
    pub fn conv(&self) -> Result<Conv, depthwise::Error> {
        Conv::builder()
            .channels(self.channels)
            .input([self.size; 2])
            .kernel([KERNEL; 2])
            .stride([self.stride; 2])
            .padding(Padding::symmetric(PADDING as isize, PADDING as isize))
            .layout(Layout::Nchw)
            .build()
    }

    /// As the verification sees it.
    pub fn shape(&self) -> Shape {
        Shape {
            batch: 1,
            channels: self.channels,
            multiplier: 1,
            input: [self.size; 2],
            kernel: [KERNEL; 2],
            stride: [self.stride; 2],
            dilation: [1; 2],
            low: [PADDING as isize; 2],
            high: [PADDING as isize; 2],
        }
    }
}

/// What the passes of a layer read.
#[derive(Clone)]
pub struct Operands {
    /// `[1][c][h][w]`
    pub x: Vec<f32>,
    /// `[c][1][kh][kw]`
    pub weights: Vec<f32>,
    /// `[1][c][oh][ow]`
    pub grad_y: Vec<f32>,
}

impl Operands {
    /// Numbers between -1 and 1, the same in each run.
    pub fn random(layer: &Layer) -> Self {
        let [rows, columns] = layer.shape().output();
        let mut random = Random::new(1);
        let mut tensor = |length| (0..length).map(|_| random.signed_unit()).collect();
        Self {
            x: tensor(layer.channels * layer.size * layer.size),
            weights: tensor(layer.channels * KERNEL * KERNEL),
            grad_y: tensor(layer.channels * rows * columns),
        }
    }
}
