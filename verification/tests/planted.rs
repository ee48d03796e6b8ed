//! The checks against wrong forward passes: each planted bug must be caught, by name.

use depthwise::{Activation, Body, Contract, Error, Isa, Layout};
use depthwise_verification::Check::{
    self, Bits, Bound, Channels, Clipped, Exact, Fence, Guard, Images, Influence, Linear, Offsets,
    Padded, Repeated, Tiles, Translated,
};
use depthwise_verification::contract;
use depthwise_verification::memory::Memory;
use depthwise_verification::{Case, Pass, Shape, Subject, campaign, cases, harness, order};

/// What is wrong with an implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// Left and right padding are taken for each other.
    SwappedPads,
    /// The last column is never written.
    LastColumn,
    /// Every fourth channel uses the weights of the one before.
    StaleChannel,
    /// The sums of every fourth channel begin with those of the one before.
    StaleSum,
    /// Every image is the first.
    FirstImage,
    /// A kernel read by columns.
    TransposedTaps,
    /// The taps are summed from the last to the first.
    Order,
    /// The taps are summed from the last to the first by one kind of kernel.
    OrderOfOneBody,
    /// Fused for mul-add, and mul-add for fused.
    OtherContract,
    /// More exact than the contract.
    DoublePrecision,
    /// Padding is multiplied with the weights, so Inf and NaN come through.
    LeakingPadding,
    /// Subnormal results are 0.
    FlushToZero,
    /// NaN is clamped to a number.
    NumericMaximum,
    /// The low bits of the weights are lost.
    ShortWeights,
    /// The bias is one unit in the last place too large.
    BiasUnit,
    /// One lane of each vector of channels is one unit in the last place too large.
    WrongLane,
    /// Results are one unit in the last place too large where the input is not aligned.
    Unaligned,
    /// The square of the input is used for the first row of taps.
    Squares,
    /// The element after the input is read, and multiplied by 0.
    OverRead,
    /// The element before the weights is read, and multiplied by 0.
    UnderRead,
    /// The output is added to.
    Accumulates,
    /// One element after the output is written.
    OverWrite,
    /// One element before the output is written.
    UnderWrite,
    /// The input is written.
    WritesInput,
    /// The problem is refused.
    Refuses,
}

/// Which checks, and which properties, catch which bugs. Those that only one can see are why it exists.
const CAUGHT: [(Bug, &[Check], &[Check]); 26] = [
    (Bug::None, &[], &[]),
    (Bug::SwappedPads, &[Exact, Bound, Bits], &[Influence, Clipped, Padded, Translated]),
    (Bug::LastColumn, &[Exact, Bound, Bits, Guard, Fence], &[]),
    (Bug::StaleChannel, &[Exact, Bound, Bits], &[Channels, Influence]),
    (Bug::StaleSum, &[Exact, Bound, Bits], &[Channels, Influence]),
    (Bug::FirstImage, &[Exact, Bound, Bits], &[Images, Influence]),
    (Bug::TransposedTaps, &[Exact, Bound, Bits], &[Influence, Clipped]),
    (Bug::Order, &[Bits], &[]),
    (Bug::OrderOfOneBody, &[Bits, Tiles], &[]),
    (Bug::OtherContract, &[Bits], &[]),
    (Bug::DoublePrecision, &[Bits], &[]),
    (Bug::LeakingPadding, &[Bits], &[Influence, Clipped]),
    (Bug::FlushToZero, &[Bits], &[]),
    (Bug::NumericMaximum, &[Bits], &[]),
    (Bug::ShortWeights, &[Exact, Bound, Bits], &[Linear, Influence]),
    (Bug::BiasUnit, &[Exact, Bound, Bits], &[Linear]),
    (Bug::WrongLane, &[Exact, Bound, Bits], &[Linear, Channels, Clipped]),
    (Bug::Unaligned, &[Exact, Bound, Bits, Fence], &[Linear, Clipped, Offsets]),
    (Bug::Squares, &[Exact, Bound, Bits], &[Linear, Influence]),
    (Bug::OverRead, &[Exact, Bound, Bits, Fence], &[Images, Channels]),
    (Bug::UnderRead, &[Exact, Bound, Bits, Fence], &[Images, Channels, Translated]),
    (Bug::Accumulates, &[Exact, Bound, Bits], &[]),
    (Bug::OverWrite, &[Guard, Fence], &[]),
    (Bug::UnderWrite, &[Guard, Fence], &[]),
    (Bug::WritesInput, &[Guard, Fence], &[Repeated]),
    (Bug::Refuses, &Check::ALL, &Check::PROPERTIES),
];

