//! Boundary classes: what one call of an instance can meet at the borders of its tensors, and which two
//! of these together.
//!
//! [`expected`] finds all classes of an instance by brute force, in arithmetic of its own, without a plan.
//! [`met`] tells from the library's plans what a case meets. A class that no case meets is a hole in the
//! cases. [`truth`] compares what plans say with the geometry: what is met and can't be is an error of
//! the plan.

pub mod expected;
pub mod met;
pub mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};

use depthwise::{INSTANCES, Instance, Layout};

use crate::case::Case;
use crate::pass::Pass;

pub use expected::Expected;

/// What a class is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The horizontal axis.
    Columns,
    /// The vertical axis.
    Rows,
    /// Channels.
    Depth,
    /// The leaves that a gradient is summed over, and the images.
    Tree,
    /// What the geometry leaves open.
    Call,
}

/// In what respect. Numbers are counted up to a few; all above are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Source elements that the windows miss at the low and the high end.
    Clip,
    /// Whether this is at the beginning and at the end of the results.
    Place,
    /// Tiles, side by side, or results that share their taps.
    Run,
    /// Source elements that are left over after the last window.
    Slack,
    /// Whether the source is smaller than the kernel.
    Narrow,
    /// Results in a tile.
    Live,
    /// Whether the first of each pair takes the odd taps, and whether the last pair lacks its last.
    Pairs,
    /// Of a residue class, the first tap.
    Residue,
    /// Rows that are marched with all results in flight: whole turns, and steps that are left.
    March,
    /// Taps.
    Taps,
    /// Whether taps are missing at the low and the high end.
    Missing,
    /// Steps of the source: from result to result, and from tap to tap.
    Steps,
    /// Step from result to result.
    Apart,
    /// Positions whose windows are whole: tiles, and positions that are left.
    Whole,
    /// Pieces that leaves cut a row into.
    Pieces,
    /// Vectors of channels.
    Vectors,
    /// Channels beyond whole vectors.
    Tail,
    /// Planes.
    Planes,
    /// Result channels of a source channel, or the other way round.
    Multiplier,
    /// Images.
    Batch,
    /// Leaves.
    Leaves,
    /// Rows of a leaf, and whether the last one has fewer.
    LeafRows,
    /// Whether there is a bias.
    Bias,
    /// Whether results are bounded below and above.
    Bounds,
    /// Whether results are added to what is there.
    Accumulate,
    /// Elements off alignment.
    Offset,
    /// Machine.
    Machine,
}

/// A class: a value in one respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    /// What it is about.
    pub side: Side,
    /// In what respect.
    pub feature: Feature,
    /// The value, in one or two numbers.
    pub value: [u8; 2],
}

impl Class {
    /// Whether each of two sides has its classes whatever the other has. Of one side, events decide.
    fn is_independent_of(&self, other: &Self) -> bool {
        let sides = [self.side, other.side];
        // Leaves are made of rows and columns.
        let leaves = sides.contains(&Side::Tree)
            && (sides.contains(&Side::Columns) || sides.contains(&Side::Rows));
        // Each piece of a row has the row's taps.
        let pieces =
            sides.contains(&Side::Rows) && [self.feature, other.feature].contains(&Feature::Pieces);
        self.side != other.side && !leaves && !pieces
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, feature, value: [a, b] } = self;
        write!(f, "{side:?} {feature:?} {a},{b}")
    }
}

/// What happens together: of each side that takes part, one class in each respect that applies.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    side: Side,
    classes: [Class; Self::MOST],
    len: usize,
}

impl Event {
    /// Most classes of an event.
    const MOST: usize = 24;

    /// Nothing yet, of a side.
    pub fn of(side: Side) -> Self {
        let none = Class { side, feature: Feature::Clip, value: [0; 2] };
        Self { side, classes: [none; Self::MOST], len: 0 }
    }

    /// The side that it began with.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The classes.
    pub fn classes(&self) -> &[Class] {
        &self.classes[..self.len]
    }

    /// Whether a class is among them.
    pub fn has(&self, class: Class) -> bool {
        self.classes().contains(&class)
    }

    /// With a value of two numbers.
    #[must_use]
    pub fn pair(mut self, feature: Feature, value: [usize; 2]) -> Self {
        // No feature has more values than tiles have columns, or kernels taps.
        let value = value.map(|number| u8::try_from(number).unwrap_or(u8::MAX));
        self.classes[self.len] = Class { side: self.side, feature, value };
        self.len += 1;
        self
    }

    /// With a number.
    #[must_use]
    pub fn number(self, feature: Feature, value: usize) -> Self {
        self.pair(feature, [value, 0])
    }

