//! The checks against wrong gradients: each planted bug must be caught, by name.

use crate::planted::{contracts, here};
use depthwise::{Body, Contract, Error, Isa, Layout, Machine, Update};
use depthwise_verification::Check::{Bits, Bound, Exact, Fence, Guard, Tiles};
use depthwise_verification::Pass::{GradBias, GradInput, GradWeight};
use depthwise_verification::contract;
use depthwise_verification::memory::Memory;
use depthwise_verification::tree::{self, Leaf};
use depthwise_verification::{Case, Check, Pass, Subject, campaign, cases, order};

/// What is wrong with an implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// Above stride 1, the taps of the residue class next to the right one are read.
    ResidueClass,
    /// The kernel is read forwards along the rows of the output gradient.
    Unflipped,
    /// The windows are summed from the last to the first.
    WindowOrder,
    /// All windows of one output channel are summed before those of the next.
    ChannelsOutside,
    /// Of the output channels of an input channel, only the first counts.
    OneOutputChannel,
    /// What no tap reaches isn't written.
    Unreached,
    /// What no tap reaches is −0.
    NegativeZero,
    /// The last window of a row is left out if it misses columns.
    BorderColumn,
    /// The images after the first are left out.
    FirstImage,
    /// The last leaf is left out.
    LastLeaf,
    /// Leaves are summed from the last position to the first.
    LeafOrder,
    /// Leaves are added from left to right.
    TreeOrder,
    /// Trees are split in the middle on one machine.
    TreeOfOneMachine,
    /// Everything is one chain.
    NoTree,
    /// Leaves are one chain in either layout.
    OneChain,
    /// The four chains are added from left to right.
    ChainOrder,
    /// The four chains go by the column of the image.
    ChainsByRow,
    /// The sums go the other way round in one kind of kernel.
    OrderOfOneBody,
    /// Fused for mul-add, and mul-add for fused.
    OtherContract,
    /// What is there is overwritten instead of added to.
    IgnoresAccumulate,
    /// What is there is added to instead of overwritten.
    Accumulates,
    /// Sums start at what is there, instead of being added to it.
    StartsAtBefore,
    /// The element after the output gradient is read, and multiplied by 0.
    OverRead,
    /// One element after the results is written.
    OverWrite,
    /// The output gradient is written.
    WritesGradient,
    /// The problem is refused.
    Refuses,
}

/// Checks that see any wrong sum.
const WRONG: &[Check] = &[Exact, Bound, Bits];

/// Which checks catch which bugs of which pass.
const CAUGHT: [(Pass, Bug, &[Check]); 42] = [
    (GradInput, Bug::None, &[]),
    (GradInput, Bug::ResidueClass, WRONG),
    (GradInput, Bug::Unflipped, WRONG),
    (GradInput, Bug::WindowOrder, &[Bits]),
    (GradInput, Bug::ChannelsOutside, &[Bits]),
    (GradInput, Bug::OneOutputChannel, WRONG),
    (GradInput, Bug::Unreached, &[Exact, Bound, Bits, Guard, Fence]),
    (GradInput, Bug::NegativeZero, &[Bits]),
    (GradInput, Bug::BorderColumn, WRONG),
    (GradInput, Bug::OrderOfOneBody, &[Bits, Tiles]),
    (GradInput, Bug::OtherContract, &[Bits]),
    (GradInput, Bug::IgnoresAccumulate, WRONG),
    (GradInput, Bug::Accumulates, WRONG),
    (GradInput, Bug::StartsAtBefore, &[Bits]),
    (GradInput, Bug::OverRead, &[Exact, Bound, Bits, Fence]),
    (GradInput, Bug::OverWrite, &[Guard, Fence]),
    (GradInput, Bug::WritesGradient, &[Guard, Fence]),
    (GradInput, Bug::Refuses, &Check::ALL),
    (GradWeight, Bug::None, &[]),
    (GradWeight, Bug::Unreached, &[Exact, Bound, Bits, Guard, Fence]),
    (GradWeight, Bug::NegativeZero, &[Bits]),
    (GradWeight, Bug::BorderColumn, WRONG),
    (GradWeight, Bug::FirstImage, WRONG),
    (GradWeight, Bug::LastLeaf, WRONG),
    (GradWeight, Bug::LeafOrder, &[Bits]),
    (GradWeight, Bug::TreeOrder, &[Bits]),
    (GradWeight, Bug::TreeOfOneMachine, &[Bits, Tiles]),
    (GradWeight, Bug::NoTree, &[Bits]),
    (GradWeight, Bug::OneChain, &[Bits]),
    (GradWeight, Bug::ChainOrder, &[Bits]),
    (GradWeight, Bug::ChainsByRow, &[Bits]),
    (GradWeight, Bug::OrderOfOneBody, &[Bits, Tiles]),
    (GradWeight, Bug::OtherContract, &[Bits]),
    (GradWeight, Bug::IgnoresAccumulate, WRONG),
    (GradWeight, Bug::StartsAtBefore, &[Bits]),
    (GradWeight, Bug::OverWrite, &[Guard, Fence]),
    (GradWeight, Bug::Refuses, &Check::ALL),
    (GradBias, Bug::None, &[]),
    (GradBias, Bug::LastLeaf, WRONG),
    (GradBias, Bug::TreeOrder, &[Bits]),
    (GradBias, Bug::ChainOrder, &[Bits]),
    (GradBias, Bug::IgnoresAccumulate, WRONG),
];

