//! The proof against wrong kernels: each planted bug must be found, and found for what it is.

use std::mem::discriminant;

use depthwise::{Activation, Isa, Layout, Machine, Update};
use depthwise_kernels::{Tensors, execute};
use depthwise_lanes::{Bounds, Cursor, Lanes};
use depthwise_proof::{Claim, Fault, Operand, Operands, Symbolic, next_part, prove_run};
use depthwise_verification::data::Data;
use depthwise_verification::{Case, Pass, Shape, order, tree};

/// What is wrong with a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// Factors are exchanged, which is none.
    Exchanged,
    /// Left and right padding are taken for each other.
    SwappedPads,
    /// The taps are summed from the last to the first, or leaves from their end.
    Order,
    /// Every channel uses the weights, or the input, of the first.
    StaleChannel,
    /// Sums begin with those of the channel before.
    StaleSum,
    /// Every image is the first.
    FirstImage,
    /// The bias is added at the end.
    LateBias,
    /// +0 is added at the end, which makes +0 of −0.
    PlusZero,
    /// The upper bound of the activation is another.
    Bound,
    /// The last result is never written.
    Unwritten,
    /// A result is written twice, with the same value.
    Twice,
    /// The element after the input is read, and not used.
    OverRead,
    /// The element before the weights, or the output gradient, is read, and not used.
    UnderRead,
    /// One element after the results is written.
    OverWrite,
    /// A result is read that is not added to.
    ReadsResult,
    /// What is added to is read by another part of the work than the one that writes it.
    Race,
    /// Five lanes are loaded.
    FiveLanes,
    /// No lane is stored.
    NoLane,
    /// Sums start at what is there.
    StartsAtBefore,
    /// Partial sums are kept in the results.
    SumsInPlace,
    /// Leaves are added from left to right.
    TreeOrder,
    /// Leaves are one chain in either layout.
    OneChain,
}

/// What is reported of a bug in a pass.
fn found(pass: Pass, bug: Bug) -> Option<Fault> {
    let (operand, at, len) = (Operand::Input, 0, 0);
    Some(match bug {
        Bug::None | Bug::Exchanged => return None,
        Bug::Unwritten => Fault::Unwritten(0),
        Bug::Twice => Fault::Twice(0),
        Bug::OverRead | Bug::UnderRead => Fault::Read { operand, at, len },
        Bug::OverWrite => Fault::Write { at, len },
        Bug::ReadsResult | Bug::Race => Fault::ReadResult(0),
        Bug::SumsInPlace if pass == Pass::GradWeight => Fault::Twice(0),
        Bug::FiveLanes | Bug::NoLane => Fault::Lanes(0),
        _ => Fault::Expression { result: 0, difference: String::new() },
    })
}

const OF_FORWARD: [Bug; 18] = [
    Bug::None,
    Bug::Exchanged,
    Bug::SwappedPads,
    Bug::Order,
    Bug::StaleChannel,
    Bug::StaleSum,
    Bug::FirstImage,
    Bug::LateBias,
    Bug::PlusZero,
    Bug::Bound,
    Bug::Unwritten,
    Bug::Twice,
    Bug::OverRead,
    Bug::UnderRead,
    Bug::OverWrite,
    Bug::ReadsResult,
    Bug::FiveLanes,
    Bug::NoLane,
];

const OF_GRAD_WEIGHT: [Bug; 16] = [
    Bug::None,
    Bug::Exchanged,
    Bug::SwappedPads,
    Bug::Order,
    Bug::StaleChannel,
    Bug::FirstImage,
    Bug::PlusZero,
    Bug::Unwritten,
    Bug::Twice,
    Bug::OverRead,
    Bug::UnderRead,
    Bug::Race,
    Bug::StartsAtBefore,
    Bug::SumsInPlace,
    Bug::TreeOrder,
    Bug::OneChain,
];