    /// With two flags.
    #[must_use]
    pub fn flags(self, feature: Feature, flags: [bool; 2]) -> Self {
        self.pair(feature, flags.map(usize::from))
    }

    /// With more, if they apply.
    #[must_use]
    pub fn when(self, applies: bool, more: impl FnOnce(Self) -> Self) -> Self {
        if applies { more(self) } else { self }
    }

    /// With what happens to another side meanwhile.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.classes[self.len..self.len + other.len].copy_from_slice(other.classes());
        self.len += other.len;
        self
    }

    /// What happens to one side.
    #[must_use]
    pub fn on(&self, side: Side) -> Self {
        let mut event = Self::of(side);
        for class in self.classes().iter().filter(|class| class.side == side) {
            event.classes[event.len] = *class;
            event.len += 1;
        }
        event
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.classes() == other.classes()
    }
}

impl Eq for Event {}

impl Hash for Event {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for Class { side, feature, value: [a, b] } in self.classes() {
            state.write_u32(u32::from_le_bytes([*side as u8, *feature as u8, *a, *b]));
        }
    }
}

/// What computes: an instance, or the bias gradient of a layout, which has none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kernel {
    /// Which pass.
    pub pass: Pass,
    /// Order of the tensors' dimensions.
    pub layout: Layout,
    /// The instance.
    pub instance: Option<&'static Instance>,
}

impl Kernel {
    /// Every instance in each pass that it computes, and the bias gradients.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |pass: Pass| INSTANCES.iter().filter(move |i| pass.is_computed_by(i));
        let instances = Pass::ALL.into_iter().flat_map(move |pass| {
            of(pass).map(move |i| Self { pass, layout: i.layout, instance: Some(i) })
        });
        let bias = |layout| Self { pass: Pass::GradBias, layout, instance: None };
        instances.chain(Layout::ALL.map(bias))
    }

    /// The instance's name, or the layout's.
    pub fn name(&self) -> &'static str {
        self.instance.map_or(self.layout.name(), |instance| instance.name)
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.pass.name(), self.name())
    }
}

/// The classes that a kernel can meet, and those that it has met.
#[derive(Clone, Debug)]
pub struct Coverage {
    places: BTreeMap<Class, usize>,
    classes: Vec<Class>,
    /// `[class][class]`; a class with itself is the class.
    expected: Vec<bool>,
    met: Vec<bool>,
    /// What can't be, and plans said.
    unexpected: Vec<String>,
}

impl Coverage {
    /// With nothing met yet: classes of independent sides can meet, of one side those of an event.
    pub fn new(all: &Expected) -> Self {
        let classes: BTreeSet<Class> = all.events().flat_map(Event::classes).copied().collect();
        let classes: Vec<Class> = classes.into_iter().collect();
        let places = classes.iter().enumerate().map(|(place, class)| (*class, place)).collect();
        let count = classes.len();
        let expected = classes.iter().flat_map(|a| classes.iter().map(|b| a.is_independent_of(b)));
        let expected = expected.collect();
        let (met, unexpected) = (vec![false; count * count], Vec::new());
        let mut coverage = Self { places, classes, expected, met, unexpected };
        for event in all.events() {
            let places: Vec<usize> =
                event.classes().iter().map(|class| coverage.places[class]).collect();
            for (a, b) in pairs(&places) {
                coverage.expected[a * count + b] = true;
            }
        }
        coverage
    }

    /// The same kernel's, with nothing met yet.
    #[must_use]
    pub fn anew(&self) -> Self {
        let met = vec![false; self.met.len()];
        Self { met, unexpected: Vec::new(), ..self.clone() }
    }

    /// Counts an event of all sides that has happened. Unusual sizes have classes that small ones don't;
    /// these aren't counted.
    pub fn meet(&mut self, event: &Event) {
        let count = self.classes.len();
        let known = event.classes().iter().filter_map(|class| self.places.get(class).copied());
        let places: Vec<usize> = known.collect();
        for (a, b) in pairs(&places) {
            self.met[a * count + b] |= self.expected[a * count + b];
        }
    }

    /// Expected pairs that have not been met; of a class, the pair with itself.
    pub fn missing(&self) -> impl Iterator<Item = (Class, Class)> {
        let count = self.classes.len();
        let pairs = (0..count).flat_map(move |a| (a..count).map(move |b| (a, b)));
        let missing =
            pairs.filter(move |(a, b)| self.expected[a * count + b] && !self.met[a * count + b]);
        missing.map(|(a, b)| (self.classes[a], self.classes[b]))
    }

    /// Whether a pair is expected and hasn't been met.
    pub fn misses(&self, a: Class, b: Class) -> bool {
        let (Some(a), Some(b)) = (self.places.get(&a), self.places.get(&b)) else { return false };
        let index = a * self.classes.len() + b;
        self.expected[index] && !self.met[index]
    }

