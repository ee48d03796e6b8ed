//! Whether a plan says the truth: each result is in one rectangle, and has the taps and misses what the
//! plan says of it, in arithmetic of our own. So whatever a plan meets can be met.

use depthwise::{Body, Columns, Leaves, Plan, Rectangle, Span};

use super::expected::takes;
use crate::case::Case;
use crate::geometry::Window;
use crate::pass::Pass;
use crate::shape::Shape;
use crate::tree;

/// Compares a plan with the geometry of a case.
///
/// # Errors
/// The first thing that differs.
pub fn check(case: &Case, plan: &Plan) -> Result<(), String> {
    match case.pass {
        Pass::Forward | Pass::GradInput => sweep(case, plan),
        Pass::GradWeight | Pass::GradBias => reduction(case, plan),
    }
}

/// The source of a result, tap by tap, in the order of its sum: each tap with the element under it,
/// whether or not that exists.
fn sources(pass: Pass, shape: &Shape, axis: usize, result: usize) -> Vec<(usize, isize)> {
    let (stride, dilation) = (shape.stride[axis] as isize, shape.dilation[axis] as isize);
    let taps = 0..shape.kernel[axis] as isize;
    if pass == Pass::Forward {
        let start = result as isize * stride - shape.low[axis];
        return taps.map(|tap| (tap as usize, start + tap * dilation)).collect();
    }
    let distance = |tap: isize| result as isize + shape.low[axis] - tap * dilation;
    let hits = taps.rev().filter(|tap| distance(*tap).rem_euclid(stride) == 0);
    hits.map(|tap| (tap as usize, distance(tap).div_euclid(stride))).collect()
}

/// Elements of a sweep's source along an axis, and of its results.
fn sizes(pass: Pass, shape: &Shape, axis: usize) -> [usize; 2] {
    let (input, output) = (shape.input[axis], shape.output()[axis]);
    if pass == Pass::Forward { [input, output] } else { [output, input] }
}

/// What the windows of results `first..=last` miss before the source and after it.
fn clip(pass: Pass, shape: &Shape, axis: usize, first: usize, last: usize) -> [usize; 2] {
    let [source, _] = sizes(pass, shape, axis);
    // A pair's window has all that either of its results takes.
    let neighbours = |result: usize| match (pass, shape.stride[axis]) {
        (Pass::GradInput, 2) => result / 2 * 2..result / 2 * 2 + 2,
        _ => result..result + 1,
    };
    let elements = |result: usize| {
        neighbours(result).flat_map(|result| sources(pass, shape, axis, result)).map(|(_, at)| at)
    };
    let low = elements(first).min().unwrap_or(0);
    let high = elements(last).max().unwrap_or(0);
    [(-low).max(0) as usize, (high + 1 - source as isize).max(0) as usize]
}

fn sweep(case: &Case, plan: &Plan) -> Result<(), String> {
    let (pass, shape) = (case.pass, &case.shape);
    let [rows, columns] = [0, 1].map(|axis| sizes(pass, shape, axis)[1]);
    for tiles in [true, false] {
        let mut times = vec![0_usize; rows * columns];
        for part in plan.parts().take_while(|part| part.images.start == 0) {
            if part.channels.start > 0 {
                continue;
            }
            for rectangle in plan.rectangles(part.rows.clone(), tiles) {
                let truth = Truth { pass, shape, rectangle: &rectangle };
                truth.check().map_err(|reason| format!("{}: {reason}", rectangle.instance.name))?;
                for row in results(&rectangle.rows) {
                    for column in truth.columns() {
                        match times.get_mut(row * columns + column).filter(|_| column < columns) {
                            Some(times) => *times += 1,
                            None => {
                                return Err(format!("no result is in row {row}, column {column}"));
                            }
                        }
                    }
                }
            }
        }
        if let Some(place) = times.iter().position(|times| *times != 1) {
            let (row, column) = (place / columns, place % columns);
            return Err(format!("{} times row {row}, column {column}", times[place]));
        }
    }
    Ok(())
}

/// The results of a span.
fn results(span: &Span) -> impl Iterator<Item = usize> + use<> {
    let Span { out, len, out_step, .. } = *span;
    (0..len).map(move |index| out + index * out_step)
}

/// A rectangle of a plan.
struct Truth<'t> {
    pass: Pass,
    shape: &'t Shape,
    rectangle: &'t Rectangle,
}