/// A plain kernel with a bug, for any lanes, of which it uses the first.
struct Planted<'c, L: Lanes> {
    lanes: L,
    bug: Bug,
    case: &'c Case,
    x: L::Src,
    weights: L::Src,
    bias: Option<L::Src>,
    gy: L::Src,
    results: L::Dst,
}

impl<L: Lanes> Planted<'_, L> {
    fn has(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    fn load(&self, src: L::Src, at: usize) -> L::Vector {
        // SAFETY: lanes that check do not rely on it.
        unsafe { self.lanes.load_partial(src.step(at as isize), 1) }
    }

    fn store(&self, at: usize, value: L::Vector) {
        let count = if self.has(Bug::NoLane) && at == 0 { 0 } else { 1 };
        // SAFETY: as for loads.
        unsafe { self.lanes.store_partial(self.results.step(at as isize), value, count) }
    }

    fn reload(&self, at: usize) -> L::Vector {
        // SAFETY: as for loads.
        unsafe { self.lanes.reload(self.results.step(at as isize), 1) }
    }

    fn fma(&self, sum: L::Vector, a: L::Vector, b: L::Vector) -> L::Vector {
        let (a, b) = if self.has(Bug::Exchanged) { (b, a) } else { (a, b) };
        self.lanes.fma(sum, a, b)
    }

    /// The input element under a tap of a window, or none for a tap in the padding.
    fn position(&self, axis: usize, window: usize, tap: usize) -> Option<usize> {
        let shape = &self.case.shape;
        let low = if self.has(Bug::SwappedPads) { shape.high } else { shape.low };
        let padded = window * shape.stride[axis] + tap * shape.dilation[axis];
        let at = usize::try_from(padded as isize - low[axis]).ok()?;
        (at < shape.input[axis]).then_some(at)
    }

    fn input(&self, [n, o, h, w]: [usize; 4]) -> L::Vector {
        let shape = &self.case.shape;
        let n = if self.has(Bug::FirstImage) { 0 } else { n };
        let c = if self.has(Bug::StaleChannel) { 0 } else { o / shape.multiplier };
        self.load(self.x, order::input(self.case.layout, shape, [n, c, h, w]))
    }

    fn forward(&self, [n, o, i, j]: [usize; 4]) -> L::Vector {
        let (l, shape, zero) = (self.lanes, &self.case.shape, self.lanes.zero());
        let bias = self.bias.map(|bias| self.load(bias, o));
        let mut taps: Vec<_> =
            order::coordinates(1, 1, shape.kernel).map(|[_, _, u, v]| [u, v]).collect();
        if self.has(Bug::Order) {
            taps.reverse();
        }
        let mut sum = bias.filter(|_| !self.has(Bug::LateBias)).unwrap_or(zero);
        let before = if self.has(Bug::StaleSum) { o.saturating_sub(1) } else { o };
        for (o, [u, v]) in (before..=o).flat_map(|o| taps.iter().map(move |tap| (o, *tap))) {
            let (Some(h), Some(w)) = (self.position(0, i, u), self.position(1, j, v)) else {
                continue;
            };
            let weight = order::weight(self.case.layout, shape, [o, u, v]);
            sum = self.fma(sum, self.input([n, o, h, w]), self.load(self.weights, weight));
        }
        if let Some(bias) = bias.filter(|_| self.has(Bug::LateBias)) {
            sum = l.add(bias, sum);
        }
        if self.has(Bug::PlusZero) {
            sum = l.add(sum, zero);
        }
        let max = if self.has(Bug::Bound) { 6.5 } else { 6.0 };
        l.clamp(sum, &Bounds { min: 0.0, max })
    }

    /// A weight's gradient, which is added to what is there.
    fn grad_weight(&self, at: usize, [_, o, u, v]: [usize; 4]) -> L::Vector {
        let (l, shape, layout) = (self.lanes, &self.case.shape, self.case.layout);
        let before = self.reload(at);
        if self.has(Bug::Race) {
            next_part();
        }
        let chains = if layout == Layout::Nchw && !self.has(Bug::OneChain) { 4 } else { 1 };
        let mut sums: Vec<[L::Vector; 4]> = Vec::new();
        for leaf in tree::leaves(shape) {
            let mut sum = [l.zero(); 4];
            if self.has(Bug::StartsAtBefore) && sums.is_empty() {
                sum[0] = before;
            }
            let mut positions: Vec<_> = leaf
                .rows
                .flat_map(|i| leaf.columns.clone().enumerate().map(move |(place, j)| (place, i, j)))
                .collect();
            if self.has(Bug::Order) {
                positions.reverse();
            }
            for (place, i, j) in positions {
                let (Some(h), Some(w)) = (self.position(0, i, u), self.position(1, j, v)) else {
                    continue;
                };
                let gy = self.load(self.gy, order::output(layout, shape, [leaf.image, o, i, j]));
                let sum = &mut sum[place % chains];
                *sum = self.fma(*sum, self.input([leaf.image, o, h, w]), gy);
            }
            sums.push(sum);
            if self.has(Bug::SumsInPlace) {
                self.store(at, sum[0]);
            }
        }
        let [a, b, c, d] = self.joined(&sums);
        let sum = if chains == 1 { a } else { l.add(l.add(a, b), l.add(c, d)) };
        let sum = if self.has(Bug::PlusZero) { l.add(sum, l.zero()) } else { sum };
        if self.has(Bug::StartsAtBefore) { sum } else { l.add(before, sum) }
    }

    fn joined(&self, sums: &[[L::Vector; 4]]) -> [L::Vector; 4] {
        if let [only] = sums {
            return *only;
        }
        let half = sums.len().next_power_of_two() / 2;
        let (left, right) =
            sums.split_at(if self.has(Bug::TreeOrder) { sums.len() - 1 } else { half });
        let (left, right) = (self.joined(left), self.joined(right));
        [0, 1, 2, 3].map(|chain| self.lanes.add(left[chain], right[chain]))
    }

    fn run(&self) {
        let Case { pass, layout, shape, .. } = self.case;
        let count = order::count(*pass, shape);
        for (index, coordinates) in order::results(*pass, shape).enumerate() {
            let at = order::result(*pass, *layout, shape, coordinates);
            let value = match pass {
                Pass::Forward => self.forward(coordinates),
                _ => self.grad_weight(at, coordinates),
            };
            if !(self.has(Bug::Unwritten) && index + 1 == count) {
                self.store(at, value);
            }
            if self.has(Bug::Twice) && index == 0 {
                self.store(at, value);
            }
        }
        match self.bug {
            Bug::OverRead => {
                let len = order::count(Pass::GradInput, shape);
                self.load(self.x, len);
            }
            Bug::UnderRead => {
                let operand = if *pass == Pass::Forward { self.weights } else { self.gy };
                self.load(operand.step(-1), 0);
            }
            Bug::OverWrite => self.store(count, self.lanes.zero()),
            Bug::ReadsResult => {
                self.reload(count - 1);
            }
            Bug::FiveLanes => {
                // SAFETY: as for loads.
                unsafe { self.lanes.load_partial(self.x, 5) };
            }
            _ => {}
        }
    }
}

