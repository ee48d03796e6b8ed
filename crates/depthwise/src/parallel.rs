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
    use std::sync::Mutex;
    use std::time::Duration;
    use std::{thread, vec, vec::Vec};

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
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
