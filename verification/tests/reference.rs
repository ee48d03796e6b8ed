//! The reference against sums done by hand, and its passes against each other.

use depthwise::Layout;
use depthwise_verification::random::Random;
use depthwise_verification::reference::{Sum, forward, grad_bias, grad_input, grad_weight};
use depthwise_verification::{Pass, Shape, order};

fn values(sums: &[Sum]) -> Vec<f64> {
    sums.iter().map(|sum| sum.value).collect()
}

/// A 2×3 input under a 2×2 kernel, one element of padding above and right.
const SHAPE: Shape = Shape {
    batch: 1,
    channels: 1,
    multiplier: 1,
    input: [2, 3],
    kernel: [2, 2],
    stride: [1, 2],
    dilation: [1, 1],
    low: [1, 0],
    high: [0, 1],
};

fn x([_, _, h, w]: [usize; 4]) -> f64 {
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]][h][w]
}

fn weights([_, u, v]: [usize; 3]) -> f64 {
    [[10.0, -20.0], [30.0, 40.0]][u][v]
}

fn gy([_, _, i, j]: [usize; 4]) -> f64 {
    [[1.0, 2.0], [3.0, 5.0]][i][j]
}

#[test]
fn by_hand() {
    assert_eq!(SHAPE.output(), [2, 2]);
    let y = forward(&SHAPE, x, weights, |_| Some(0.5));
    assert_eq!(values(&y), [110.5, 90.5, 10.0 - 40.0 + 120.0 + 200.5, 30.0 + 180.5]);
    assert_eq!(y[2], Sum { value: 290.5, magnitude: 370.5, terms: 5 });
    assert_eq!(y[3].terms, 3);
    let gx = grad_input(&SHAPE, gy, weights);
    assert_eq!(values(&gx), [60.0, -20.0, 110.0, 90.0, 120.0, 150.0]);
    let gw = grad_weight(&SHAPE, x, gy);
    assert_eq!(values(&gw), [18.0, 6.0, 1.0 + 6.0 + 12.0 + 30.0, 2.0 + 15.0]);
    let gb = grad_bias(&SHAPE, gy);
    assert_eq!(gb, [Sum { value: 11.0, magnitude: 11.0, terms: 4 }]);
}

#[test]
fn a_window_in_the_padding_is_the_bias() {
    let shape = Shape { input: [1, 1], kernel: [1, 1], stride: [1, 1], low: [2, 0], ..SHAPE };
    let y = forward(&shape, |_| f64::NAN, |_| f64::NAN, |_| Some(3.0));
    assert_eq!(values(&y)[..2], [3.0, 3.0]);
    assert_eq!([shape.taps(0, 1), shape.taps(0, 2)], [0, 1]);
    assert_eq!(forward(&shape, |_| 1.0, |_| 1.0, |_| None)[0], Sum::default());
}

#[test]
fn negative_padding_crops() {
    let shape = Shape { kernel: [1, 1], stride: [1, 1], low: [-1, -1], high: [0, 0], ..SHAPE };
    assert_eq!(values(&forward(&shape, x, |_| 1.0, |_| None)), [5.0, 6.0]);
}

#[test]
fn output_channels_follow_their_input_channel() {
    let shape = Shape { channels: 2, multiplier: 3, input: [1, 1], kernel: [1, 1], ..SHAPE };
    let shape = Shape { low: [0, 0], high: [0, 0], ..shape };
    let y = forward(&shape, |at| [10.0, 100.0][at[1]], |at| at[0] as f64, |_| None);
    assert_eq!(values(&y), [0.0, 10.0, 20.0, 300.0, 400.0, 500.0]);
}

/// Sizes of all kinds, 2 images of 2 channels.
fn any_shape(random: &mut Random) -> Shape {
    let mut pair = |most: usize| [1 + random.below(most), 1 + random.below(most)];
    let (kernel, stride, dilation, spare, low) = (pair(4), pair(3), pair(3), pair(6), pair(5));
    Shape {
        batch: 2,
        channels: 2,
        multiplier: spare[0] % 3 + 1,
        input: [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + spare[axis] + 1),
        kernel,
        stride,
        dilation,
        low: low.map(|low| low as isize - 2),
        high: [1, 0],
    }
}

