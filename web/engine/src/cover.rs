//! How a plan covers its results, as a picture's data.

use std::ops::Range;

use depthwise::{
    Body, Columns, Error, Instance, Layout, Leaves, Machine, Padding, Pass, Plan, Problem,
    Rectangle, Span,
};
use serde::{Deserialize, Serialize};

use crate::cost::{Cost, Line, Places, cost};

/// What the visitor has chosen.
#[derive(Clone, Debug, Deserialize)]
pub struct Choice {
    /// `[h][w]`
    pub input: [usize; 2],
    /// `[kh][kw]`
    pub kernel: [usize; 2],
    /// In both directions.
    pub stride: usize,
    /// In both directions.
    pub dilation: usize,
    /// On all sides.
    pub padding: isize,
    /// Whether channels are last.
    pub nhwc: bool,
    /// `forward`, `grad_input` or `grad_weight`.
    pub pass: String,
    /// Name of a machine; this one's if there is no such machine.
    pub machine: String,
}

/// A plan as a picture: tiles on a grid, each of which reads from a source.
#[derive(Clone, Debug, Serialize)]
pub struct Picture {
    /// Size of the grid: of the results, or for a weight gradient of the output positions that are summed.
    pub grid: [usize; 2],
    /// Size of the source.
    pub source: [usize; 2],
    /// Of each row and each column of the grid: the taps it meets, `[tap, source]`. Those whose source is
    /// outside are clipped.
    pub touches: [Vec<Vec<[isize; 2]>>; 2],
    /// The instances.
    pub instances: Vec<Entry>,
    /// The tiles, in the order in which they are computed.
    pub tiles: Vec<Tile>,
    /// The cost of all tiles.
    pub total: Cost,
    /// The machine that the tiles are for.
    pub machine: &'static str,
}

/// A line of the instance table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// How it walks.
    pub body: &'static str,
    /// What it is for.
    pub purpose: &'static str,
}

/// A tile: rows × columns of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tile {
    /// Index of its instance.
    pub instance: usize,
    /// Its rows.
    pub rows: Places,
    /// Its columns.
    pub columns: Places,
    /// For a vector of channels, or a plane.
    pub cost: Cost,
    /// Of a weight gradient, which leaf of the sum it is part of.
    pub leaf: usize,
}

impl Picture {
    /// The plan for a choice.
    ///
    /// # Errors
    /// Sizes that describe no convolution.
    pub fn new(choice: &Choice) -> Result<Self, Error> {
        let passes = [Pass::Forward, Pass::GradInput, Pass::GradWeight];
        let pass = passes.into_iter().find(|pass| pass.name() == choice.pass).unwrap_or_default();
        let machines = Machine::ALL.into_iter();
        let machine = machines.clone().find(|machine| machine.name == choice.machine);
        let padding = Padding::symmetric(choice.padding, choice.padding);
        let problem = Problem::builder()
            .channels(LANES)
            .input(choice.input)
            .kernel(choice.kernel)
            .stride([choice.stride; 2])
            .dilation([choice.dilation; 2])
            .padding(padding)
            .layout(if choice.nhwc { Layout::Nhwc } else { Layout::Nchw })
            .pass(pass)
            .build()?;
        Ok(Self::of(&Plan::new(problem, machine.unwrap_or_else(Machine::detect))))
    }

