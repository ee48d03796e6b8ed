//! What a tile costs: loads, multiply-adds and stores of vectors, for one vector of channels (NHWC) or one
//! plane (NCHW). Tests compare the sums over tiles with what the kernels do when they run on counting
//! lanes.

use std::collections::BTreeSet;
use std::ops::{AddAssign, Range};

use depthwise::{Axis, Body, Instance, Layout, Leaves, Pass};
use serde::Serialize;

/// Vectors loaded, multiplied and added, and stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Vectors loaded, of source and weights.
    pub loads: usize,
    /// Multiply-adds of vectors.
    pub fmas: usize,
    /// Vectors stored.
    pub stores: usize,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.loads += other.loads;
        self.fmas += other.fmas;
        self.stores += other.stores;
    }
}

/// A tap that a place on the grid meets, and where in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The tap.
    pub tap: usize,
    /// Its place in the source; clipped if that is outside.
    pub source: isize,
}

/// One axis of a pass: a grid of places, each of which meets taps on a source. The grid is that of the
/// results, or for a weight gradient that of the output positions that are summed.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    axis: Axis,
    pass: Pass,
}

impl Line {
    /// An axis of a problem in a pass.
    #[must_use]
    pub const fn new(axis: Axis, pass: Pass) -> Self {
        Self { axis, pass }
    }

    fn is_backwards(&self) -> bool {
        self.pass == Pass::GradInput
    }

    /// Places of the grid.
    #[must_use]
    pub fn places(&self) -> usize {
        if self.is_backwards() { self.axis.input() } else { self.axis.output() }
    }

    /// Elements of the source.
    #[must_use]
    pub fn source(&self) -> usize {
        if self.is_backwards() { self.axis.output() } else { self.axis.input() }
    }

    /// All taps that a place meets, clipped ones included, in the order of the source.
    pub fn touches(&self, place: usize) -> impl Iterator<Item = Touch> + use<> {
        let (axis, backwards) = (self.axis, self.is_backwards());
        let stride = axis.stride() as isize;
        (0..axis.kernel()).filter_map(move |tap| {
            if !backwards {
                let source =
                    place as isize * stride - axis.pad_low() + (tap * axis.dilation()) as isize;
                return Some(Touch { tap, source });
            }
            let tap = axis.kernel() - 1 - tap;
            let reach = place as isize + axis.pad_low() - (tap * axis.dilation()) as isize;
            (reach.rem_euclid(stride) == 0).then(|| Touch { tap, source: reach.div_euclid(stride) })
        })
    }

    /// Those that are not clipped.
    pub fn taps(&self, place: usize) -> impl Iterator<Item = Touch> + use<> {
        let source = 0..self.source() as isize;
        self.touches(place).filter(move |touch| source.contains(&touch.source))
    }

    fn count(&self, places: impl Iterator<Item = usize>) -> usize {
        places.map(|place| self.taps(place).count()).sum()
    }

    /// Elements of the source that some places read.
    fn reads(&self, places: impl Iterator<Item = usize>) -> usize {
        let all: BTreeSet<isize> =
            places.flat_map(|place| self.taps(place)).map(|touch| touch.source).collect();
        all.len()
    }
}

/// Some places along an axis: `count` of them from `first` on, `step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Places {
    /// The first.
    pub first: usize,
    /// From one to the next.
    pub step: usize,
    /// Their number.
    pub count: usize,
}

impl Places {
    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = usize> + Clone {
        (0..self.count).map(move |i| self.first + i * self.step)
    }
}

/// The cost of a tile of rows × columns by an instance; `taps` are those of each of its rows.
#[must_use]
pub fn cost(instance: &Instance, lines: [Line; 2], rows: Places, columns: Places) -> Cost {
    let tile = Tile { instance, lines, rows, columns };
    match (instance.pass, instance.layout) {
        (Pass::GradWeight, Layout::Nhwc) => tile.summed_nhwc(),
        (Pass::GradWeight, Layout::Nchw) => tile.summed_nchw(),
        (_, Layout::Nhwc) => tile.swept_nhwc(),
        (_, Layout::Nchw) => tile.swept_nchw(),
    }
}