/// A case that shows each bug: two images, two channels, a kernel that isn't square, padding that isn't
/// symmetric, and a tree of five leaves.
fn case(pass: Pass, layout: Layout) -> Case {
    let forward = pass == Pass::Forward;
    Case {
        pass,
        shape: Shape {
            batch: 2,
            channels: 2,
            multiplier: 2,
            input: if forward { [5, 6] } else { [15, 19] },
            kernel: [2, 3],
            stride: [1, 2],
            dilation: [2, 1],
            low: [2, 1],
            high: [1, 2],
        },
        layout,
        bias: forward,
        update: if forward { Update::Overwrite } else { Update::Accumulate },
        activation: if forward { Activation::Relu6 } else { Activation::None },
        data: Data::Odd,
        seed: 0,
        offset: 0,
        machine: Machine::ARM64,
        instance: None,
    }
}

fn planted(case: &Case, bug: Bug) -> Option<Fault> {
    let run = |operands: &Operands| {
        let Operands { x, weights, bias, gy, results } = *operands;
        Planted { lanes: Symbolic, bug, case, x, weights, bias, gy, results }.run();
    };
    prove_run(case, run).err()
}

#[test]
fn every_bug_is_found_for_what_it_is() {
    let mut planted_bugs = 0;
    for layout in Layout::ALL {
        for (pass, bugs) in
            [(Pass::Forward, &OF_FORWARD[..]), (Pass::GradWeight, &OF_GRAD_WEIGHT[..])]
        {
            let case = case(pass, layout);
            for bug in bugs {
                // Channels last, a leaf is one chain.
                let expected =
                    found(pass, *bug).filter(|_| *bug != Bug::OneChain || layout == Layout::Nchw);
                let fault = planted(&case, *bug);
                let alike = fault.as_ref().map(discriminant) == expected.as_ref().map(discriminant);
                assert!(alike, "{bug:?} of {pass:?} in {layout}: {fault:?}");
                planted_bugs += 1;
            }
        }
    }
    println!("{planted_bugs} planted kernels");
}

