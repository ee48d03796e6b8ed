//! The token whose elements are expressions.

use std::array;

use depthwise_lanes::{Bounds, Fused, LANES, Lanes};
use depthwise_verification::contract::Arithmetic;

use crate::arena::Node;
use crate::run::with;
use crate::tensors::{Dst, Src};

/// Vectors of expressions. Kernels don't know how their lanes round, so what they make of expressions
/// holds for every contract.
///
/// Nothing here follows a pointer: a position that is no tensor's is a [`Fault`](crate::Fault) of the run. So
/// the promises that kernels make to their lanes are what is checked, not what is relied on.
#[derive(Clone, Copy, Debug)]
pub struct Symbolic;

type Vector = [Node; LANES];

impl Lanes for Symbolic {
    const NAME: &'static str = "symbolic";
    const PAIRS: bool = true;
    const REGISTERS: usize = 32;
    type Contract = Fused;
    type Element = Node;
    type Src = Src;
    type Dst = Dst;
    type Vector = Vector;
    type Mask = [bool; LANES];

    fn zero(self) -> Vector {
        [Node::ZERO; LANES]
    }

    fn splat(self, element: Node) -> Vector {
        [element; LANES]
    }

    #[inline(never)]
    unsafe fn load(self, src: Src) -> Vector {
        with(|run| run.load(src, &[0, 1, 2, 3]))
    }

    #[inline(never)]
    unsafe fn load_splat(self, src: Src) -> Vector {
        [with(|run| run.load(src, &[0]))[0]; LANES]
    }

    #[inline(never)]
    unsafe fn load_partial(self, src: Src, count: usize) -> Vector {
        with(|run| run.load_pieces(src, &[0, 1, 2, 3, 4][..count.min(5)]))
    }

    #[inline(never)]
    unsafe fn load_even(self, src: Src) -> Vector {
        with(|run| run.load(src, &[0, 2, 4, 6]))
    }

    #[inline(never)]
    unsafe fn load_pair(self, src: Src) -> (Vector, Vector) {
        with(|run| (run.load(src, &[0, 2, 4, 6]), run.load(src, &[1, 3, 5, 7])))
    }

    #[inline(never)]
    unsafe fn load_gather(self, src: Src, offsets: [usize; LANES], count: usize) -> Vector {
        with(|run| run.load_pieces(src, &offsets[..count.min(LANES)]))
    }

    #[inline(never)]
    unsafe fn store(self, dst: Dst, vector: Vector) {
        with(|run| run.store(dst, &vector));
    }

    #[inline(never)]
    unsafe fn store_partial(self, dst: Dst, vector: Vector, count: usize) {
        with(|run| run.store(dst, &vector[..count.min(LANES)]));
    }

    #[inline(never)]
    unsafe fn reload(self, dst: Dst, count: usize) -> Vector {
        with(|run| run.reload(dst, count))
    }

    fn lane(self, vector: Vector, lane: usize) -> Vector {
        [vector[lane]; LANES]
    }

    fn zip(self, a: Vector, b: Vector) -> (Vector, Vector) {
        ([a[0], b[0], a[1], b[1]], [a[2], b[2], a[3], b[3]])
    }

    fn shift(self, a: Vector, b: Vector) -> Vector {
        [a[1], a[2], a[3], b[0]]
    }

    #[inline(never)]
    fn add(self, a: Vector, b: Vector) -> Vector {
        with(|run| {
            run.counts.adds += 1;
            array::from_fn(|lane| run.add(a[lane], b[lane]))
        })
    }

    #[inline(never)]
    fn sums(self, vectors: [Vector; LANES]) -> Vector {
        with(|run| {
            vectors.map(|[a, b, c, d]| {
                let (left, right) = (run.add(a, b), run.add(c, d));
                run.add(left, right)
            })
        })
    }

    #[inline(never)]
    fn fma(self, acc: Vector, a: Vector, b: Vector) -> Vector {
        with(|run| {
            run.counts.fmas += 1;
            array::from_fn(|lane| run.fma(acc[lane], a[lane], b[lane]))
        })
    }

    #[inline(never)]
    fn fma_where(self, mask: [bool; LANES], acc: Vector, a: Vector, b: Vector) -> Vector {
        with(|run| {
            run.counts.fmas += 1;
            run.counts.masks += 1;
            array::from_fn(|lane| match mask[lane] {
                true => run.fma(acc[lane], a[lane], b[lane]),
                false => acc[lane],
            })
        })
    }

    fn value_where(self, mask: [bool; LANES], vector: Vector) -> Vector {
        with(|run| run.counts.masks += 1);
        array::from_fn(|lane| if mask[lane] { vector[lane] } else { Node::ZERO })
    }

    fn weight_where(self, mask: [bool; LANES], vector: Vector) -> Vector {
        with(|run| run.counts.masks += 1);
        array::from_fn(|lane| if mask[lane] { vector[lane] } else { Node::MINUS_ZERO })
    }

    fn mask(self, from: usize, to: usize) -> [bool; LANES] {
        array::from_fn(|lane| (from..to).contains(&lane))
    }

    #[inline(never)]
    fn clamp(self, vector: Vector, bounds: &Bounds) -> Vector {
        with(|run| vector.map(|value| (&mut run.arena).clamp(value, bounds.min, bounds.max)))
    }
}
