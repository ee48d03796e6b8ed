//! Checks results against the reference in f64.

use anyhow::{Result, ensure};
use depthwise::{Machine, Problem, Update};
use depthwise_verification::data::{Data, Tensors};
use depthwise_verification::reference::Sum;
use depthwise_verification::{Case, Pass, Shape, bound, order, passes};

/// The exact results of a pass, for checking.
pub struct Reference {
    case: Case,
    /// In the order of [`order::results`].
    sums: Vec<Sum>,
}

impl Reference {
    /// The results for `tensors`, which are in the order of the problem's layout.
    pub fn new(pass: Pass, problem: &Problem, tensors: &Tensors) -> Self {
        let case = Case {
            pass,
            shape: shape(problem),
            layout: problem.layout(),
            bias: tensors.bias.is_some(),
            update: Update::Overwrite,
            activation: problem.activation(),
            data: Data::Uniform,
            seed: 0,
            offset: 0,
            machine: Machine::target(),
            instance: None,
        };
        Self { case, sums: passes::sums(&case, tensors) }
    }

    /// Number of results.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// The largest error of `results` as a share of its bound, which the library's order of summation
    /// cannot exceed.
    ///
    /// # Errors
    /// Any error above its bound.
    pub fn check(&self, results: &[f32]) -> Result<f64> {
        self.within(results, passes::bound(&self.case))
    }

    /// As [`check`](Self::check), with the bound for any order of summation.
    ///
    /// # Errors
    /// Any error above its bound.
    pub fn check_any_order(&self, results: &[f32]) -> Result<f64> {
        self.within(results, bound::of)
    }

    fn within(&self, results: &[f32], bound: impl Fn(&Sum) -> f64) -> Result<f64> {
        let Case { pass, shape, layout, .. } = &self.case;
        let mut worst = 0.0;
        for (at, sum) in order::results(*pass, shape).zip(&self.sums) {
            let found = results[order::result(*pass, *layout, shape, at)];
            let (error, bound) = ((f64::from(found) - sum.value).abs(), bound(sum));
            // Written so that NaN, which is in no order, fails.
            let within = error <= bound;
            ensure!(
                within,
                "{} at [image, channel, row, column] = {at:?} is {found:e}, expected {:e} ± {bound:.1e}",
                pass.name(),
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
    use depthwise::Layout;

    /// The input 1 2 3, the kernel 2 3 and the output gradient 1 −1 in both channels of either layout,
    /// with the results of a pass.
    fn example(layout: Layout, pass: Pass) -> (Reference, Vec<f32>) {
        let problem = Problem::builder().channels(2).input([1, 3]).kernel([1, 2]).layout(layout);
        let both = |values: &[f32]| match layout {
            Layout::Nhwc => values.iter().flat_map(|value| [*value; 2]).collect(),
            Layout::Nchw => [values; 2].concat(),
        };
        let tensors = Tensors {
            x: both(&[1.0, 2.0, 3.0]),
            weights: both(&[2.0, 3.0]),
            gy: both(&[1.0, -1.0]),
            ..Tensors::default()
        };
        let results: &[f32] = match pass {
            Pass::Forward => &[8.0, 13.0],
            Pass::GradInput => &[2.0, 1.0, -3.0],
            Pass::GradWeight => &[-1.0, -1.0],
            Pass::GradBias => &[0.0],
        };
        (Reference::new(pass, &problem.build().unwrap(), &tensors), both(results))
    }

    #[test]
    fn wrong_results_are_errors_in_every_pass() {
        for (layout, pass) in Layout::ALL.into_iter().flat_map(|l| Pass::ALL.map(|pass| (l, pass)))
        {
            let (reference, right) = example(layout, pass);
            assert_eq!(reference.len(), right.len());
            assert_eq!(reference.check(&right).unwrap(), 0.0);
            assert_eq!(reference.check_any_order(&right).unwrap(), 0.0);
            for index in 0..right.len() {
                for wrong in [7.0, f32::NAN, f32::INFINITY, right[index] + 1e-5] {
                    let mut results = right.clone();
                    results[index] = wrong;
                    let error = reference.check(&results).expect_err("wrong").to_string();
                    assert!(error.starts_with(pass.name()), "{error}");
                    assert!(reference.check_any_order(&results).is_err());
                }
            }
        }
    }

    #[test]
    fn the_bound_is_tight_enough() {
        for layout in Layout::ALL {
            let (reference, mut y) = example(layout, Pass::Forward);
            y[0] += 8.0 * f32::EPSILON;
            assert!((reference.check(&y).unwrap() - 1.0).abs() < 1e-6);
        }
    }

    /// What the tree promises is less than what any order may do.
    #[test]
    fn weight_gradients_have_the_bound_of_their_tree() {
        let problem = Problem::builder().input([128, 128]).build().unwrap();
        let tensors =
            Tensors { x: vec![1.0; 1 << 14], gy: vec![1.0; 1 << 14], ..Tensors::default() };
        let reference = Reference::new(Pass::GradWeight, &problem, &tensors);
        let exact = (1 << 14) as f32;
        let shares = |value| (reference.check(&[value]), reference.check_any_order(&[value]));
        let (tree, any) = shares(exact + 0.125);
        assert!(tree.unwrap() > 50.0 * any.unwrap());
        let (tree, any) = shares(exact + 1.0);
        assert!(tree.is_err() && any.unwrap() < 0.1);
    }

    #[test]
    fn a_window_in_the_padding_is_exactly_zero() {
        let padding = depthwise::Padding { left: 1, ..depthwise::Padding::valid() };
        let problem = Problem::builder().padding(padding).build().unwrap();
        let tensors = Tensors { x: vec![3.0], weights: vec![2.0], ..Tensors::default() };
        let reference = Reference::new(Pass::Forward, &problem, &tensors);
        assert_eq!(reference.check(&[0.0, 6.0]).unwrap(), 0.0);
        assert!(reference.check(&[f32::MIN_POSITIVE, 6.0]).is_err());
    }
}
