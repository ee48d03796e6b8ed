//! Runs a plan's parts, on several threads if the feature is on and it pays.

use core::ops::Range;

#[cfg(feature = "threads")]
use depthwise_description::Layout;
use depthwise_description::Plan;
#[cfg(not(feature = "threads"))]
use depthwise_kernels::execute;
#[cfg(feature = "threads")]
use depthwise_kernels::execute_part;
use depthwise_kernels::{Gradient, Tensors};
use depthwise_lanes::Lanes;

/// Runs a sweep.
///
/// # Safety
/// - As for [`execute`](depthwise_kernels::execute).
#[cfg(not(feature = "threads"))]
pub(crate) unsafe fn sweep<L: Lanes>(lanes: L, plan: &Plan, tensors: &Tensors<L>) {
    // SAFETY: the caller's promise.
    unsafe { execute(lanes, plan, tensors) }
}

/// Runs a sweep.
///
/// # Safety
/// - As for [`execute`](depthwise_kernels::execute).
#[cfg(feature = "threads")]
pub(crate) unsafe fn sweep<L: Lanes>(lanes: L, plan: &Plan, tensors: &Tensors<L>) {
    use rayon::iter::{ParallelBridge, ParallelIterator};

    let threads = rayon::current_num_threads();
    let plan = plan.shared(threads);
    let shared = Shared(tensors);
    let run = |part| {
        // SAFETY: the caller has vouched for the tensors, and parts of a plan write different results.
        unsafe { execute_part(lanes, &plan, &part, shared.get()) };
    };
    if threads > 1 && plan.is_worth_sharing() {
        plan.parts().par_bridge().for_each(run);
    } else {
        plan.parts().for_each(run);
    }
}

/// Runs `reduce` for all output channels, in ranges if they are shared among threads.
///
/// # Safety
/// - `reduce` may be called at once from several threads for different channels, with this gradient.
pub(crate) unsafe fn reductions<L: Lanes>(
    plan: &Plan,
    gradient: &Gradient<L>,
    reduce: impl Fn(Range<usize>, &Gradient<L>) + Sync,
) {
    let channels = plan.problem().output_channels();
    #[cfg(feature = "threads")]
    if plan.is_worth_sharing() && rayon::current_num_threads() > 1 {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};

        let block = block(plan.problem().layout());
        let shared = Shared(gradient);
        (0..channels.div_ceil(block)).into_par_iter().for_each(|index| {
            let first = index * block;
            reduce(first..(first + block).min(channels), shared.get());
        });
        return;
    }
    reduce(0..channels, gradient);
}

/// Channels that are reduced together: a cache line where they are last.
#[cfg(feature = "threads")]
fn block(layout: Layout) -> usize {
    match layout {
        Layout::Nhwc => 16,
        Layout::Nchw => 1,
    }
}

/// Positions in tensors, for several threads.
#[cfg(feature = "threads")]
struct Shared<'a, T>(&'a T);

#[cfg(feature = "threads")]
impl<T> Shared<'_, T> {
    fn get(&self) -> &T {
        self.0
    }
}

// SAFETY: the callers of `sweep` and `reductions` have vouched for the tensors behind the positions, of
// which each thread writes results of its own.
#[cfg(feature = "threads")]
unsafe impl<T> Send for Shared<'_, T> {}
// SAFETY: as above.
#[cfg(feature = "threads")]
unsafe impl<T> Sync for Shared<'_, T> {}

#[cfg(all(test, feature = "threads"))]
mod tests {
    use crate::{Conv, Layout, Update};
    use std::{vec, vec::Vec};

    /// All results of all passes with so many threads.
    fn results(conv: &Conv, threads: usize) -> Vec<u32> {
        let problem = conv.problem();
        let data = |len: usize, seed: usize| -> Vec<f32> {
            (0..len).map(|i| ((i * 7919 + seed) % 2003) as f32 / 1001.0 - 1.0).collect()
        };
        let (x, w) = (data(problem.input_len(), 1), data(problem.weights_len(), 2));
        let gy = data(problem.output_len(), 3);
        let (mut y, mut gx) = (vec![0.0; gy.len()], vec![0.0; x.len()]);
        let (mut gw, mut gb) = (vec![0.0; w.len()], vec![0.0; problem.output_channels()]);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            conv.forward(&x, &w, None, &mut y).unwrap();
            conv.grad_input(&gy, &w, &mut gx, Update::Overwrite).unwrap();
            conv.grad_weight(&x, &gy, &mut gw, Update::Overwrite).unwrap();
            conv.grad_bias(&gy, &mut gb, Update::Overwrite).unwrap();
        });
        [y, gx, gw, gb].concat().iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn threads_never_change_a_bit() {
        let mut shared = 0;
        for layout in Layout::ALL {
            for (batch, channels, multiplier, size, kernel, stride) in [
                (1, 36, 1, 41, 3, 1),
                (2, 32, 1, 40, 3, 2),
                (1, 24, 1, 28, 5, 1),
                (3, 20, 2, 23, 3, 1),
                (1, 33, 1, 29, 7, 2),
                (1, 16, 1, 7, 3, 1),
            ] {
                let conv = Conv::builder().batch(batch).channels(channels).multiplier(multiplier);
                let conv = conv.input([size; 2]).kernel([kernel; 2]).stride([stride; 2]);
                let conv = conv.same_upper().layout(layout).build().unwrap();
                shared += usize::from(conv.plan().is_worth_sharing());
                let alone = results(&conv, 1);
                for threads in 2..=8 {
                    assert!(results(&conv, threads) == alone, "{:?}, {threads}", conv.problem());
                }
            }
        }
        assert!(shared >= 4, "only {shared} problems were shared");
    }
}