/// Operands in the order of coordinates.
struct Operands {
    shape: Shape,
    x: Vec<f64>,
    weights: Vec<f64>,
    bias: Vec<f64>,
    gy: Vec<f64>,
}

impl Operands {
    fn new(shape: Shape, mut draw: impl FnMut() -> f64) -> Self {
        let mut like = |pass| order::results(pass, &shape).map(|_| draw()).collect();
        Self {
            x: like(Pass::GradInput),
            weights: like(Pass::GradWeight),
            bias: like(Pass::GradBias),
            gy: like(Pass::Forward),
            shape,
        }
    }

    fn at_x(&self, at: [usize; 4]) -> f64 {
        self.x[order::input(Layout::Nchw, &self.shape, at)]
    }

    fn at_weight(&self, at: [usize; 3]) -> f64 {
        self.weights[order::weight(Layout::Nchw, &self.shape, at)]
    }

    fn at_gy(&self, at: [usize; 4]) -> f64 {
        self.gy[order::output(Layout::Nchw, &self.shape, at)]
    }

    fn forward(&self) -> Vec<Sum> {
        let bias = |o: usize| Some(self.bias[o]);
        forward(&self.shape, |at| self.at_x(at), |at| self.at_weight(at), bias)
    }

    /// Gradients of input, weights and bias.
    fn gradients(&self) -> [Vec<Sum>; 3] {
        let gy = |at| self.at_gy(at);
        [
            grad_input(&self.shape, gy, |at| self.at_weight(at)),
            grad_weight(&self.shape, |at| self.at_x(at), gy),
            grad_bias(&self.shape, gy),
        ]
    }
}

fn dot(sums: &[Sum], values: &[f64]) -> f64 {
    assert_eq!(sums.len(), values.len());
    sums.iter().zip(values).map(|(sum, value)| sum.value * value).sum()
}

/// ⟨gy, conv x⟩ = ⟨grad_input gy, x⟩ = ⟨grad_weight(x, gy), weights⟩, exactly, on small integers; the bias
/// adds ⟨grad_bias gy, bias⟩ to the first.
#[test]
fn the_passes_are_adjoint() {
    let mut random = Random::new(5);
    let mut products = 0;
    for _ in 0..300 {
        let shape = any_shape(&mut random);
        let operands = Operands::new(shape, || random.below(199) as f64 - 99.0);
        let y = operands.forward();
        let [gx, gw, gb] = operands.gradients();
        let expected = dot(&y, &operands.gy) - dot(&gb, &operands.bias);
        assert_eq!(dot(&gx, &operands.x), expected);
        assert_eq!(dot(&gw, &operands.weights), expected);
        products += y.iter().map(|sum| sum.terms - 1).sum::<usize>();
    }
    assert!(products > 100_000);
}

/// The gradients against differences of Σ sin(y), a function that is curved.
#[test]
fn gradients_are_those_of_the_forward_pass() {
    const STEP: f64 = 1e-4;
    let mut random = Random::new(9);
    let mut compared = 0;
    for _ in 0..30 {
        let shape = any_shape(&mut random);
        let mut operands = Operands::new(shape, || f64::from(random.signed_unit()));
        operands.gy = operands.forward().iter().map(|sum| sum.value.cos()).collect();
        let gradients = operands.gradients();
        let fields: [fn(&mut Operands) -> &mut Vec<f64>; 3] =
            [|o| &mut o.x, |o| &mut o.weights, |o| &mut o.bias];
        for (gradient, field) in gradients.iter().zip(fields) {
            assert_eq!(gradient.len(), field(&mut operands).len());
            for (index, gradient) in gradient.iter().enumerate() {
                let mut loss = |step: f64| -> f64 {
                    field(&mut operands)[index] += step;
                    let loss = operands.forward().iter().map(|sum| sum.value.sin()).sum();
                    field(&mut operands)[index] -= step;
                    loss
                };
                let difference = (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
                let error = (difference - gradient.value).abs();
                assert!(error < 1e-6 * (1.0 + gradient.magnitude), "{shape:?} {gradient:?}");
                compared += usize::from(gradient.terms > 0);
            }
        }
    }
    assert!(compared > 2000, "{compared}");
}
