//! The reference against sums done by hand, and its passes against each other.

use depthwise_verification::Shape;
use depthwise_verification::random::Random;
use depthwise_verification::reference::{Sum, forward, grad_bias, grad_input, grad_weight};

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

/// ⟨gy, conv x⟩ = ⟨grad_input gy, x⟩ = ⟨grad_weight(x, gy), weights⟩, exactly, on small integers.
#[test]
fn the_passes_are_adjoint() {
    let mut random = Random::new(5);
    let mut products = 0;
    for _ in 0..300 {
        let mut pair = |most: usize| [1 + random.below(most), 1 + random.below(most)];
        let (kernel, stride, dilation, spare, low) = (pair(4), pair(3), pair(3), pair(6), pair(5));
        let shape = Shape {
            batch: 2,
            channels: 2,
            multiplier: spare[0] % 3 + 1,
            input: [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + spare[axis] + 1),
            kernel,
            stride,
            dilation,
            low: low.map(|low| low as isize - 2),
            high: [1, 0],
        };
        let mut list = |len: usize| -> Vec<f64> {
            (0..len).map(|_| random.below(199) as f64 - 99.0).collect()
        };
        let ([oh, ow], channels) = (shape.output(), shape.output_channels());
        let (x, w) =
            (list(2 * 2 * shape.input[0] * shape.input[1]), list(channels * kernel[0] * kernel[1]));
        let gy = list(2 * channels * oh * ow);
        let at_x =
            |[n, c, h, w]: [usize; 4]| x[((n * 2 + c) * shape.input[0] + h) * shape.input[1] + w];
        let at_w = |[o, u, v]: [usize; 3]| w[(o * kernel[0] + u) * kernel[1] + v];
        let at_gy = |[n, o, i, j]: [usize; 4]| gy[((n * channels + o) * oh + i) * ow + j];
        let dot = |sums: &[Sum], values: &[f64]| -> f64 {
            assert_eq!(sums.len(), values.len());
            sums.iter().zip(values).map(|(sum, value)| sum.value * value).sum()
        };
        let y = forward(&shape, at_x, at_w, |_| None);
        let expected = dot(&y, &gy);
        assert_eq!(dot(&grad_input(&shape, at_gy, at_w), &x), expected);
        assert_eq!(dot(&grad_weight(&shape, at_x, at_gy), &w), expected);
        // A constant gradient sums to its count.
        assert_eq!(grad_bias(&shape, |_| 1.0)[0].value, (2 * oh * ow) as f64);
        products += y.iter().map(|sum| sum.terms).sum::<usize>();
    }
    assert!(products > 100_000);
}
