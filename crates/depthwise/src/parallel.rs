//! Runs a plan's parts, on several threads if the feature is on and it pays.

use core::ops::Range;
#[cfg(feature = "threads")]
use core::sync::atomic::{AtomicUsize, Ordering};

use depthwise_description::{Plan, Problem};
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
    let threads = threads(plan.problem().flops());
    let plan = plan.shared(threads);
    let shared = Shared(tensors);
    share(threads, plan.part_count(), |index| {
        // SAFETY: the caller has vouched for the tensors, and parts of a plan write different results.
        unsafe { execute_part(lanes, &plan, &plan.part(index), shared.get()) };
    });
}

/// Runs `reduce` for all output channels, in ranges if the work of so many floating-point operations is
/// shared among threads.
///
/// # Safety
/// - `reduce` may be called at once from several threads for different channels, with this gradient.
pub(crate) unsafe fn reductions<L: Lanes>(
    plan: &Plan,
    gradient: &Gradient<L>,
    #[cfg_attr(not(feature = "threads"), expect(unused_variables, reason = "one thread"))]
    flops: usize,
    reduce: impl Fn(Range<usize>, &Gradient<L>) + Sync,
) {
    let channels = plan.problem().output_channels();
    #[cfg(not(feature = "threads"))]
    reduce(0..channels, gradient);
    #[cfg(feature = "threads")]
    {
        let threads = threads(flops);
        let block = plan.shared_channels(threads);
        let shared = Shared(gradient);
        share(threads, channels.div_ceil(block), |index| {
            let first = index * block;
            reduce(first..(first + block).min(channels), shared.get());
        });
    }
}

/// What a bias gradient costs, in operations of the other passes: each add waits for an element from
/// memory, that they use for several.
pub(crate) const fn bias_flops(problem: &Problem) -> usize {
    problem.output_len().saturating_mul(8)
}

/// How much more work is worth the threads of a pool to one that is not of it: others may all be asleep,
/// and it cannot take back what they have not begun.
#[cfg(feature = "threads")]
const OUTSIDE: usize = 4;

/// The number of threads that so many floating-point operations are worth here.
#[cfg(feature = "threads")]
fn threads(flops: usize) -> usize {
    let outside = if rayon::current_thread_index().is_none() { OUTSIDE } else { 1 };
    if flops / outside >= Plan::WORTH_SHARING { rayon::current_num_threads() } else { 1 }
}

/// Calls `work` with each index below `count`, on so many threads: this one, and others of the pool as
/// they wake, each taking the next index when it is done with one.
#[cfg(feature = "threads")]
fn share(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let run = || {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < count);
        core::iter::from_fn(take).for_each(&work);
    };
    let others = threads.min(count).saturating_sub(1);
    if others == 0 {
        return run();
    }
    rayon::in_place_scope(|scope| {
        (0..others).for_each(|_| scope.spawn(|_| run()));
        run();
    });
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
    use super::*;
    use crate::{Conv, Layout, Update};
    use std::sync::Mutex;
    use std::time::Duration;
    use std::{thread, vec, vec::Vec};

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    /// All results of all passes.
    fn results(conv: &Conv) -> Vec<u32> {
        let problem = conv.problem();
        let data = |len: usize, seed: usize| -> Vec<f32> {
            (0..len).map(|i| ((i * 7919 + seed) % 2003) as f32 / 1001.0 - 1.0).collect()
        };
        let (x, w) = (data(problem.input_len(), 1), data(problem.weights_len(), 2));
        let gy = data(problem.output_len(), 3);
        let (mut y, mut gx) = (vec![0.0; gy.len()], vec![0.0; x.len()]);
        let (mut gw, mut gb) = (vec![0.0; w.len()], vec![0.0; problem.output_channels()]);
        conv.forward(&x, &w, None, &mut y).unwrap();
        conv.grad_input(&gy, &w, &mut gx, Update::Overwrite).unwrap();
        conv.grad_weight(&x, &gy, &mut gw, Update::Overwrite).unwrap();
        conv.grad_bias(&gy, &mut gb, Update::Overwrite).unwrap();
        [y, gx, gw, gb].concat().iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn threads_never_change_a_bit() {
        let (mut shared, mut outside, mut biases) = (0, 0, 0);
        for layout in Layout::ALL {
            for (batch, channels, multiplier, size, kernel, stride) in [
                (1, 36, 1, 61, 3, 1),
                (2, 32, 1, 61, 3, 2),
                (1, 28, 1, 28, 5, 1),
                (3, 20, 2, 23, 3, 1),
                (1, 33, 1, 39, 7, 2),
                (1, 37, 1, 41, 7, 1),
                (1, 16, 1, 7, 3, 1),
                (1, 444, 1, 7, 5, 1),
            ] {
                let conv = Conv::builder().batch(batch).channels(channels).multiplier(multiplier);
                let conv = conv.input([size; 2]).kernel([kernel; 2]).stride([stride; 2]);
                let conv = conv.same_upper().layout(layout).build().unwrap();
                let flops = conv.problem().flops();
                shared += usize::from(conv.plan().is_worth_sharing());
                outside += usize::from(threads(flops) > 1);
                biases += usize::from(bias_flops(conv.problem()) >= Plan::WORTH_SHARING);
                let alone = pool(1).install(|| results(&conv));
                for threads in [2, 3, 4, 7] {
                    let together = pool(threads).install(|| results(&conv));
                    assert!(together == alone, "{:?}, {threads}", conv.problem());
                }
                assert!(results(&conv) == alone, "{:?}, outside", conv.problem());
            }
        }
        assert!(shared >= 14, "only {shared} problems were shared");
        assert!(biases >= 2, "only {biases} bias gradients were shared");
        if rayon::current_num_threads() > 1 {
            assert!(outside >= 2, "only {outside} problems were shared outside");
        }
    }

    /// Who worked on each index: while one thread is busy with its first, the others do the rest.
    fn workers(threads: usize) -> Vec<thread::ThreadId> {
        let workers = Mutex::new(vec![None; 12]);
        share(threads, 12, |index| {
            thread::sleep(Duration::from_millis(10));
            let before = workers.lock().unwrap()[index].replace(thread::current().id());
            assert_eq!(before, None);
        });
        let workers = workers.into_inner().unwrap();
        workers.into_iter().map(|worker| worker.expect("done")).collect()
    }

    #[test]
    fn work_is_shared_and_done_once() {
        let distinct =
            |workers: Vec<_>| workers.iter().collect::<std::collections::HashSet<_>>().len();
        assert_eq!(distinct(pool(1).install(|| workers(1))), 1);
        assert_eq!(distinct(pool(3).install(|| workers(3))), 3);
        assert_eq!(distinct(pool(3).install(|| workers(2))), 2);
        // A thread that is not of the pool does its share.
        assert!(workers(rayon::current_num_threads()).contains(&thread::current().id()));
        share(4, 0, |_| unreachable!());
    }

    #[test]
    fn little_work_stays_where_it_is() {
        let little = Plan::WORTH_SHARING;
        assert_eq!(threads(little), 1);
        assert_eq!(threads(OUTSIDE * little), rayon::current_num_threads());
        assert_eq!(pool(3).install(|| [threads(little - 1), threads(little)]), [1, 3]);
    }
}
