use core::hint::black_box;

use depthwise_lanes::{Bounds, Lanes};

/// Steps along one axis of a rectangle, in elements of the tensors they move in.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// Results.
    pub len: usize,
    /// Taps of each result; only the general kernels take 0.
    pub taps: usize,
    /// Source, from one result to the next.
    pub src: isize,
    /// Source, from one tap to the next.
    pub src_tap: isize,
    /// Weights, from one tap to the next.
    pub weights_tap: isize,
    /// Destination, from one result to the next.
    pub dst: isize,
    /// Source positions that the first windows miss (rolling kernels) or that the first tile's
    /// do (tiles of columns).
    pub clip_low: usize,
    /// Source positions that the last windows miss.
    pub clip_high: usize,
}

/// What one call of a kernel computes: a rectangle of results, over vectors of channels (NHWC) or
/// planes (NCHW), as base positions, steps and counts.
#[derive(Clone, Copy, Debug)]
pub struct Task<L: Lanes> {
    pub(crate) src: L::Src,
    pub(crate) weights: L::Src,
    pub(crate) bias: Option<L::Src>,
    pub(crate) dst: L::Dst,
    pub(crate) rows: Walk,
    pub(crate) columns: Walk,
    pub(crate) depth: Depth,
    pub(crate) bounds: Option<Bounds>,
}

/// The channels of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// Output channels.
    pub len: usize,
    /// Output channels that share a source channel, and how many of them come before the first.
    pub multiplier: usize,
    pub phase: usize,
    /// Steps from one channel to the next; of the source, between source channels.
    pub src: isize,
    pub weights: isize,
    pub dst: isize,
}

/// Positions and steps for a [`Task`].
impl<L: Lanes> Task<L> {
    /// # Safety
    /// - Every source, weight and bias position that the walks and the depth reach lies in a tensor
    ///   that is valid for reads as long as the task is used, and so for every destination position
    ///   and writes; no other thread writes them meanwhile.
    /// - For kernels whose vectors run over columns (NCHW tiles): so does every source position up
    ///   to the end of a tile's last vector, and back to the first tap of its first, clipped or not.
    #[allow(clippy::too_many_arguments, reason = "a task is these eight facts")]
    pub(crate) unsafe fn new(
        src: L::Src,
        weights: L::Src,
        bias: Option<L::Src>,
        dst: L::Dst,
        rows: Walk,
        columns: Walk,
        depth: Depth,
        bounds: Option<Bounds>,
    ) -> Self {
        Self { src, weights, bias, dst, rows, columns, depth, bounds }
    }
}

/// Clamps results, if they are to be.
#[inline(always)]
pub(crate) fn finish<L: Lanes, const N: usize>(
    l: L,
    task: &Task<L>,
    results: &mut [L::Vector; N],
) {
    if let Some(bounds) = each_time(&task.bounds) {
        unroll!(j < N => {
            results[j] = l.clamp(results[j], bounds);
        });
    }
}

/// An option that is the same for a whole task, to be looked at for each tile: if the optimiser
/// knew it stays the same, it would copy every loop for each of its cases.
#[inline(always)]
pub(crate) fn each_time<T>(option: &Option<T>) -> Option<&T> {
    if black_box(option.is_some()) { option.as_ref() } else { None }
}
