//! Checks results against the reference in f64.

use anyhow::{Result, ensure};
use depthwise::{Layout, Problem};
use depthwise_verification::reference::{self, Sum};
use depthwise_verification::{Shape, bound, order};

/// The exact results of a problem without bias, for checking.
pub struct Reference {
    layout: Layout,
    shape: Shape,
    /// In the order of [`order::outputs`].
    sums: Vec<Sum>,
}

impl Reference {
    /// The forward pass of `x` and `weights`, both in the order of the problem's layout.
    pub fn forward(problem: &Problem, x: &[f32], weights: &[f32]) -> Self {
        let (layout, shape) = (problem.layout(), shape(problem));
        let sums = reference::forward(
            &shape,
            |at| x[order::input(layout, &shape, at)].into(),
            |at| weights[order::weight(layout, &shape, at)].into(),
            |_| None,
        );
        Self { layout, shape, sums }
    }

    /// The largest error of `y` as a share of its bound, which no order of summation can exceed.
    ///
    /// # Errors
    /// Any error above its bound.
    pub fn check(&self, y: &[f32]) -> Result<f64> {
        let mut worst = 0.0;
        for (at, sum) in order::outputs(&self.shape).zip(&self.sums) {
            let found = y[order::output(self.layout, &self.shape, at)];
            let error = (f64::from(found) - sum.value).abs();
            let bound = bound::of(sum);
            // Written so that NaN, which is in no order, fails.
            let within = error <= bound;
            ensure!(
                within,
                "y at [n, c, h, w] = {at:?} is {found:e}, expected {:e} ± {bound:.1e}",
                sum.value
            );
            if error > 0.0 {
                worst = f64::max(worst, error / bound);
            }
        }
        Ok(worst)
    }
}

fn shape(problem: &Problem) -> Shape {
    let (height, width) = (problem.height(), problem.width());
    Shape {
        batch: problem.batch(),
        channels: problem.channels(),
        multiplier: problem.multiplier(),
        input: [height.input(), width.input()],
        kernel: [height.kernel(), width.kernel()],
        stride: [height.stride(), width.stride()],
        dilation: [height.dilation(), width.dilation()],
        low: [height.pad_low(), width.pad_low()],
        high: [height.pad_high(), width.pad_high()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1·2 + 2·3 and 2·2 + 3·3, in both channels of either layout.
    fn problem(layout: Layout) -> (Problem, [f32; 6], [f32; 4]) {
        let problem = Problem::builder().channels(2).input([1, 3]).kernel([1, 2]).layout(layout);
        let (x, w) = match layout {
            Layout::Nhwc => ([1.0, 1.0, 2.0, 2.0, 3.0, 3.0], [2.0, 2.0, 3.0, 3.0]),
            Layout::Nchw => ([1.0, 2.0, 3.0, 1.0, 2.0, 3.0], [2.0, 3.0, 2.0, 3.0]),
        };
        (problem.build().unwrap(), x, w)
    }

    #[test]
    fn the_bound_is_tight_enough() {
        for layout in Layout::ALL {
            let (problem, x, w) = problem(layout);
            let reference = Reference::forward(&problem, &x, &w);
            let right = match layout {
                Layout::Nhwc => [8.0, 8.0, 13.0, 13.0],
                Layout::Nchw => [8.0, 13.0, 8.0, 13.0],
            };
            assert_eq!(reference.check(&right).unwrap(), 0.0);
            for (index, wrong) in [(0, 7.0), (1, f32::NAN), (2, f32::INFINITY), (3, 8.00001)] {
                let mut y = right;
                y[index] = wrong;
                assert!(reference.check(&y).is_err(), "{wrong}");
            }
            let mut y = right;
            y[0] += 8.0 * f32::EPSILON;
            assert!((reference.check(&y).unwrap() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_window_in_the_padding_is_exactly_zero() {
        let padding = depthwise::Padding { left: 1, ..depthwise::Padding::valid() };
        let problem = Problem::builder().padding(padding).build().unwrap();
        let reference = Reference::forward(&problem, &[3.0], &[2.0]);
        assert_eq!(reference.check(&[0.0, 6.0]).unwrap(), 0.0);
        assert!(reference.check(&[f32::MIN_POSITIVE, 6.0]).is_err());
    }
}