/// Those checks that can be failed here: in WebAssembly, an access beyond a fence ends the program, and `trespass` is
/// what plants one.
pub(crate) fn here(checks: &[Check]) -> Vec<Check> {
    let fatal = |check: &Check| cfg!(target_family = "wasm") && *check == Fence;
    checks.iter().copied().filter(|check| !fatal(check)).collect()
}

/// The contracts of this target: where a compiler or an emulator has one alone, the other is for others to judge.
pub(crate) fn contracts() -> Vec<Contract> {
    let mut contracts: Vec<_> = harness::isas().map(Isa::contract).collect();
    contracts.dedup();
    contracts
}

struct Planted {
    bug: Bug,
    contract: Contract,
}

impl Planted {
    /// The result at `[n, c·m, oh, ow]`.
    fn output(&self, case: &Case, memory: &Memory, [n, o, i, j]: [usize; 4]) -> f32 {
        let bias = memory.bias.as_ref().map_or(0.0, |bias| bias.values()[o]);
        let bias = if self.bug == Bug::BiasUnit { bias.next_up() } else { bias };
        let unit = match self.bug {
            Bug::WrongLane => case.layout == Layout::Nhwc && o % 4 == 2,
            Bug::Unaligned => memory.x.values().as_ptr().align_offset(16) == 3,
            _ => false,
        };
        let mut products = self.products(case, memory, [n, o, i, j]);
        if self.bug == Bug::StaleSum && o % 4 == 3 {
            products.splice(0..0, self.products(case, memory, [n, o - 1, i, j]));
        }
        let general = case.instance.is_some_and(|instance| instance.body == Body::Span);
        if self.bug == Bug::Order || (self.bug == Bug::OrderOfOneBody && general) {
            products.reverse();
        }
        let contract = match (self.bug, self.contract) {
            (Bug::OtherContract, Contract::Fused) => Contract::MulAdd,
            (Bug::OtherContract, Contract::MulAdd) => Contract::Fused,
            (_, contract) => contract,
        };
        let mut sum =
            products.iter().fold(bias, |sum, [x, w]| contract::step(contract, *x, *w, sum));
        if self.bug == Bug::DoublePrecision {
            let double = |sum: f64, [x, w]: &[f32; 2]| sum + f64::from(*x) * f64::from(*w);
            sum = products.iter().fold(bias.into(), double) as f32;
        }
        if self.bug == Bug::FlushToZero && sum.is_subnormal() {
            sum = 0.0;
        }
        if self.bug == Bug::NumericMaximum && case.activation == Activation::Relu {
            return sum.max(0.0);
        }
        let sum = if unit { sum.next_up() } else { sum };
        contract::activate(case.activation, sum)
    }

