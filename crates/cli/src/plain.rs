//! The yardstick: depthwise convolution as one writes it without intrinsics, in loops that the
//! compiler turns into vector code of the target.

use std::ops::Range;

use depthwise::{Layout, Problem};

/// `y = conv(x, weights)` of a problem with a multiplier of 1, in the order of its layout.
pub fn forward(problem: &Problem, x: &[f32], weights: &[f32], y: &mut [f32]) {
    match problem.layout() {
        Layout::Nhwc => nhwc(problem, x, weights, y),
        Layout::Nchw => nchw(problem, x, weights, y),
    }
}

/// Tap after tap, each for all channels of an output.
#[inline(never)]
fn nhwc(problem: &Problem, x: &[f32], weights: &[f32], y: &mut [f32]) {
    let (height, width, channels) = (problem.height(), problem.width(), problem.channels());
    let (rows, columns) = (height.output(), width.output());
    let image = height.input() * width.input() * channels;
    for (pixel, y) in y.chunks_exact_mut(channels).enumerate() {
        let (n, i, j) = (pixel / columns / rows, pixel / columns % rows, pixel % columns);
        let x = &x[n * image..(n + 1) * image];
        y.fill(0.0);
        for (tap, weights) in weights.chunks_exact(channels).enumerate() {
            let (u, v) = (tap / width.kernel(), tap % width.kernel());
            let h = (i * height.stride() + u * height.dilation()) as isize - height.pad_low();
            let w = (j * width.stride() + v * width.dilation()) as isize - width.pad_low();
            let inside = (0..height.input() as isize).contains(&h)
                && (0..width.input() as isize).contains(&w);
            if inside {
                let start = (h as usize * width.input() + w as usize) * channels;
                for ((y, x), w) in y.iter_mut().zip(&x[start..]).zip(weights) {
                    *y += x * w;
                }
            }
        }
    }
}

/// Tap after tap, each for a whole row of outputs.
#[inline(never)]
fn nchw(problem: &Problem, x: &[f32], weights: &[f32], y: &mut [f32]) {
    let (height, width) = (problem.height(), problem.width());
    let (rows, columns) = (height.output(), width.output());
    let (plane, kernel) = (height.input() * width.input(), height.kernel() * width.kernel());
    for (row, y) in y.chunks_exact_mut(columns).enumerate() {
        let (channel, i) = (row / rows, row % rows);
        let x = &x[channel * plane..(channel + 1) * plane];
        let weights = &weights[channel % problem.channels() * kernel..][..kernel];
        y.fill(0.0);
        for (tap, &weight) in weights.iter().enumerate() {
            let (u, v) = (tap / width.kernel(), tap % width.kernel());
            let h = (i * height.stride() + u * height.dilation()) as isize - height.pad_low();
            if !(0..height.input() as isize).contains(&h) {
                continue;
            }
            let offset = (v * width.dilation()) as isize - width.pad_low();
            let Range { start, end } = inside(offset, width.stride(), width.input(), columns);
            if start >= end {
                continue;
            }
            let first = (start * width.stride()) as isize + offset;
            let x = &x[h as usize * width.input() + first as usize..];
            let y = &mut y[start..end];
            if width.stride() == 1 {
                for (y, x) in y.iter_mut().zip(x) {
                    *y += x * weight;
                }
            } else {
                for (y, x) in y.iter_mut().zip(x.iter().step_by(width.stride())) {
                    *y += x * weight;
                }
            }
        }
    }
}

/// The outputs below `outputs` whose position `output·stride + offset` is in `0..input`.
fn inside(offset: isize, stride: usize, input: usize, outputs: usize) -> Range<usize> {
    let reach = |limit: isize| ((limit - offset).max(0) as usize).div_ceil(stride).min(outputs);
    reach(0)..reach(input as isize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Reference;
    use depthwise::Padding;

    #[test]
    fn agrees_with_the_reference() {
        let mut checked = 0;
        for layout in Layout::ALL {
            for (stride, dilation) in [([1, 1], [1, 1]), ([2, 2], [1, 1]), ([1, 3], [2, 2])] {
                for pad in [-1, 0, 2, 5] {
                    let padding = Padding { left: pad, top: 1, ..Padding::symmetric(2, 1) };
                    let problem = Problem::builder()
                        .batch(2)
                        .channels(3)
                        .input([5, 7])
                        .kernel([3, 2])
                        .stride(stride)
                        .dilation(dilation)
                        .padding(padding)
                        .layout(layout)
                        .build()
                        .unwrap();
                    let data =
                        |len| (0..len).map(|i| (i * 7 % 11) as f32 - 5.0).collect::<Vec<_>>();
                    let (x, w) = (data(problem.input_len()), data(problem.weights_len()));
                    let mut y = vec![f32::NAN; problem.output_len()];
                    forward(&problem, &x, &w, &mut y);
                    assert_eq!(Reference::forward(&problem, &x, &w).check(&y).unwrap(), 0.0);
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 24);
    }
}
