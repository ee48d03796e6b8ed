//! What a tile of each instance costs where no window is clipped: loads, multiply-adds and stores of vectors.

use depthwise::{Body, Instance, Layout, Pass as PlanPass};
use depthwise_verification::Pass;

use crate::run::Counts;

/// The cost of one more tile, and how many results it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Vectors of results; of a weight gradient, of output positions.
    pub vectors: usize,
    /// What is done for them.
    pub counts: Counts,
}

/// What one more tile costs with a kernel of `height` × `width` taps at a stride, channels one for one:
///
/// | body | loads |
/// |---|---|
/// | `Roll` | each column of the new rows of its windows |
/// | `Row` | for each kernel row, its weights and each column of its windows |
/// | `Pairs` | the same, of two rows of results, which have a kernel's rows between them |
/// | `Taps` | each output gradient once for some rows of taps, each column of the windows for each row |
/// | `Span` | for each tap, a weight and one vector for each vector of results |
///
/// where NCHW has a load for each tap of a vector instead of one for each column.
pub fn tile(pass: Pass, instance: &Instance, [height, width]: [usize; 2], stride: usize) -> Tile {
    let tile = instance.tile;
    let (taps, nhwc) = (height * width, instance.layout == Layout::Nhwc);
    let vectors = if nhwc { tile.columns } else { tile.vectors };
    let window = (tile.columns - 1) * stride + width;
    let cost = |vectors: usize, loads: usize| {
        let stores = if pass == Pass::GradWeight { 0 } else { vectors };
        let counts = Counts { loads, fmas: taps * vectors, stores, ..Counts::default() };
        Tile { vectors, counts }
    };
    match (instance.body, instance.pass) {
        (Body::Roll, _) if nhwc => cost(vectors, stride * window),
        // All taps but the last, which are those of the tap before the last but one, a lane on.
        (Body::Roll, _) if stride > 1 => cost(vectors, stride * ((width - 1) * vectors + 1)),
        (Body::Roll, _) => cost(vectors, width * vectors),
        (Body::Row, _) if nhwc => cost(vectors, height * (width + window)),
        (Body::Row, _) => cost(vectors, taps * (1 + vectors)),
        (Body::Pairs, _) => {
            // Vectors of pairs, and loads that their windows need.
            let (pairs, reach) = (vectors / 2, width.div_ceil(2));
            let window = if nhwc { pairs - 1 + reach } else { pairs * reach };
            let Tile { counts, .. } = cost(2 * vectors, height * (width + window));
            Tile { vectors: 2 * vectors, counts: Counts { fmas: taps * pairs, ..counts } }
        }
        (Body::Taps, _) if nhwc => {
            let groups = height / tile.rows + height % tile.rows;
            cost(vectors, groups * vectors + height * window)
        }
        (Body::Taps, _) => cost(1, height.div_ceil(tile.rows) + taps),
        (Body::Span, PlanPass::GradWeight) if nhwc => {
            cost(1, height * width.div_ceil(TAPS_OF_A_SPAN) + taps)
        }
        (Body::Span, PlanPass::GradWeight) => cost(1, 2 * taps),
        (Body::Span, _) => cost(vectors, taps * (1 + vectors)),
    }
}

/// Taps of a row that the general weight gradient sums together.
const TAPS_OF_A_SPAN: usize = 8;