/// Lanes of a vector.
const LANES: usize = depthwise_lanes::LANES;

struct Tile<'i> {
    instance: &'i Instance,
    lines: [Line; 2],
    rows: Places,
    columns: Places,
}

impl Tile<'_> {
    fn kernel(&self) -> [usize; 2] {
        self.lines.map(|line| line.axis.kernel())
    }

    /// Taps of all rows together.
    fn row_taps(&self) -> usize {
        self.lines[0].count(self.rows.iter())
    }

    /// Taps of each column, for spans.
    fn span_taps(&self) -> usize {
        self.lines[1].taps(self.columns.first).count()
    }

    fn swept_nhwc(&self) -> Cost {
        let Self { instance, lines, rows, columns } = self;
        let stores = rows.count * columns.count;
        let (row_taps, [height, width]) = (self.row_taps(), self.kernel());
        match instance.body {
            Body::Span => {
                let taps = row_taps * self.span_taps();
                Cost { loads: taps * (1 + columns.count), fmas: taps * columns.count, stores }
            }
            Body::Roll => {
                let source = lines[0].reads(rows.iter()) * lines[1].reads(columns.iter());
                let fmas = row_taps * lines[1].count(columns.iter());
                Cost { loads: height * width + source, fmas, stores }
            }
            _ => {
                // The last of pairs is computed even where it is not stored.
                let computed = Places { count: instance.tile.columns, ..*columns };
                let loads = row_taps * (width + lines[1].reads(computed.iter()));
                Cost { loads, fmas: row_taps * lines[1].count(computed.iter()), stores }
            }
        }
    }

    fn swept_nchw(&self) -> Cost {
        let Self { instance, rows, columns, .. } = self;
        let (row_taps, [_, width]) = (self.row_taps(), self.kernel());
        match instance.body {
            Body::Span => {
                let vectors = columns.count.div_ceil(LANES);
                let taps = row_taps * self.span_taps();
                // Results that lie apart are stored one by one.
                let stores = if columns.step == 1 { vectors } else { columns.count };
                let stores = stores * rows.count;
                Cost { loads: taps * (1 + vectors), fmas: taps * vectors, stores }
            }
            Body::Roll => self.rolled_nchw(),
            Body::Pairs => {
                let vectors = columns.count.div_ceil(2).div_ceil(LANES);
                let loads = row_taps * (width + width.div_ceil(2) * vectors);
                let stores = columns.count.div_ceil(LANES) * rows.count;
                Cost { loads, fmas: row_taps * width * vectors, stores }
            }
            _ => {
                let vectors = columns.count.div_ceil(LANES);
                let taps = row_taps * width;
                let stores = vectors * rows.count;
                Cost { loads: taps * (1 + vectors), fmas: taps * vectors, stores }
            }
        }
    }

    /// Every source row is read once, and serves all rows of results in flight: those above the first, too,
    /// which do not exist. Tiles side by side load their weights once.
    fn rolled_nchw(&self) -> Cost {
        let Self { lines, rows, columns, .. } = self;
        let ([kernel, _], stride) = (self.kernel(), lines[0].axis.stride());
        let vectors = columns.count.div_ceil(LANES);
        let top = lines[0].touches(rows.first).next().map_or(0, |touch| touch.source);
        let source = 0..lines[0].source() as isize;
        let window = (rows.count - 1) * stride + kernel;
        let existing = (0..window).filter(|row| source.contains(&(top + *row as isize)));
        let (mut source_rows, mut uses) = (0, 0);
        for row in existing {
            source_rows += 1;
            uses += (row % stride..kernel).step_by(stride).count();
        }
        let of_row = if stride == 1 { kernel * vectors } else { (kernel - 1) * vectors + 1 };
        let weights = if self.starts() { (kernel * kernel).div_ceil(LANES) } else { 0 };
        Cost {
            loads: weights + source_rows * of_row,
            fmas: uses * kernel * vectors,
            stores: vectors * rows.count,
        }
    }

    /// Whether no tile before this one is computed with it.
    fn starts(&self) -> bool {
        let (line, first, width) = (self.lines[1], self.columns.first, self.instance.tile.columns);
        let (kernel, source) = (line.axis.kernel(), line.source() as isize);
        let misses = |place: usize, outside: fn(isize, isize) -> bool| {
            line.touches(place).filter(|touch| outside(touch.source, source)).count()
        };
        let (before, after) = (|at, _| at < 0, |at, source| at >= source);
        first < width
            || misses(first, before) > 0
            || misses(first - 1, after) > 0
            || misses(first - width, before) > kernel / 2
    }

    fn summed_nhwc(&self) -> Cost {
        let Self { instance, lines, columns, .. } = self;
        let taps = self.row_taps();
        let fmas = taps * lines[1].count(columns.iter());
        if instance.body == Body::Span {
            return Cost { loads: taps * columns.count + fmas, fmas, stores: 0 };
        }
        let groups = taps / instance.tile.rows + taps % instance.tile.rows;
        let loads = groups * columns.count + taps * lines[1].reads(columns.iter());
        Cost { loads, fmas, stores: 0 }
    }

    fn summed_nchw(&self) -> Cost {
        let Self { instance, lines, rows, columns, .. } = self;
        let ([_, width], vectors) = (self.kernel(), columns.count.div_ceil(LANES));
        if instance.body == Body::Span {
            // A vector of columns is summed for each tap that any of them has.
            let taps: BTreeSet<usize> = columns
                .iter()
                .flat_map(|column| lines[1].taps(column))
                .map(|touch| touch.tap)
                .collect();
            let fmas = self.row_taps() * taps.len();
            return Cost { loads: 2 * fmas, fmas, stores: 0 };
        }
        // Output gradients are loaded once for each group of rows of taps, which taps of a row the row meets or not.
        let groups = lines[0].axis.kernel().div_ceil(instance.tile.rows);
        let row_taps = self.row_taps();
        // At stride 2 the even column after the last ones is that of both vectors of a pair.
        let is_shared = lines[1].axis.stride() == 2 && self.is_second_of_pair();
        let shared = if is_shared { row_taps } else { 0 };
        let loads = (rows.count * groups + row_taps * width) * vectors - shared;
        Cost { loads, fmas: row_taps * width * vectors, stores: 0 }
    }

    /// Whether a weight gradient adds this vector of columns together with the one before it. Pairs are of vectors
    /// whose windows are whole; the last edge before them takes part if it has the last half of the taps, and the
    /// first after them if one would be left alone.
    fn is_second_of_pair(&self) -> bool {
        let (line, piece) = (self.lines[1], self.columns.first / Leaves::POSITIONS);
        let (kernel, places) = (line.axis.kernel(), line.places());
        let piece = piece * Leaves::POSITIONS..places.min((piece + 1) * Leaves::POSITIONS);
        let has = |place: usize, taps: Range<usize>| {
            let count = line.taps(place).filter(|touch| taps.contains(&touch.tap)).count();
            piece.contains(&place) && count == taps.len()
        };
        let all_have = |vector: usize, taps: Range<usize>| {
            (0..LANES).all(|lane| has(vector * LANES + lane, taps.clone()))
        };
        let live: Vec<usize> =
            piece.clone().filter(|place| line.taps(*place).count() > 0).collect();
        let (Some(first), Some(last)) = (live.first(), live.last()) else { return false };
        let first_whole = live.iter().find(|place| has(**place, 0..kernel)).unwrap_or(last);
        let (start, end) = (first / LANES, last / LANES + 1);
        let middle = first_whole.div_ceil(LANES).clamp(start, end);
        let whole = (middle..end).filter(|vector| all_have(*vector, 0..kernel)).count();
        let is_low = middle > start && all_have(middle - 1, kernel / 2..kernel);
        let is_low = is_low && (whole > 0 || middle == start + 1);
        let wide = whole + usize::from(is_low);
        let at = (self.columns.first / LANES).checked_sub(middle - usize::from(is_low));
        let has_after = middle + whole < end;
        at.is_some_and(|at| at % 2 == 1 && (at < wide || at == wide && has_after))
    }
}