/// Plans of another problem, run by the library's kernels.
#[test]
fn wrong_plans_are_found() {
    for layout in Layout::ALL {
        let case = Case {
            shape: Shape {
                channels: 5,
                multiplier: 1,
                input: [9, 12],
                kernel: [3; 2],
                stride: [1; 2],
                dilation: [1; 2],
                low: [1, 0],
                high: [0, 1],
                ..case(Pass::Forward, layout).shape
            },
            ..case(Pass::Forward, layout)
        };
        let with = |change: &dyn Fn(&mut Case)| {
            let mut other = case;
            change(&mut other);
            let conv = other.conv(Isa::best()).expect("a convolution");
            let run = |operands: &Operands| {
                let Operands { x: source, weights, bias, results, .. } = *operands;
                let tensors =
                    Tensors::<Symbolic> { source, weights, bias, results, accumulate: false };
                // SAFETY: no pointer is followed.
                unsafe { execute(Symbolic, conv.plan(), &tensors) };
            };
            prove_run(&case, run).err()
        };
        assert_eq!(with(&|_| {}), None);
        let swapped = with(&|case| {
            (case.shape.low, case.shape.high) = (case.shape.high, case.shape.low);
        });
        assert!(matches!(swapped, Some(Fault::Expression { .. })), "{swapped:?}");
        let beyond = with(&|case| case.shape.batch += 1);
        assert!(matches!(beyond, Some(Fault::Read { .. })), "{beyond:?}");
        let less = with(&|case| case.shape.batch -= 1);
        assert!(matches!(less, Some(Fault::Unwritten(_))), "{less:?}");
        let other = with(&|case| case.activation = Activation::Relu);
        assert!(matches!(other, Some(Fault::Expression { .. })), "{other:?}");
    }
}

#[test]
fn differences_are_told() {
    let told = |bug| planted(&case(Pass::Forward, Layout::Nhwc), bug).expect("found").to_string();
    assert_eq!(told(Bug::StaleChannel), "of result 2, term 0 is x[0]·w[18], not x[1]·w[18]");
    assert_eq!(told(Bug::Unwritten), "result 191 isn't written");
    assert_eq!(told(Bug::UnderRead), "w[-1] is read, of 24");
}

#[test]
fn claims_are_repeated_by_their_line() {
    let machine = Machine { l1: 256, ..Machine::X86_64 };
    let case = Case { machine, ..case(Pass::GradWeight, Layout::Nchw) };
    let claim = Claim { case, threads: 3 };
    assert_eq!(claim.to_string().parse::<Claim>().expect("a claim"), claim);
    assert!(claim.prove().is_ok());
}
