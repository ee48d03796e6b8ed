//! Which expressions are equal: those that give the same bits for all data, as far as order decides.

use depthwise::{Activation, Layout, Machine, Update};
use depthwise_lanes::{Bounds, Cursor, Lanes};
use depthwise_proof::{Node, Operands, Symbolic, prove_run};
use depthwise_verification::data::Data;
use depthwise_verification::{Case, Pass, Shape};

type Vector = [Node; 4];

/// Elements of the operands that expressions are made of.
const ELEMENTS: usize = 100;

/// Runs `work` on expressions.
fn run(work: impl FnOnce(&Operands)) {
    let shape = Shape {
        batch: 1,
        channels: ELEMENTS,
        multiplier: 1,
        input: [1; 2],
        kernel: [1; 2],
        stride: [1; 2],
        dilation: [1; 2],
        low: [0; 2],
        high: [0; 2],
    };
    let case = Case {
        pass: Pass::Forward,
        shape,
        layout: Layout::Nhwc,
        bias: false,
        update: Update::Overwrite,
        activation: Activation::None,
        data: Data::Odd,
        seed: 0,
        offset: 0,
        machine: Machine::ARM64,
        instance: None,
    };
    assert!(prove_run(&case, work).is_err(), "nothing is written");
}

/// An element of the input.
fn x(operands: &Operands, at: usize) -> Vector {
    // SAFETY: no pointer is followed.
    unsafe { Symbolic.load_splat(operands.x.step(at as isize)) }
}

#[test]
fn order_decides() {
    run(|operands| {
        let [a, b, c] = [0, 1, 2].map(|at| x(operands, at));
        let l = Symbolic;
        assert_eq!(l.add(a, b), l.add(b, a));
        assert_ne!(l.add(l.add(a, b), c), l.add(a, l.add(b, c)));
        assert_eq!(l.fma(c, a, b), l.fma(c, b, a));
        assert_ne!(l.fma(c, a, b), l.fma(a, c, b));
        assert_ne!(l.fma(l.zero(), a, b), l.fma(l.zero(), a, a));
        let each = [[a[0], b[0], c[0], a[0]], c, a, b];
        assert_eq!(l.sums(each)[0], l.add(l.add(a, b), l.add(c, a))[0]);
    });
}

/// Lanes without a tap keep their sum; others don't.
#[test]
fn masks_are_kept() {
    run(|operands| {
        let [a, b, c] = [0, 1, 2].map(|at| x(operands, at));
        let l = Symbolic;
        let masked = l.fma_where(l.mask(1, 3), c, a, b);
        let all = l.fma(c, a, b);
        assert_eq!(masked, [c[0], all[1], all[2], c[3]]);
    });
}

#[test]
fn zero_may_be_left_out_where_no_result_is_minus_zero() {
    run(|operands| {
        let [a, b] = [0, 1].map(|at| x(operands, at));
        let l = Symbolic;
        let zero = l.zero();
        assert_eq!(l.add(zero, zero), zero);
        // −0 + 0 is 0.
        assert_ne!(l.add(a, zero), a);
        let sum = l.add(a, zero);
        assert_eq!(l.add(zero, sum), sum);
        assert_eq!(l.add(l.add(sum, b), zero), l.add(sum, b));
        // −0 + −0 is −0.
        assert_ne!(l.add(l.add(a, b), zero), l.add(a, b));
        // A product may underflow to −0.
        let product = l.fma(zero, a, b);
        assert_ne!(l.add(product, zero), product);
    });
}

#[test]
fn bounds_are_part_of_an_expression() {
    run(|operands| {
        let a = x(operands, 0);
        let clamp = |min, max| Symbolic.clamp(a, &Bounds { min, max });
        assert_eq!(clamp(0.0, 6.0), clamp(0.0, 6.0));
        assert_ne!(clamp(0.0, 6.0), a);
        assert_ne!(clamp(0.0, 6.0), clamp(0.0, 7.0));
        assert_ne!(clamp(0.0, 6.0), clamp(-0.0, 6.0));
    });
}

/// Far more expressions than the table was made for.
#[test]
fn each_expression_is_one_node() {
    run(|operands| {
        let pair = |i: usize| Symbolic.add(x(operands, i / ELEMENTS), x(operands, i % ELEMENTS))[0];
        let nodes: Vec<_> = (0..ELEMENTS * ELEMENTS).map(pair).collect();
        for (i, node) in nodes.iter().enumerate() {
            let (a, b) = (i / ELEMENTS, i % ELEMENTS);
            assert_eq!(*node, nodes[b * ELEMENTS + a]);
            assert_eq!(*node, pair(i));
            assert!(i == 0 || *node != nodes[i - 1]);
        }
        let mut distinct: Vec<_> = nodes.iter().map(|node| format!("{node:?}")).collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), ELEMENTS * (ELEMENTS + 1) / 2);
    });
}