    /// Places of the classes that are expected.
    pub fn places(&self, classes: impl IntoIterator<Item = Class>) -> BTreeSet<usize> {
        classes.into_iter().filter_map(|class| self.places.get(&class).copied()).collect()
    }

    /// How many pairs of a class of these and one of those are missing, by their places.
    pub fn gain_with(&self, these: &BTreeSet<usize>, those: &BTreeSet<usize>) -> usize {
        let count = self.classes.len();
        let missing = |index: usize| self.expected[index] && !self.met[index];
        let of = |a: &usize| those.iter().filter(|b| missing(*a * count + **b)).count();
        these.iter().map(of).sum()
    }

    /// How many expected pairs an event would meet for the first time.
    pub fn gain(&self, event: &Event) -> usize {
        let count = self.classes.len();
        let places: Vec<usize> =
            event.classes().iter().filter_map(|class| self.places.get(class).copied()).collect();
        let new = |(a, b): &(usize, usize)| {
            a <= b && self.expected[a * count + b] && !self.met[a * count + b]
        };
        pairs(&places).filter(new).count()
    }

    /// Classes met, classes, pairs met, and pairs, without those of a class with itself.
    pub fn counts(&self) -> [usize; 4] {
        let count = self.classes.len();
        let of = |flags: &[bool]| {
            let classes = (0..count).filter(|a| flags[a * count + a]).count();
            [classes, (flags.iter().filter(|flag| **flag).count() - classes) / 2]
        };
        let ([met, met_pairs], [classes, pairs]) = (of(&self.met), of(&self.expected));
        [met, classes, met_pairs, pairs]
    }

    /// Cases whose plans said what can't be.
    pub fn unexpected(&self) -> usize {
        self.unexpected.len()
    }

    /// What is wrong: what can't be and was said, or can be met and wasn't.
    ///
    /// # Errors
    /// A few of them, as text.
    pub fn check(&self) -> Result<(), String> {
        let list = |pairs: &mut dyn Iterator<Item = (Class, Class)>| {
            let text = |(a, b): (Class, Class)| match a == b {
                true => a.to_string(),
                false => format!("{a} with {b}"),
            };
            pairs.take(FEW).map(text).collect::<Vec<_>>().join("; ")
        };
        if let Some(first) = self.unexpected.first() {
            return Err(format!("{} unexpected: {first}", self.unexpected.len()));
        }
        match self.missing().count() {
            0 => Ok(()),
            count => Err(format!("{count} missing: {}", list(&mut self.missing()))),
        }
    }
}

/// The coverage of every kernel of a pass.
#[derive(Clone, Debug)]
pub struct Coverages(Vec<(Kernel, Expected, Coverage)>);

impl Coverages {
    /// With nothing met yet.
    pub fn of(pass: Pass) -> Self {
        let kernels = Kernel::all().filter(|kernel| kernel.pass == pass);
        let coverage = |kernel| {
            let expected = Expected::of(&kernel);
            let coverage = Coverage::new(&expected);
            (kernel, expected, coverage)
        };
        Self(kernels.map(coverage).collect())
    }

    /// Counts what a case meets, and whether its plan says the truth.
    ///
    /// # Panics
    /// If the case can't be run.
    pub fn meet(&mut self, case: &Case) {
        if let Ok(plan) = case.plan()
            && let Err(reason) = truth::check(case, &plan)
        {
            let instance = (case.pass != Pass::GradBias).then(|| plan.instance());
            let kernel = Kernel { pass: case.pass, layout: case.layout, instance };
            let of = self.0.iter_mut().find(|(other, ..)| *other == kernel);
            of.into_iter().for_each(|(.., coverage)| {
                coverage.unexpected.push(format!("{reason}: {case}"));
            });
        }
        met::each(case, |kernel, event| {
            let mut all = self.0.iter_mut();
            if let Some((.., coverage)) = all.find(|(other, ..)| other == kernel) {
                coverage.meet(event);
            }
        });
    }

    /// Each kernel, what is expected of it, and what was met.
    pub fn iter(&self) -> impl Iterator<Item = &(Kernel, Expected, Coverage)> {
        self.0.iter()
    }

    /// As [`iter`](Self::iter), to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut (Kernel, Expected, Coverage)> {
        self.0.iter_mut()
    }
}

/// Classes that a message names.
const FEW: usize = 5;

/// All pairs of places, both ways round, and each with itself.
fn pairs(places: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    places.iter().flat_map(|a| places.iter().map(move |b| (*a, *b)))
}

/// `number`, or `most` for all from there on.
pub(crate) fn up_to(most: usize, number: usize) -> usize {
    number.min(most)
}