    /// Input and weight of each product, in order.
    fn products(&self, case: &Case, memory: &Memory, [n, o, i, j]: [usize; 4]) -> Vec<[f32; 2]> {
        let (shape, layout) = (&case.shape, case.layout);
        let mut low = shape.low;
        if self.bug == Bug::SwappedPads {
            low[1] = shape.high[1];
        }
        let image = if self.bug == Bug::FirstImage { 0 } else { n };
        let channel = if self.bug == Bug::StaleChannel && o % 4 == 3 { o - 1 } else { o };
        let place = |axis: usize, result: usize, tap: usize| {
            let padded = result * shape.stride[axis] + tap * shape.dilation[axis];
            usize::try_from(padded as isize - low[axis]).ok().filter(|&at| at < shape.input[axis])
        };
        let square = shape.kernel[0] == shape.kernel[1];
        let mut products = Vec::new();
        for [_, _, u, v] in order::coordinates(1, 1, shape.kernel) {
            let tap = if self.bug == Bug::TransposedTaps && square { [v, u] } else { [u, v] };
            let index = order::weight(layout, shape, [channel, tap[0], tap[1]]);
            let mut weight = memory.weights.values()[index];
            if self.bug == Bug::ShortWeights {
                weight = f32::from_bits(weight.to_bits() & !0xfff);
            }
            if let (Some(h), Some(w)) = (place(0, i, u), place(1, j, v)) {
                let at = [image, o / shape.multiplier, h, w];
                let x = memory.x.values()[order::input(layout, shape, at)];
                let square = self.bug == Bug::Squares && u == 0;
                products.push([if square { x * x } else { x }, weight]);
            } else if self.bug == Bug::LeakingPadding {
                products.push([0.0, weight]);
            }
        }
        products
    }
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
        if self.bug == Bug::Refuses {
            return Err(Error::Unavailable(Isa::Neon));
        }
        let columns = case.shape.output()[1];
        for at in order::outputs(&case.shape) {
            let value = self.output(case, memory, at);
            let index = order::output(case.layout, &case.shape, at);
            match self.bug {
                Bug::LastColumn if at[3] + 1 == columns => {}
                Bug::Accumulates => memory.results.values_mut()[index] += value,
                _ => memory.results.values_mut()[index] = value,
            }
        }
        let inputs = memory.x.values().len() as isize;
        let outputs = memory.results.values().len() as isize;
        match self.bug {
            Bug::OverRead => {
                *memory.results.cell_mut(outputs - 1) += 0.0 * *memory.x.cell_mut(inputs)
            }
            Bug::UnderRead => *memory.results.cell_mut(0) += 0.0 * *memory.weights.cell_mut(-1),
            Bug::OverWrite => *memory.results.cell_mut(outputs) = 1.0,
            Bug::UnderWrite => *memory.results.cell_mut(-1) = 1.0,
            Bug::WritesInput => *memory.x.cell_mut(inputs - 1) += 1.0,
            _ => {}
        }
        Ok(())
    }
}

/// Some of the small cases, without so much padding that all results would be 0 on its other side.
fn few() -> Vec<Case> {
    let padded = |case: &Case| {
        let Shape { low, high, kernel, .. } = case.shape;
        (0..2).any(|axis| low[axis].max(high[axis]) > kernel[axis] as isize)
    };
    let products = |case: &Case| {
        let taps = case.shape.kernel[0] * case.shape.kernel[1];
        order::outputs(&case.shape).count() * taps
    };
    cases::of(Pass::Forward)
        .iter()
        .filter(|case| products(case) < 1500 && !padded(case))
        .step_by(21)
        .copied()
        .collect()
}

#[test]
fn every_bug_is_caught_by_name() {
    let cases = few();
    assert!((50..200).contains(&cases.len()), "{}", cases.len());
    let mut others = Vec::new();
    for (bug, expected, properties) in CAUGHT {
        for contract in contracts() {
            let subject = Planted { bug, contract };
            let fails = |check: &Check| campaign::run(*check, &subject, &cases).is_err();
            let every: Vec<_> = Check::every().collect();
            let caught: Vec<_> = here(&every).into_iter().filter(fails).collect();
            if caught != here(&[expected, properties].concat()) {
                others.push(format!("{bug:?}, {contract}: {caught:?}"));
            }
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn every_check_catches_something_else_than_refusals() {
    for check in Check::every() {
        let catches = |(bug, checks, properties): &(Bug, &[Check], &[Check])| {
            *bug != Bug::Refuses && [*checks, *properties].concat().contains(&check)
        };
        assert!(CAUGHT.iter().any(catches), "{check:?}");
    }
}

#[test]
fn failures_are_small_and_can_be_repeated() {
    for (bug, expected, properties) in CAUGHT {
        let subject = Planted { bug, contract: Contract::Fused };
        for check in here(&[expected, properties].concat()) {
            let failure = campaign::run(check, &subject, &few()).expect_err("caught before");
            let line = failure.to_string();
            let digits = line.rsplit(' ').next().expect("a last word");
            let case: Case = digits.parse().expect("a case");
            assert_eq!(case, failure.case);
            assert!(campaign::trial(check, &subject, &case).is_err());
            assert!(order::outputs(&case.shape).count() <= 64, "{line}");
        }
    }
}