struct Planted {
    bug: Bug,
    contract: Contract,
}

impl Planted {
    fn has(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    /// Whether sums go the other way round, for a bug that does that always.
    fn is_reversed(&self, case: &Case, always: Bug) -> bool {
        let general = case.instance.is_some_and(|instance| instance.body == Body::Span);
        self.has(always) || (self.has(Bug::OrderOfOneBody) && general)
    }

    /// Adds a product; a bias gradient's terms are products with 1, which is exact.
    fn step(&self, a: f32, b: f32, sum: f32) -> f32 {
        let contract = match (self.bug, self.contract) {
            (Bug::OtherContract, Contract::Fused) => Contract::MulAdd,
            (Bug::OtherContract, Contract::MulAdd) => Contract::Fused,
            (_, contract) => contract,
        };
        contract::step(contract, a, b, sum)
    }

    /// The input element under a tap of a window, or none for a tap in the padding.
    fn position(&self, case: &Case, axis: usize, window: usize, tap: usize) -> Option<usize> {
        let shape = &case.shape;
        let at = |tap| {
            let padded = (window * shape.stride[axis] + tap * shape.dilation[axis]) as isize;
            usize::try_from(padded - shape.low[axis]).ok().filter(|&at| at < shape.input[axis])
        };
        let last = axis == 1 && window > 0 && window + 1 == shape.output()[1];
        let border = last && (0..shape.kernel[1]).any(|tap| at(tap).is_none());
        if self.has(Bug::BorderColumn) && border { None } else { at(tap) }
    }

    /// An element of the input gradient from `start`, unless no tap reaches it.
    fn grad_input(
        &self,
        case: &Case,
        memory: &Memory,
        [n, c, h, w]: [usize; 4],
        start: f32,
    ) -> Option<f32> {
        let (shape, layout) = (&case.shape, case.layout);
        // Windows that have the element along an axis, each with its tap there.
        let windows = |axis: usize, at: usize| {
            let taps = move |window| (0..shape.kernel[axis]).map(move |tap| (window, tap));
            let all = (0..shape.output()[axis]).flat_map(taps);
            let hit = move |(window, tap): &_| self.position(case, axis, *window, *tap) == Some(at);
            all.filter(hit).collect::<Vec<_>>()
        };
        let (rows, columns) = (windows(0, h), windows(1, w));
        let channels = if self.has(Bug::OneOutputChannel) { 1 } else { shape.multiplier };
        let mut terms = Vec::new();
        for (i, u) in &rows {
            for (j, v) in &columns {
                terms.extend((0..channels).map(|k| ([k, *i, *j], [*u, *v])));
            }
        }
        if self.has(Bug::ChannelsOutside) {
            terms.sort();
        }
        if self.is_reversed(case, Bug::WindowOrder) {
            terms.reverse();
        }
        let add = |sum: f32, ([k, i, j], [u, v]): &([usize; 3], [usize; 2])| {
            let o = c * shape.multiplier + k;
            let mut tap = [*u, *v];
            for (axis, tap) in tap.iter_mut().enumerate() {
                let last = shape.kernel[axis] - 1;
                match self.bug {
                    Bug::Unflipped => *tap = last - *tap,
                    Bug::ResidueClass if shape.stride[axis] > 1 => *tap = (*tap ^ 1).min(last),
                    _ => {}
                }
            }
            let gy = memory.gy.values()[order::output(layout, shape, [n, o, *i, *j])];
            self.step(
                gy,
                memory.weights.values()[order::weight(layout, shape, [o, tap[0], tap[1]])],
                sum,
            )
        };
        (!terms.is_empty()).then(|| terms.iter().fold(start, add))
    }

    /// A weight's gradient, or with no input a bias's, from `start`, unless no window has its tap inside.
    fn reduced(
        &self,
        case: &Case,
        memory: &Memory,
        [_, o, u, v]: [usize; 4],
        start: f32,
    ) -> Option<f32> {
        let (shape, layout) = (&case.shape, case.layout);
        let mut reached = case.pass == GradBias;
        let mut add = |sum: f32, [n, i, j]: [usize; 3]| {
            let gy = memory.gy.values()[order::output(layout, shape, [n, o, i, j])];
            if self.has(Bug::FirstImage) && n > 0 {
                return sum;
            }
            if case.pass == GradBias {
                return self.step(gy, 1.0, sum);
            }
            let (h, w) = (self.position(case, 0, i, u), self.position(case, 1, j, v));
            let (Some(h), Some(w)) = (h, w) else { return sum };
            reached = true;
            let at = [n, o / shape.multiplier, h, w];
            self.step(memory.x.values()[order::input(layout, shape, at)], gy, sum)
        };
        let sum = self.sum(case, start, &mut add);
        reached.then_some(sum)
    }

    fn sum(&self, case: &Case, start: f32, add: &mut dyn FnMut(f32, [usize; 3]) -> f32) -> f32 {
        let mut leaves = tree::leaves(&case.shape);
        if self.has(Bug::LastLeaf) && leaves.len() > 1 {
            leaves.pop();
        }
        if self.has(Bug::NoTree) {
            return leaves.iter().flat_map(positions).fold(start, |sum, (_, at)| add(sum, at));
        }
        let chains = match case.layout {
            Layout::Nchw if !self.has(Bug::OneChain) => 4,
            _ => 1,
        };
        let sums: Vec<[f32; 4]> = leaves
            .iter()
            .enumerate()
            .map(|(index, leaf)| {
                let mut sums = [0.0; 4];
                if index == 0 {
                    sums[0] = start;
                }
                let mut positions: Vec<_> = positions(leaf).collect();
                if self.is_reversed(case, Bug::LeafOrder) {
                    positions.reverse();
                }
                for (place, (column, at)) in positions.into_iter().enumerate() {
                    let place = if self.has(Bug::ChainsByRow) { place } else { column };
                    let sum = &mut sums[place % chains];
                    *sum = add(*sum, at);
                }
                sums
            })
            .collect();
        let [a, b, c, d] = self.joined(case, &sums);
        match chains {
            1 => a,
            _ if self.has(Bug::ChainOrder) => ((a + b) + c) + d,
            _ => (a + b) + (c + d),
        }
    }

    fn joined(&self, case: &Case, sums: &[[f32; 4]]) -> [f32; 4] {
        let half = sums.len().next_power_of_two() / 2;
        let split = match self.bug {
            Bug::TreeOrder => sums.len() - 1,
            Bug::TreeOfOneMachine if case.machine == Machine::ARM64 => sums.len() / 2,
            _ => half,
        };
        if sums.len() == 1 {
            return sums[0];
        }
        let (left, right) = sums.split_at(split);
        let (left, right) = (self.joined(case, left), self.joined(case, right));
        [0, 1, 2, 3].map(|chain| left[chain] + right[chain])
    }
}

/// Columns within a leaf, and positions.
fn positions(leaf: &Leaf) -> impl Iterator<Item = (usize, [usize; 3])> {
    leaf.rows.clone().flat_map(move |row| {
        let columns = leaf.columns.clone().enumerate();
        columns.map(move |(place, column)| (place, [leaf.image, row, column]))
    })
}

impl Subject for Planted {
    fn name(&self) -> String {
        format!("{:?}", self.bug)
    }

