//! The cases that cover every instance: its interior, borders and tails, alone and together.

mod arbitrary;
mod complete;
mod layers;
mod tiny;
mod trees;

use std::sync::OnceLock;

use depthwise::{Activation, Update};

use crate::case::Case;
use crate::classes::Coverages;
use crate::pass::Pass;
use crate::random::Random;

pub use arbitrary::arbitrary;
pub use tiny::tiny;

/// Activations: none, both of the usual, and clamps with one bound, both, and a negative zero.
pub const ACTIVATIONS: [Activation; 6] = [
    Activation::None,
    Activation::Relu,
    Activation::Relu6,
    Activation::Clamp { min: -0.75, max: 4099.0 },
    Activation::Clamp { min: f32::NEG_INFINITY, max: 0.5 },
    Activation::Clamp { min: -0.0, max: f32::INFINITY },
];

/// What becomes of the results of gradients.
pub const UPDATES: [Update; 2] = [Update::Overwrite, Update::Accumulate];

const OFFSETS: usize = 4;

/// Cases of any window, of each pass.
const ARBITRARY: usize = 600;

/// All cases of a pass, the same on every target: cases of any window, layers of networks, trees of
/// sums, and what these miss of the classes that there are.
pub fn of(pass: Pass) -> &'static [Case] {
    static CASES: [OnceLock<Vec<Case>>; 4] = [const { OnceLock::new() }; 4];
    CASES[pass as usize].get_or_init(|| {
        let random = &mut Random::new(2026);
        let mut cases = arbitrary(pass, ARBITRARY, random);
        cases.extend(match pass {
            Pass::Forward | Pass::GradInput => layers::layers(pass, random),
            Pass::GradWeight => trees::weights(random),
            Pass::GradBias => trees::biases(random),
        });
        if pass == Pass::GradInput {
            cases.extend(layers::residues(random));
        }
        let mut coverages = Coverages::of(pass);
        cases.iter().for_each(|case| coverages.meet(case));
        for (kernel, expected, coverage) in coverages.iter_mut() {
            cases.extend(complete::complete(*kernel, expected, coverage, random));
        }
        cases
    })
}

/// The cases of all passes.
pub fn all() -> impl Iterator<Item = Case> {
    Pass::ALL.into_iter().flat_map(|pass| of(pass).iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order;
    use crate::shape::Shape;
    use crate::tree;
    use depthwise::{INSTANCES, Instance, Layout};

    fn count(pass: Pass, which: impl Fn(&Case) -> bool) -> usize {
        of(pass).iter().filter(|case| which(case)).count()
    }

    /// Every instance with each pass that it computes.
    fn instances() -> impl Iterator<Item = (Pass, &'static Instance)> {
        let of = |pass: Pass| INSTANCES.iter().filter(move |i| pass.is_computed_by(i));
        Pass::ALL.into_iter().flat_map(move |pass| of(pass).map(move |i| (pass, i)))
    }

    #[test]
    fn input_gradients_have_every_residue_class() {
        for layout in Layout::ALL {
            for (stride, dilation) in (2..=4).flat_map(|s| (1..=3).map(move |d| (s, d))) {
                for kernel in [1, 2, 3, 5, 7] {
                    for low in 0..2 {
                        let wanted = |case: &Case| {
                            let s = &case.shape;
                            case.layout == layout
                                && (s.stride, s.dilation) == ([stride; 2], [dilation; 2])
                                && s.kernel == [kernel; 2]
                                && s.low[1].rem_euclid(2) == low
                        };
                        assert!(count(Pass::GradInput, wanted) > 0);
                    }
                }
            }
        }
        for multiplier in 1..=5 {
            let cases = count(Pass::GradInput, |c| c.shape.multiplier == multiplier);
            assert!(cases > 40, "{cases} with multiplier {multiplier}");
        }
    }

    #[test]
    fn weight_gradients_have_trees_of_every_form() {
        for (pass, instance) in instances().filter(|(pass, _)| *pass == Pass::GradWeight) {
            let any = |which: &dyn Fn(&Shape) -> bool| {
                count(pass, |case| case.instance == Some(instance) && which(&case.shape)) > 0
            };
            for leaves in [1, 2, 3, 5, 6, 7] {
                assert!(any(&|s| tree::leaves(s).len() == leaves), "{} {leaves}", instance.name);
            }
            for columns in [1, 127, 128, 129, 300] {
                assert!(any(&|s| s.output()[1] == columns), "{} {columns}", instance.name);
            }
            assert!(any(&|s| s.batch == 3 && tree::leaves(s)[0].rows.len() > 1));
        }
    }

    #[test]
    fn both_updates_are_common() {
        for pass in [Pass::GradInput, Pass::GradWeight, Pass::GradBias] {
            for update in UPDATES {
                assert!(count(pass, |c| c.update == update) * 4 > of(pass).len(), "{pass:?}");
            }
        }
    }

    #[test]
    fn cases_can_be_run_and_are_small() {
        for pass in Pass::ALL {
            let mut terms = 0;
            for case in of(pass) {
                assert!(case.shape.is_possible());
                let conv = case.conv(depthwise::Isa::best()).unwrap();
                assert_eq!(conv.problem().height().output(), case.shape.output()[0]);
                assert_eq!(conv.problem().width().output(), case.shape.output()[1]);
                terms += order::count(pass, &case.shape) * pass.terms(&case.shape);
            }
            let mean = terms / of(pass).len();
            assert!((1000..40_000).contains(&mean), "{mean} terms a case of {pass:?}");
        }
    }
}
