//! The cases reach every kernel, with everything that it takes.

use std::collections::BTreeMap;

use depthwise::{Body, Columns, INSTANCES, Isa, Size};
use depthwise_verification::cases;

/// Columns, then rows, that the first windows of a tile miss, and the last.
type Clips = [usize; 4];

/// How often the plans of all cases have each instance's tiles, by their clips.
fn tiles() -> BTreeMap<(&'static str, Clips), usize> {
    let mut counts = BTreeMap::new();
    for case in cases::all() {
        let conv = case.conv(Isa::best()).expect("a case that can be run");
        for rectangle in conv.plan().explain() {
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

#[test]
fn every_tile_is_run_with_every_clipping() {
    let counts = tiles();
    let mut classes = 0;
    for instance in INSTANCES {
        let (Size::Exactly(kernel), Size::Exactly(stride)) = (instance.kernel, instance.stride)
        else {
            assert!(counts[&(instance.name, [0; 4])] > 1000, "{}", instance.name);
            continue;
        };
        let columns: Vec<usize> = (0..kernel).filter(|clip| instance.clips(*clip)).collect();
        // Rolling instances take rows that fill and drain what they have in flight.
        let (above, below) = match instance.body {
            Body::Roll => ((kernel.div_ceil(stride) - 1) * stride, kernel - stride),
            Body::Row | Body::Span => (0, 0),
        };
        for (low, high) in
            columns.iter().flat_map(|low| columns.iter().map(move |high| (low, high)))
        {
            for (first, last) in (0..=above).flat_map(|a| (0..=below).map(move |b| (a, b))) {
                let clips = [*low, *high, first, last];
                assert!(
                    counts.contains_key(&(instance.name, clips)),
                    "{} {clips:?}",
                    instance.name
                );
                classes += 1;
            }
        }
    }
    assert!(classes > 200, "{classes}");
}