    fn contract(&self) -> Contract {
        self.contract
    }

    fn run(&self, case: &Case, memory: &mut Memory) -> Result<(), Error> {
        // Refuses what doesn't fit, as the library does.
        case.plan()?;
        if self.has(Bug::Refuses) {
            return Err(Error::Unavailable(Isa::Neon));
        }
        let accumulate = case.update == Update::Accumulate;
        for at in order::results(case.pass, &case.shape) {
            let index = order::result(case.pass, case.layout, &case.shape, at);
            let before = memory.results.values()[index];
            let start = if accumulate && self.has(Bug::StartsAtBefore) { before } else { 0.0 };
            let sum = match case.pass {
                GradInput => self.grad_input(case, memory, at, start),
                _ => self.reduced(case, memory, at, start),
            };
            let sum = match (sum, self.bug) {
                (None, Bug::Unreached) => continue,
                (None, Bug::NegativeZero) => -0.0,
                (sum, _) => sum.unwrap_or(start),
            };
            memory.results.values_mut()[index] = match self.bug {
                Bug::IgnoresAccumulate | Bug::StartsAtBefore => sum,
                Bug::Accumulates => before + sum,
                _ if accumulate => before + sum,
                _ => sum,
            };
        }
        let last = memory.results.values().len() as isize - 1;
        let end = memory.gy.values().len() as isize;
        match self.bug {
            Bug::OverRead => *memory.results.cell_mut(last) += 0.0 * *memory.gy.cell_mut(end),
            Bug::OverWrite => *memory.results.cell_mut(last + 1) = 1.0,
            Bug::WritesGradient => *memory.gy.cell_mut(end - 1) += 1.0,
            _ => {}
        }
        Ok(())
    }
}

/// Some of the small cases of a pass, of those with channel multipliers, and of those whose trees have an inner node on the
/// right.
fn few(pass: Pass) -> Vec<Case> {
    let products = |case: &Case| {
        let [height, width] = if pass == GradBias { [1, 1] } else { case.shape.kernel };
        order::outputs(&case.shape).count() * height * width
    };
    let small: Vec<_> = cases::of(pass).iter().filter(|case| products(case) < 1000).collect();
    let multiplied: Vec<_> =
        small.iter().filter(|case| case.shape.multiplier > 1).copied().collect();
    let bushy = cases::of(pass).iter().filter(|case| {
        let leaves = (5..8).contains(&tree::leaves(&case.shape).len());
        leaves && products(case) < 12_000 && pass != GradInput
    });
    let bushy: Vec<_> = bushy.collect();
    let some = |cases: Vec<&'static Case>, most: usize| {
        let step = cases.len().div_ceil(most).max(1);
        cases.into_iter().step_by(step)
    };
    some(small, 60).chain(some(multiplied, 20)).chain(some(bushy, 8)).copied().collect()
}

#[test]
fn every_bug_is_caught_by_name() {
    for (pass, bug, expected) in CAUGHT {
        let cases = few(pass);
        assert!((40..200).contains(&cases.len()), "{} of {pass:?}", cases.len());
        for contract in contracts() {
            let subject = Planted { bug, contract };
            let fails = |check: &Check| campaign::run(*check, &subject, &cases).is_err();
            let caught: Vec<_> = here(&Check::ALL).into_iter().filter(fails).collect();
            assert_eq!(caught, here(expected), "{bug:?} of {pass:?}, {contract}");
        }
    }
}

#[test]
fn failures_are_small_and_can_be_repeated() {
    for (pass, bug, expected) in CAUGHT {
        let subject = Planted { bug, contract: Contract::Fused };
        for check in here(expected) {
            let failure = campaign::run(check, &subject, &few(pass)).expect_err("caught before");
            let line = failure.to_string();
            let digits = line.rsplit(' ').next().expect("a last word");
            let case: Case = digits.parse().expect("a case");
            assert_eq!(case, failure.case);
            assert!(campaign::trial(check, &subject, &case).is_err());
            assert!(order::count(pass, &case.shape) <= 64, "{line}");
        }
    }
}
