//! Expressions, each of them once: two are equal if and only if they are the same node.

use std::fmt::{self, Write};

use depthwise_verification::contract::Arithmetic;

use crate::tensors::Sizes;

/// What a kernel computes with: the expression that gives a value, whatever the data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node(u32);

impl Node {
    /// +0.
    pub const ZERO: Self = Self(0);
    /// −0.
    pub const MINUS_ZERO: Self = Self(1);
    /// The first element of the operands.
    const ELEMENTS: u32 = 2;
}

/// How an expression is made of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// +0 or −0.
    Zero { minus: bool },
    /// An element of an operand, by its place among all of them.
    Element(usize),
    /// `sum + a·b`, rounded as the contract says.
    Step { sum: Node, a: Node, b: Node },
    /// `a + b`, rounded.
    Sum(Node, Node),
    /// An expression between two bounds, by their place in the list of bounds.
    Clamped(Node, usize),
}

/// Marks a form of less than three nodes, in the place of the third.
const SUM: u32 = u32::MAX;
const CLAMPED: u32 = u32::MAX - 1;

/// All expressions of a run: +0 and −0, the elements of the operands, and the operations on them.
///
/// Operations are found by open addressing, and all of them are forgotten at once.
#[derive(Debug)]
pub(crate) struct Arena {
    sizes: Sizes,
    /// Number of the first operation's node.
    first: u32,
    operations: Vec<[u32; 3]>,
    /// Of each operation, whether it can't be −0 for any data.
    never_negative_zero: Vec<bool>,
    /// Numbers of operations, plus one; a power of two, at least twice the operations.
    slots: Vec<u32>,
    bounds: Vec<[u32; 2]>,
}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self {
            sizes: Sizes::NONE,
            first: Node::ELEMENTS,
            operations: Vec::new(),
            never_negative_zero: Vec::new(),
            slots: Vec::new(),
            bounds: Vec::new(),
        }
    }

    /// Forgets everything, for operands of these sizes and about so many operations.
    pub(crate) fn reset(&mut self, sizes: Sizes, operations: usize) {
        self.sizes = sizes;
        self.first = sizes.elements() as u32 + Node::ELEMENTS;
        self.operations.clear();
        self.never_negative_zero.clear();
        self.bounds.clear();
        self.slots.clear();
        self.slots.resize((2 * operations).next_power_of_two().max(64), 0);
    }

    /// The element at a place among all elements of the operands.
    pub(crate) const fn element(place: usize) -> Node {
        Node(place as u32 + Node::ELEMENTS)
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> usize {
        self.operations.len()
    }

    fn operation(&mut self, operation: [u32; 3], never_negative_zero: bool) -> Node {
        let mut slot = self.slot(operation);
        loop {
            match self.slots[slot] {
                0 => break,
                number if self.operations[number as usize - 1] == operation => {
                    return Node(self.first + number - 1);
                }
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
        self.operations.push(operation);
        self.never_negative_zero.push(never_negative_zero);
        self.slots[slot] = self.operations.len() as u32;
        if 2 * self.operations.len() > self.slots.len() {
            self.grow();
        }
        Node(self.first + self.operations.len() as u32 - 1)
    }

    /// Where an operation is looked for first (Fibonacci hashing).
    fn slot(&self, [a, b, c]: [u32; 3]) -> usize {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = (u64::from(a) << 32 | u64::from(b)).wrapping_mul(GOLDEN);
        let mixed = (mixed ^ (mixed >> 32) ^ u64::from(c)).wrapping_mul(GOLDEN);
        (mixed >> (64 - self.slots.len().ilog2())) as usize
    }

    #[cold]
    fn grow(&mut self) {
        let len = 2 * self.slots.len();
        assert!(self.first as usize + len < CLAMPED as usize, "more expressions than numbers");
        self.slots.clear();
        self.slots.resize(len, 0);
        for (index, operation) in self.operations.iter().enumerate() {
            let mut slot = self.slot(*operation);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (len - 1);
            }
            self.slots[slot] = index as u32 + 1;
        }
    }

    /// Whether a value can't be −0. A sum rounded to nearest is −0 only if both its terms are; a
    /// fused step may round to −0 from below, wherever it starts.
    fn is_never_negative_zero(&self, node: Node) -> bool {
        match node.0.checked_sub(self.first) {
            Some(operation) => self.never_negative_zero[operation as usize],
            None => node == Node::ZERO,
        }
    }

    fn form(&self, node: Node) -> Form {
        let Some(operation) = node.0.checked_sub(self.first) else {
            return match node.0.checked_sub(Node::ELEMENTS) {
                Some(place) => Form::Element(place as usize),
                None => Form::Zero { minus: node == Node::MINUS_ZERO },
            };
        };
        match self.operations[operation as usize] {
            [a, b, SUM] => Form::Sum(Node(a), Node(b)),
            [a, index, CLAMPED] => Form::Clamped(Node(a), index as usize),
            [sum, a, b] => Form::Step { sum: Node(sum), a: Node(a), b: Node(b) },
        }
    }

    /// How an expression differs from the one that it should be: the first parts that differ.
    pub(crate) fn difference(&self, found: Node, specified: Node) -> String {
        let (mut a, mut b) = (found, specified);
        loop {
            match (self.form(a), self.form(b)) {
                (Form::Step { .. }, Form::Step { .. }) => {
                    let ((from, terms), (start, others)) = (self.chain(a), self.chain(b));
                    if from == start {
                        return self.first_difference(&terms, &others);
                    }
                    (a, b) = (from, start);
                }
                (Form::Sum(left, right), Form::Sum(first, second)) => {
                    (a, b) = if left == first { (right, second) } else { (left, first) };
                }
                (Form::Clamped(inner, i), Form::Clamped(other, j)) if i == j => {
                    (a, b) = (inner, other);
                }
                _ => return format!("{}, not {}", self.text(a), self.text(b)),
            }
        }
    }

    /// Where a chain of steps starts, and what they add to it.
    fn chain(&self, mut node: Node) -> (Node, Vec<[Node; 2]>) {
        let mut terms = Vec::new();
        while let Form::Step { sum, a, b } = self.form(node) {
            terms.push([a, b]);
            node = sum;
        }
        terms.reverse();
        (node, terms)
    }

    fn first_difference(&self, found: &[[Node; 2]], specified: &[[Node; 2]]) -> String {
        let same = found.iter().zip(specified).take_while(|(a, b)| a == b).count();
        let term = |terms: &[[Node; 2]]| match terms.get(same) {
            Some([a, b]) => format!("{}·{}", self.text(*a), self.text(*b)),
            None => "none".into(),
        };
        format!("term {same} is {}, not {}", term(found), term(specified))
    }

    /// The end of an expression, as text.
    fn text(&self, node: Node) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, node, 3);
        text
    }

    fn write(&self, text: &mut String, node: Node, depth: usize) -> fmt::Result {
        let form = self.form(node);
        if depth == 0 && !matches!(form, Form::Zero { .. } | Form::Element(_)) {
            return text.write_str("…");
        }
        let depth = depth.saturating_sub(1);
        match form {
            Form::Zero { minus } => text.write_str(if minus { "−0" } else { "0" }),
            Form::Element(place) => write!(text, "{}", self.sizes.name(place)),
            Form::Step { sum, a, b } => {
                self.write(text, sum, depth)?;
                text.write_str(" + ")?;
                self.write(text, a, depth)?;
                text.write_str("·")?;
                self.write(text, b, depth)
            }
            Form::Sum(a, b) => {
                text.write_str("(")?;
                self.write(text, a, depth)?;
                text.write_str(") + (")?;
                self.write(text, b, depth)?;
                text.write_str(")")
            }
            Form::Clamped(inner, index) => {
                let [low, high] = self.bounds[index].map(f32::from_bits);
                write!(text, "[{low}, {high}] of ")?;
                self.write(text, inner, depth)
            }
        }
    }
}