    /// The picture of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let problem = plan.problem();
        let pass = problem.pass();
        let lines = [problem.height(), problem.width()].map(|axis| Line::new(axis, pass));
        let mut picture = Self {
            grid: lines.map(|line| line.places()),
            source: lines.map(|line| line.source()),
            touches: lines.map(touches),
            instances: Vec::new(),
            tiles: Vec::new(),
            total: Cost::default(),
            machine: plan.machine().name,
        };
        if pass == Pass::GradWeight {
            picture.sum(plan, lines);
        } else {
            for rectangle in plan.explain() {
                picture.sweep(&rectangle, lines);
            }
        }
        picture
    }

    /// The tiles of a rectangle.
    fn sweep(&mut self, rectangle: &Rectangle, lines: [Line; 2]) {
        let Rectangle { instance, rows, columns, .. } = rectangle;
        let rows = Places { first: rows.out, step: rows.out_step, count: rows.len };
        let strips: Vec<Places> = match columns {
            Columns::Tiles(tile) => (0..tile.count)
                .map(|i| Places {
                    first: tile.out + i * tile.columns,
                    step: 1,
                    count: tile.columns,
                })
                .collect(),
            Columns::Span(span) => pieces(instance.layout, span),
        };
        for columns in strips {
            if instance.body == Body::Roll {
                self.push(instance, lines, rows, columns, 0);
                continue;
            }
            for row in rows.iter() {
                self.push(instance, lines, Places { first: row, step: 1, count: 1 }, columns, 0);
            }
        }
    }

    /// The tiles of a weight gradient: leaf after leaf, the columns whose windows have a tap.
    fn sum(&mut self, plan: &Plan, lines: [Line; 2]) {
        let (problem, instance) = (plan.problem(), plan.instance());
        let (leaves, live) = (Leaves::new(problem), problem.width().live_windows());
        for index in 0..leaves.count() {
            let leaf = leaves.leaf(index);
            let strips: Vec<Places> = if instance.body == Body::Span {
                spans(problem, &leaf.columns)
            } else {
                let end = live.end.min(leaf.columns.end);
                let start = live.start.max(leaf.columns.start).min(end);
                side_by_side(start, widths(instance, start - leaf.columns.start, end - start))
            };
            for row in leaf.rows {
                for columns in &strips {
                    let rows = Places { first: row, step: 1, count: 1 };
                    self.push(instance, lines, rows, *columns, index);
                }
            }
        }
    }

    fn push(
        &mut self,
        instance: &Instance,
        lines: [Line; 2],
        rows: Places,
        columns: Places,
        leaf: usize,
    ) {
        let line =
            Entry { name: instance.name, body: instance.body.name(), purpose: instance.purpose };
        let known = self.instances.iter().position(|other| *other == line);
        let index = known.unwrap_or_else(|| {
            self.instances.push(line);
            self.instances.len() - 1
        });
        let cost = cost(instance, lines, rows, columns);
        self.total += cost;
        self.tiles.push(Tile { instance: index, rows, columns, cost, leaf });
    }
}

const LANES: usize = depthwise_lanes::LANES;

fn touches(line: Line) -> Vec<Vec<[isize; 2]>> {
    let of = |place| line.touches(place).map(|touch| [touch.tap as isize, touch.source]).collect();
    (0..line.places()).map(of).collect()
}

/// The columns that the general instance computes at a time.
fn pieces(layout: Layout, span: &Span) -> Vec<Places> {
    let mut pieces = Vec::new();
    let mut done = 0;
    while done < span.len {
        let left = span.len - done;
        let count = match layout {
            Layout::Nhwc => [8, 4, 2, 1].into_iter().find(|width| *width <= left),
            Layout::Nchw => [4 * LANES, LANES].into_iter().find(|width| *width <= left),
        };
        let count = count.unwrap_or(left);
        let first = span.out + done * span.out_step;
        pieces.push(Places { first, step: span.out_step, count });
        done += count;
    }
    pieces
}

/// The columns that the general weight gradient sums together.
fn spans(problem: &Problem, columns: &Range<usize>) -> Vec<Places> {
    if problem.layout() == Layout::Nchw {
        let count = columns.len().div_ceil(LANES);
        let width = |i: usize| LANES.min(columns.len() - i * LANES);
        return side_by_side(columns.start, (0..count).map(width).collect());
    }
    let spans = problem.width().forward_spans();
    let spans = spans.filter_map(|span| span.clip(columns.start, columns.end));
    spans.map(|span| Places { first: span.out, step: span.out_step, count: span.len }).collect()
}

fn side_by_side(first: usize, widths: Vec<usize>) -> Vec<Places> {
    let mut next = first;
    let mut place = |count| {
        next += count;
        Places { first: next - count, step: 1, count }
    };
    widths.into_iter().map(&mut place).collect()
}

/// The columns that a weight gradient sums at a time: of `count`, the first `offset` from its leaf's.
fn widths(instance: &Instance, offset: usize, count: usize) -> Vec<usize> {
    let mut widths = Vec::new();
    let mut left = count;
    while left > 0 {
        let width = match instance.layout {
            Layout::Nhwc => [instance.tile.columns, 4, 2, 1].into_iter().find(|w| *w <= left),
            // Vectors start at multiples of their length from the leaf's first column.
            Layout::Nchw => Some(LANES - (offset + count - left) % LANES),
        };
        widths.push(width.unwrap_or(1).min(left));
        left -= widths[widths.len() - 1];
    }
    widths
}
