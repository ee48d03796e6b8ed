//! What happens in a run: expressions are made, operands read, results written, and all of it is checked
//! and counted.

use std::cell::RefCell;
use std::ops::AddAssign;

use depthwise_lanes::LANES;
use depthwise_verification::contract::Arithmetic;

use crate::arena::{Arena, Node};
use crate::tensors::{Dst, Fault, Sizes, Src};

/// Operations that a run made, on vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Loads from operands: whole, partial, of one element, of every second one, or gathered. Of pairs, two.
    pub loads: usize,
    /// Multiply-adds, masked or not.
    pub fmas: usize,
    /// Additions.
    pub adds: usize,
    /// Stores of results, whole or partial.
    pub stores: usize,
    /// Loads of results that are added to.
    pub reloads: usize,
    /// Vectors of which some lanes are masked out: of sums, sources and weights.
    pub masks: usize,
    /// Of the loads: those that are made of single elements.
    pub pieces: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.loads += other.loads;
        self.fmas += other.fmas;
        self.adds += other.adds;
        self.stores += other.stores;
        self.reloads += other.reloads;
        self.masks += other.masks;
        self.pieces += other.pieces;
    }
}

/// A result during a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) value: Node,
    /// The part of the work that wrote it, and that read it before; 0 for none.
    pub(crate) writer: u32,
    reader: u32,
}

/// A run: its expressions, its results, and the first thing that went wrong.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) arena: Arena,
    pub(crate) counts: Counts,
    pub(crate) walk: u64,
    pub(crate) fault: Option<Fault>,
    pub(crate) results: Vec<Cell>,
    pub(crate) part: u32,
    sizes: Sizes,
    accumulates: bool,
}

/// Results, among the tensors of a walk: their operands come before.
const RESULTS: usize = 5;

thread_local! {
    /// The run of this thread: tokens are empty, so what they work on is beside them.
    static RUN: RefCell<Run> = const { RefCell::new(Run::new()) };
}

/// Does something to this thread's run.
pub(crate) fn with<T>(work: impl FnOnce(&mut Run) -> T) -> T {
    RUN.with_borrow_mut(work)
}

impl Run {
    const fn new() -> Self {
        Self {
            arena: Arena::new(),
            counts: Counts {
                loads: 0,
                fmas: 0,
                adds: 0,
                stores: 0,
                reloads: 0,
                masks: 0,
                pieces: 0,
            },
            walk: 0,
            fault: None,
            results: Vec::new(),
            part: 0,
            sizes: Sizes::NONE,
            accumulates: false,
        }
    }

    /// Starts anew, with so many results and about so many operations.
    pub(crate) fn reset(&mut self, sizes: Sizes, results: usize, accumulates: bool, about: usize) {
        self.arena.reset(sizes, about);
        self.counts = Counts::default();
        self.walk = 0;
        self.fault = None;
        self.results.clear();
        self.results.resize(results, Cell { value: Node::ZERO, writer: 0, reader: 0 });
        self.part = 1;
        self.sizes = sizes;
        self.accumulates = accumulates;
    }

    fn blame(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Goes on to so many elements from a place of a tensor.
    fn walk(&mut self, tensor: usize, at: isize, count: usize) {
        for step in [tensor as u64, at as u64, count as u64] {
            self.walk = (self.walk ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }

    /// The element of an operand.
    fn read(&mut self, src: Src, offset: usize) -> Node {
        let (start, end) = self.sizes.range(src.operand);
        let at = src.at.wrapping_add_unsigned(offset);
        if at < 0 || at as usize >= end - start {
            self.blame(Fault::Read { operand: src.operand, at, len: end - start });
            return Node::ZERO;
        }
        Arena::element(start + at as usize)
    }

    /// The elements at `offsets`; the other lanes are +0.
    pub(crate) fn load(&mut self, src: Src, offsets: &[usize]) -> [Node; LANES] {
        self.counts.loads += 1;
        self.walk(src.operand as usize, src.at, offsets.len());
        self.limit(offsets.len());
        let mut vector = [Node::ZERO; LANES];
        for (lane, offset) in vector.iter_mut().zip(offsets) {
            *lane = self.read(src, *offset);
        }
        vector
    }

    /// The same, of elements one by one.
    pub(crate) fn load_pieces(&mut self, src: Src, offsets: &[usize]) -> [Node; LANES] {
        self.counts.pieces += 1;
        self.load(src, offsets)
    }

    /// Whether there may be so many lanes.
    fn limit(&mut self, count: usize) {
        if !(1..=LANES).contains(&count) {
            self.blame(Fault::Lanes(count));
        }
    }

    /// A result's place.
    fn place(&mut self, dst: Dst, lane: usize) -> Option<usize> {
        let (at, len) = (dst.at.wrapping_add_unsigned(lane), self.results.len());
        let inside = usize::try_from(at).ok().filter(|at| *at < len);
        if inside.is_none() {
            self.blame(Fault::Write { at, len });
        }
        inside
    }

    pub(crate) fn store(&mut self, dst: Dst, vector: &[Node]) {
        self.counts.stores += 1;
        self.walk(RESULTS, dst.at, vector.len());
        self.limit(vector.len());
        for (lane, value) in vector.iter().enumerate() {
            let Some(at) = self.place(dst, lane) else { continue };
            let Cell { writer, reader, .. } = self.results[at];
            if writer > 0 {
                self.blame(Fault::Twice(at));
            }
            if reader > 0 && reader != self.part {
                self.blame(Fault::ReadResult(at));
            }
            self.results[at] = Cell { value: *value, writer: self.part, reader };
        }
    }

    /// What results are added to.
    pub(crate) fn reload(&mut self, dst: Dst, count: usize) -> [Node; LANES] {
        self.counts.reloads += 1;
        self.walk(RESULTS, dst.at, count);
        self.limit(count);
        let mut vector = [Node::ZERO; LANES];
        for (lane, value) in vector.iter_mut().enumerate().take(count) {
            let Some(at) = self.place(dst, lane) else { continue };
            let part = self.part;
            let cell = &mut self.results[at];
            let again = cell.reader > 0 && cell.reader != part;
            cell.reader = part;
            if !self.accumulates || cell.writer > 0 || again {
                self.blame(Fault::ReadResult(at));
            }
            let (start, _) = self.sizes.range(crate::tensors::Operand::Before);
            *value = Arena::element(start + at);
        }
        vector
    }

    pub(crate) fn fma(&mut self, sum: Node, a: Node, b: Node) -> Node {
        (&mut self.arena).step(a, b, sum)
    }

    pub(crate) fn add(&mut self, a: Node, b: Node) -> Node {
        (&mut self.arena).add(a, b)
    }
}
