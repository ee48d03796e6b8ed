//! The tensors of a run: their sizes, positions in them, and what must not happen there.

use std::fmt;

use depthwise_lanes::Cursor;
use depthwise_verification::data::Tensors;

use crate::arena::{Arena, Node};

/// What a run reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// `[n][h][w][c]` or `[n][c][h][w]`
    Input,
    /// `[kh][kw][c·m]` or `[c·m][kh][kw]`
    Weights,
    /// `[c·m]`
    Bias,
    /// `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    GradOutput,
    /// The results before the run, where it adds to them.
    Before,
}

impl Operand {
    const ALL: [Self; 5] = [Self::Input, Self::Weights, Self::Bias, Self::GradOutput, Self::Before];

    /// Short name.
    const fn name(self) -> &'static str {
        match self {
            Self::Input => "x",
            Self::Weights => "w",
            Self::Bias => "bias",
            Self::GradOutput => "gy",
            Self::Before => "before",
        }
    }
}

/// Elements of each operand, which are numbered one operand after another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    /// Where each operand ends.
    ends: [usize; Operand::ALL.len()],
}

impl Sizes {
    pub(crate) const NONE: Self = Self { ends: [0; Operand::ALL.len()] };

    pub(crate) fn new(lens: [usize; Operand::ALL.len()]) -> Self {
        let mut ends = lens;
        for i in 1..ends.len() {
            ends[i] += ends[i - 1];
        }
        Self { ends }
    }

    /// Elements of all operands.
    pub(crate) fn elements(&self) -> usize {
        self.ends[Operand::ALL.len() - 1]
    }

    /// Place of an operand's first element, and the place after its last.
    pub(crate) fn range(&self, operand: Operand) -> (usize, usize) {
        let index = operand as usize;
        (if index == 0 { 0 } else { self.ends[index - 1] }, self.ends[index])
    }

    /// What the element at a place is called.
    pub(crate) fn name(&self, place: usize) -> String {
        let of = Operand::ALL.into_iter().find(|operand| place < self.range(*operand).1);
        of.map_or_else(|| "?".into(), |of| format!("{}[{}]", of.name(), place - self.range(of).0))
    }

    /// All elements, as expressions.
    pub(crate) fn tensors(&self) -> Tensors<Node> {
        let nodes = |operand| {
            let (start, end) = self.range(operand);
            (start..end).map(Arena::element).collect::<Vec<_>>()
        };
        let some = |operand| Some(nodes(operand)).filter(|nodes| !nodes.is_empty());
        Tensors {
            x: nodes(Operand::Input),
            weights: nodes(Operand::Weights),
            bias: some(Operand::Bias),
            gy: nodes(Operand::GradOutput),
            before: some(Operand::Before),
        }
    }
}

/// A position in an operand, or outside it.
#[derive(Clone, Copy, Debug)]
pub struct Src {
    pub(crate) operand: Operand,
    pub(crate) at: isize,
}

/// A position in the results, or outside them.
#[derive(Clone, Copy, Debug)]
pub struct Dst {
    pub(crate) at: isize,
}

impl Src {
    /// The first element.
    pub fn new(operand: Operand) -> Self {
        Self { operand, at: 0 }
    }
}

impl Dst {
    /// The first result.
    pub fn new() -> Self {
        Self { at: 0 }
    }
}

impl Default for Dst {
    fn default() -> Self {
        Self::new()
    }
}

impl Cursor for Src {
    fn step(self, offset: isize) -> Self {
        Self { at: self.at.wrapping_add(offset), ..self }
    }

    fn anew(self) -> Self {
        self
    }
}

impl Cursor for Dst {
    fn step(self, offset: isize) -> Self {
        Self { at: self.at.wrapping_add(offset) }
    }

    fn anew(self) -> Self {
        self
    }
}

/// What a run did that it must not do, or left undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It read outside an operand.
    Read {
        /// Which.
        operand: Operand,
        /// Position of the element.
        at: isize,
        /// Elements that there are.
        len: usize,
    },
    /// It wrote outside the results.
    Write {
        /// Position of the element.
        at: isize,
        /// Results that there are.
        len: usize,
    },
    /// It read a result that it doesn't add to, or that it had written already, or in another part of
    /// the work than the one that writes it.
    ReadResult(usize),
    /// It wrote a result twice.
    Twice(usize),
    /// It did not write a result.
    Unwritten(usize),
    /// It named a number of lanes that a vector doesn't have.
    Lanes(usize),
    /// A result isn't the expression that is specified.
    Expression {
        /// Which.
        result: usize,
        /// The first part that differs.
        difference: String,
    },
    /// The case can't be run.
    Refused(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { operand, at, len } => {
                write!(f, "{}[{at}] is read, of {len}", operand.name())
            }
            Self::Write { at, len } => write!(f, "result {at} is written, of {len}"),
            Self::ReadResult(at) => write!(f, "result {at} is read"),
            Self::Twice(at) => write!(f, "result {at} is written twice"),
            Self::Unwritten(at) => write!(f, "result {at} isn't written"),
            Self::Lanes(count) => write!(f, "{count} lanes of a vector of four"),
            Self::Expression { result, difference } => {
                write!(f, "of result {result}, {difference}")
            }
            Self::Refused(reason) => write!(f, "refused: {reason}"),
        }
    }
}
