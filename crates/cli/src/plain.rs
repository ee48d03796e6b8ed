//! The yardstick: each pass as one writes it without intrinsics, in loops that the compiler turns into
//! vector code of the target.

use std::array::from_fn;
use std::ops::Range;

use depthwise::{Layout, Problem};
use depthwise_verification::Pass;
use depthwise_verification::data::Tensors;

/// Results of a pass of a problem with a multiplier of 1, in the order of its layout.
pub fn compute(pass: Pass, problem: &Problem, tensors: &Tensors, results: &mut [f32]) {
    let Tensors { x, weights, gy, .. } = tensors;
    match (problem.layout(), pass) {
        (Layout::Nhwc, Pass::Forward) => nhwc::forward(problem, x, weights, results),
        (Layout::Nhwc, Pass::GradInput) => nhwc::grad_input(problem, gy, weights, results),
        (Layout::Nhwc, Pass::GradWeight) => nhwc::grad_weight(problem, x, gy, results),
        (Layout::Nhwc, Pass::GradBias) => nhwc::grad_bias(problem, gy, results),
        (Layout::Nchw, Pass::Forward) => nchw::forward(problem, x, weights, results),
        (Layout::Nchw, Pass::GradInput) => nchw::grad_input(problem, gy, weights, results),
        (Layout::Nchw, Pass::GradWeight) => nchw::grad_weight(problem, x, gy, results),
        (Layout::Nchw, Pass::GradBias) => nchw::grad_bias(problem, gy, results),
    }
}

/// Output after output, tap after tap, each for all channels.
mod nhwc {
    use super::*;

    #[inline(never)]
    pub fn forward(problem: &Problem, x: &[f32], weights: &[f32], y: &mut [f32]) {
        let channels = problem.channels();
        for (pixel, y) in y.chunks_exact_mut(channels).enumerate() {
            y.fill(0.0);
            taps(problem, pixel, |x_start, w_start| {
                for ((y, x), w) in y.iter_mut().zip(&x[x_start..]).zip(&weights[w_start..]) {
                    *y += x * w;
                }
            });
        }
    }

    #[inline(never)]
    pub fn grad_input(problem: &Problem, gy: &[f32], weights: &[f32], gx: &mut [f32]) {
        gx.fill(0.0);
        for (pixel, gy) in gy.chunks_exact(problem.channels()).enumerate() {
            taps(problem, pixel, |x_start, w_start| {
                for ((gx, gy), w) in gx[x_start..].iter_mut().zip(gy).zip(&weights[w_start..]) {
                    *gx += gy * w;
                }
            });
        }
    }

    #[inline(never)]
    pub fn grad_weight(problem: &Problem, x: &[f32], gy: &[f32], gw: &mut [f32]) {
        gw.fill(0.0);
        for (pixel, gy) in gy.chunks_exact(problem.channels()).enumerate() {
            taps(problem, pixel, |x_start, w_start| {
                for ((gw, gy), x) in gw[w_start..].iter_mut().zip(gy).zip(&x[x_start..]) {
                    *gw += gy * x;
                }
            });
        }
    }

    #[inline(never)]
    pub fn grad_bias(problem: &Problem, gy: &[f32], gb: &mut [f32]) {
        gb.fill(0.0);
        for gy in gy.chunks_exact(problem.channels()) {
            for (gb, gy) in gb.iter_mut().zip(gy) {
                *gb += gy;
            }
        }
    }

    /// Calls `each` with where the channels of input and weights start, for each tap that output
    /// `pixel` has inside the input.
    #[inline(always)]
    fn taps(problem: &Problem, pixel: usize, mut each: impl FnMut(usize, usize)) {
        let (height, width, channels) = (problem.height(), problem.width(), problem.channels());
        let (rows, columns) = (height.output(), width.output());
        let (n, i, j) = (pixel / columns / rows, pixel / columns % rows, pixel % columns);
        for tap in 0..height.kernel() * width.kernel() {
            let (u, v) = (tap / width.kernel(), tap % width.kernel());
            let h = (i * height.stride() + u * height.dilation()) as isize - height.pad_low();
            let w = (j * width.stride() + v * width.dilation()) as isize - width.pad_low();
            let inside = (0..height.input() as isize).contains(&h)
                && (0..width.input() as isize).contains(&w);
            if inside {
                let row = n * height.input() + h as usize;
                each((row * width.input() + w as usize) * channels, tap * channels);
            }
        }
    }
}

/// Row after row of outputs, tap after tap, each for all columns.
mod nchw {
    use super::*;

    #[inline(never)]
    pub fn forward(problem: &Problem, x: &[f32], weights: &[f32], y: &mut [f32]) {
        let stride = problem.width().stride();
        for (row, y) in y.chunks_exact_mut(problem.width().output()).enumerate() {
            y.fill(0.0);
            taps(problem, row, |first, columns, tap| {
                let (x, y, weight) = (&x[first..], &mut y[columns], weights[tap]);
                if stride == 1 {
                    y.iter_mut().zip(x).for_each(|(y, x)| *y += x * weight);
                } else {
                    y.iter_mut().zip(x.iter().step_by(stride)).for_each(|(y, x)| *y += x * weight);
                }
            });
        }
    }