impl Truth<'_> {
    fn columns(&self) -> Vec<usize> {
        match &self.rectangle.columns {
            Columns::Tiles(tile) => (tile.out..tile.out + tile.count * tile.columns).collect(),
            Columns::Span(span) => results(span).collect(),
        }
    }

    fn check(&self) -> Result<(), String> {
        let Rectangle { instance, rows, clip_low, clip_high, .. } = self.rectangle;
        if let Columns::Tiles(tile) = &self.rectangle.columns {
            for index in 0..tile.count {
                let first = tile.out + index * tile.columns;
                let true_clip = self.clip(1, first, first + tile.columns - 1);
                let told = [tile.clip_low, tile.clip_high];
                if told != true_clip {
                    return Err(format!("columns from {first} miss {true_clip:?}, not {told:?}"));
                }
                let window = self.window(1);
                let has_taps = rows.taps > 0 && instance.body != Body::Span;
                if has_taps && !true_clip.iter().all(|clip| takes(instance, window, *clip)) {
                    return Err(format!("columns from {first} miss {true_clip:?}: no tile does"));
                }
            }
            let odd = self.shape.low[1].rem_euclid(2) == 1;
            if instance.body == Body::Pairs && tile.odd_first != odd {
                return Err(format!("the first of a pair takes odd taps: {odd}"));
            }
        }
        if let Columns::Span(span) = &self.rectangle.columns {
            self.span(1, span, [0; 2])?;
        }
        self.span(0, rows, [*clip_low, *clip_high])
    }

    fn window(&self, axis: usize) -> Window {
        let Shape { kernel, stride, dilation, .. } = self.shape;
        Window { kernel: kernel[axis], stride: stride[axis], dilation: dilation[axis] }
    }

    fn clip(&self, axis: usize, first: usize, last: usize) -> [usize; 2] {
        clip(self.pass, self.shape, axis, first, last)
    }

    /// Whether each result of a span has the taps and sources that the span says, where the first window misses `low`, the last one
    /// `high`, and those between them fewer by a step each.
    fn span(&self, axis: usize, span: &Span, [low, high]: [usize; 2]) -> Result<(), String> {
        let [source, _] = sizes(self.pass, self.shape, axis);
        for (index, result) in results(span).enumerate() {
            let exists = |(_, at): &(usize, isize)| (0..source as isize).contains(at);
            let all = sources(self.pass, self.shape, axis, result);
            let true_taps: Vec<_> = all.into_iter().filter(exists).collect();
            let [first, last] = [(low, index), (high, span.len - 1 - index)]
                .map(|(missed, steps)| missed.saturating_sub(steps * span.src_step));
            let told: Vec<_> = (first..span.taps.saturating_sub(last))
                .map(|u| {
                    let tap = (span.tap as isize + u as isize * span.tap_step) as usize;
                    let step = index * span.src_step + u * span.src_tap;
                    (tap, (span.src + step) as isize - low as isize)
                })
                .collect();
            if told != true_taps {
                return Err(format!("result {result} has taps {true_taps:?}, not {told:?}"));
            }
        }
        Ok(())
    }
}

fn reduction(case: &Case, plan: &Plan) -> Result<(), String> {
    let (problem, shape) = (plan.problem(), &case.shape);
    let leaves = Leaves::new(problem);
    let true_leaves = tree::leaves(shape);
    if leaves.count() != true_leaves.len() {
        return Err(format!("{} leaves, not {}", true_leaves.len(), leaves.count()));
    }
    for (index, leaf) in true_leaves.iter().enumerate() {
        let told = leaves.leaf(index);
        if (told.image, &told.rows, &told.columns) != (leaf.image, &leaf.rows, &leaf.columns) {
            return Err(format!("leaf {index} is {leaf:?}, not {told:?}"));
        }
    }
    for (number, axis) in [problem.height(), problem.width()].iter().enumerate() {
        let [source, outputs] = sizes(Pass::Forward, shape, number);
        let exists = |(_, at): &(usize, isize)| (0..source as isize).contains(at);
        let taps = |window: usize| -> Vec<_> {
            let all = sources(Pass::Forward, shape, number, window);
            all.into_iter().filter(exists).map(|(tap, _)| tap).collect()
        };
        for span in axis.forward_spans() {
            for window in results(&span) {
                let told: Vec<_> = (span.tap..span.tap + span.taps).collect();
                if taps(window) != told {
                    return Err(format!(
                        "window {window} has taps {:?}, not {told:?}",
                        taps(window)
                    ));
                }
            }
        }
        if shape.dilation[number] == 1 {
            let wrong = (0..outputs).find(|window| {
                let told: Vec<_> = axis.dense_taps(*window).collect();
                told != taps(*window)
            });
            if let Some(window) = wrong {
                return Err(format!("window {window} has taps {:?}", taps(window)));
            }
        }
        let whole = axis.whole_windows();
        let wrong = (0..outputs)
            .find(|window| whole.contains(window) != (taps(*window).len() == shape.kernel[number]));
        if let Some(window) = wrong {
            return Err(format!("window {window} has {} taps", taps(window).len()));
        }
    }
    Ok(())
}