impl Arithmetic for &mut Arena {
    type Value = Node;

    fn zero(&self) -> Node {
        Node::ZERO
    }

    /// Factors may be exchanged: that changes no bit. Neither does adding +0 · −0 = −0.
    fn step(&mut self, a: Node, b: Node, sum: Node) -> Node {
        if (a, b) == (Node::ZERO, Node::MINUS_ZERO) {
            return sum;
        }
        self.operation([sum.0, a.0.min(b.0), a.0.max(b.0)], false)
    }

    /// Terms may be exchanged, and a +0 left out where the other term isn't −0.
    fn add(&mut self, a: Node, b: Node) -> Node {
        let (a, b) = (Node(a.0.min(b.0)), Node(a.0.max(b.0)));
        let never = [a, b].map(|term| self.is_never_negative_zero(term));
        if a == Node::ZERO && never[1] {
            return b;
        }
        self.operation([a.0, b.0, SUM], never[0] || never[1])
    }

    fn clamp(&mut self, value: Node, low: f32, high: f32) -> Node {
        let bounds = [low, high].map(f32::to_bits);
        let index = self.bounds.iter().position(|known| *known == bounds).unwrap_or_else(|| {
            self.bounds.push(bounds);
            self.bounds.len() - 1
        });
        self.operation([value.0, index as u32, CLAMPED], false)
    }
}