    #[inline(never)]
    pub fn grad_input(problem: &Problem, gy: &[f32], weights: &[f32], gx: &mut [f32]) {
        let stride = problem.width().stride();
        gx.fill(0.0);
        for (row, gy) in gy.chunks_exact(problem.width().output()).enumerate() {
            taps(problem, row, |first, columns, tap| {
                let (gx, gy, weight) = (&mut gx[first..], &gy[columns], weights[tap]);
                if stride == 1 {
                    gx.iter_mut().zip(gy).for_each(|(gx, gy)| *gx += gy * weight);
                } else {
                    let gx = gx.iter_mut().step_by(stride);
                    gx.zip(gy).for_each(|(gx, gy)| *gx += gy * weight);
                }
            });
        }
    }

    #[inline(never)]
    pub fn grad_weight(problem: &Problem, x: &[f32], gy: &[f32], gw: &mut [f32]) {
        let stride = problem.width().stride();
        gw.fill(0.0);
        for (row, gy) in gy.chunks_exact(problem.width().output()).enumerate() {
            taps(problem, row, |first, columns, tap| {
                let (x, gy) = (&x[first..], &gy[columns]);
                let (pieces, rest) = gy.as_chunks::<CHAINS>();
                let rest_x = x.iter().step_by(stride).skip(gy.len() - rest.len());
                gw[tap] += rest.iter().zip(rest_x).map(|(gy, x)| gy * x).sum::<f32>();
                gw[tap] += if stride == 1 {
                    let (x, _) = x.as_chunks::<CHAINS>();
                    sum(pieces.iter().zip(x).map(|(gy, x)| from_fn(|i| gy[i] * x[i])))
                } else {
                    let x = x.chunks(CHAINS * stride);
                    sum(pieces.iter().zip(x).map(|(gy, x)| from_fn(|i| gy[i] * x[i * stride])))
                };
            });
        }
    }

    #[inline(never)]
    pub fn grad_bias(problem: &Problem, gy: &[f32], gb: &mut [f32]) {
        gb.fill(0.0);
        let plane = problem.height().output() * problem.width().output();
        for (plane, gy) in gy.chunks_exact(plane).enumerate() {
            let (pieces, rest) = gy.as_chunks::<CHAINS>();
            gb[plane % problem.channels()] +=
                sum(pieces.iter().copied()) + rest.iter().sum::<f32>();
        }
    }

    /// Partial sums of a row: a compiler may not make them out of one, and so no vectors of it.
    const CHAINS: usize = 8;

    #[inline(always)]
    fn sum(terms: impl Iterator<Item = [f32; CHAINS]>) -> f32 {
        let add = |chains: [f32; CHAINS], terms: [f32; CHAINS]| from_fn(|i| chains[i] + terms[i]);
        terms.fold([0.0; CHAINS], add).into_iter().sum()
    }

    /// Calls `each` for each tap that row `row` of all planes has inside the input: with the input element
    /// of the first output column that has it, those columns, and the weight.
    #[inline(always)]
    fn taps(problem: &Problem, row: usize, mut each: impl FnMut(usize, Range<usize>, usize)) {
        let (height, width) = (problem.height(), problem.width());
        let (plane, i) = (row / height.output(), row % height.output());
        let kernel = height.kernel() * width.kernel();
        for tap in 0..kernel {
            let (u, v) = (tap / width.kernel(), tap % width.kernel());
            let h = (i * height.stride() + u * height.dilation()) as isize - height.pad_low();
            let offset = (v * width.dilation()) as isize - width.pad_low();
            let columns = inside(offset, width.stride(), width.input(), width.output());
            if (0..height.input() as isize).contains(&h) && !columns.is_empty() {
                let first = (columns.start * width.stride()).wrapping_add_signed(offset);
                let row = plane * height.input() + h as usize;
                let weights = plane % problem.channels() * kernel;
                each(row * width.input() + first, columns, weights + tap);
            }
        }
    }

    /// The outputs below `outputs` whose position `output·stride + offset` is in `0..input`.
    fn inside(offset: isize, stride: usize, input: usize, outputs: usize) -> Range<usize> {
        let reach = |limit: isize| ((limit - offset).max(0) as usize).div_ceil(stride).min(outputs);
        reach(0)..reach(input as isize)
    }
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
                        .input([5, 19])
                        .kernel([3, 2])
                        .stride(stride)
                        .dilation(dilation)
                        .padding(padding)
                        .layout(layout)
                        .build()
                        .unwrap();
                    let data =
                        |len| (0..len).map(|i| (i * 7 % 11) as f32 - 5.0).collect::<Vec<_>>();
                    let tensors = Tensors {
                        x: data(problem.input_len()),
                        weights: data(problem.weights_len()),
                        gy: data(problem.output_len()),
                        ..Tensors::default()
                    };
                    for pass in Pass::ALL {
                        let reference = Reference::new(pass, &problem, &tensors);
                        let mut results = vec![f32::NAN; reference.len()];
                        compute(pass, &problem, &tensors, &mut results);
                        assert_eq!(reference.check(&results).unwrap(), 0.0);
                        checked += 1;
                    }
                }
            }
        }
        assert_eq!(checked, 24 * Pass::ALL.len());
    }
}
