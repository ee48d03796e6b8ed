//! The cases reach every kernel, with everything that it takes.

use std::collections::BTreeMap;

use depthwise::{Body, Columns, INSTANCES, Instance, Isa, Size};
use depthwise_verification::{Pass, cases};

/// Columns, then rows, that the first windows of a tile miss, and the last.
type Clips = [usize; 4];

/// How often the plans of all cases of a sweep have each instance's tiles, by their clips.
fn tiles(pass: Pass) -> BTreeMap<(&'static str, Clips), usize> {
    let mut counts = BTreeMap::new();
    for case in cases::of(pass) {
        let conv = case.conv(Isa::best()).expect("a case that can be run");
        for rectangle in pass.plan(&conv).expect("a sweep's plan").explain() {
            let [low, high] = match rectangle.columns {
                Columns::Tiles(tile) => [tile.clip_low, tile.clip_high],
                Columns::Span(_) => [0, 0],
            };
            let clips = [low, high, rectangle.clip_low, rectangle.clip_high];
            *counts.entry((rectangle.instance.name, clips)).or_default() += 1;
        }
    }
    counts
}

/// Every clipping that an instance's tiles can have.
fn clippings(instance: &Instance) -> Vec<Clips> {
    let (Size::Exactly(kernel), Size::Exactly(stride)) = (instance.kernel, instance.stride) else {
        return vec![[0; 4]];
    };
    let columns: Vec<usize> = (0..kernel).filter(|clip| instance.clips(*clip)).collect();
    let window = match instance.body {
        Body::Pairs => instance.tile.columns / 2 - 1 + kernel.div_ceil(2),
        _ => (instance.tile.columns - 1) * stride + kernel,
    };
    // Rolling instances take rows that fill and drain what they have in flight.
    let (above, below) = match instance.body {
        Body::Roll => ((kernel.div_ceil(stride) - 1) * stride, kernel - stride),
        _ => (0, 0),
    };
    let mut all = Vec::new();
    for (low, high) in columns.iter().flat_map(|low| columns.iter().map(move |high| (low, high))) {
        if low + high >= window {
            continue;
        }
        for (first, last) in (0..=above).flat_map(|a| (0..=below).map(move |b| (a, b))) {
            all.push([*low, *high, first, last]);
        }
    }
    all
}

fn every_tile_is_run_with_every_clipping(pass: Pass) -> usize {
    let counts = tiles(pass);
    let mut classes = 0;
    for instance in INSTANCES.iter().filter(|instance| pass.is_computed_by(instance)) {
        let fewest = if instance.body == Body::Span { 1000 } else { 1 };
        for clips in clippings(instance) {
            let count = counts.get(&(instance.name, clips)).copied().unwrap_or(0);
            assert!(count >= fewest, "{count} of {} {clips:?}", instance.name);
            classes += 1;
        }
    }
    classes
}

#[test]
fn every_tile_of_a_forward_pass() {
    let classes = every_tile_is_run_with_every_clipping(Pass::Forward);
    assert!(classes > 200, "{classes}");
}

#[test]
fn every_tile_of_an_input_gradient() {
    let classes = every_tile_is_run_with_every_clipping(Pass::GradInput);
    assert!(classes > 100, "{classes}");
}

/// A weight gradient meets every number of tap columns and rows that border windows have, in maps
/// that leave every number of columns to the tiles.
#[test]
fn every_window_of_a_weight_gradient() {
    let mut classes = 0;
    for instance in INSTANCES.iter().filter(|instance| Pass::GradWeight.is_computed_by(instance)) {
        let Size::Exactly(kernel) = instance.kernel else { continue };
        let of = cases::of(Pass::GradWeight).iter().filter(|c| c.instance == Some(instance));
        let shapes: Vec<_> = of.map(|case| case.shape).collect();
        for axis in 0..2 {
            let taps = |taps| move |s: &&_| windows(s, axis).contains(&taps);
            for wanted in 1..=kernel {
                let count = shapes.iter().filter(taps(wanted)).count();
                assert!(count > 2, "{count} of {} with {wanted} taps", instance.name);
                classes += 1;
            }
        }
        for left in 0..instance.tile.columns {
            let whole = |s: &&depthwise_verification::Shape| {
                windows(s, 1).iter().filter(|taps| **taps == kernel).count()
            };
            let count =
                shapes.iter().filter(|s| whole(s) > 0 && whole(s) % instance.tile.columns == left);
            assert!(count.count() > 2, "{} leaves {left}", instance.name);
            classes += 1;
        }
    }
    assert!(classes > 180, "{classes}");
}

/// Taps that each window along an axis has.
fn windows(shape: &depthwise_verification::Shape, axis: usize) -> Vec<usize> {
    (0..shape.output()[axis]).map(|result| shape.taps(axis, result)).collect()
}
