//! The instance table as code: one function for each line, named like it, on whatever instruction
//! set. The functions are kept out of line, so that each can be found, and its instructions
//! counted, in a compiled program.

use depthwise_description::{Body, Instance, Kernel, Layout, for_each_instance};
use depthwise_lanes::Lanes;

use crate::reduce::{self, Reduction};
use crate::task::Task;
use crate::{nchw, nhwc};

macro_rules! kernels {
    ($([$name:ident, $pass:ident, $dtype:ident, $layout:ident, $kernel:ident $(($k:literal))?,
        $stride:ident $(($s:literal))?, $body:ident, ($rows:literal, $columns:literal, $vectors:literal),
        $registers:literal, $purpose:literal],)*) => {
        $(kernel!($purpose $name $pass $layout $body ($($k)?) ($($s)?) $rows $columns);)*

        /// Runs the kernel of a sweep's instance.
        pub fn run<L: Lanes>(instance: &Instance, lanes: L, task: &Task<L>) {
            match instance.kernel_id {
                $(Kernel::$name => run_kernel!($pass $name lanes task),)*
            }
        }

        /// Runs the kernel of a weight gradient's instance.
        fn run_reduction<L: Lanes>(instance: &Instance, reduction: &Reduction<'_, L>) {
            match instance.kernel_id {
                $(Kernel::$name => run_reduction_kernel!($pass $name reduction),)*
            }
        }
    };
}

/// The function of one instance.
macro_rules! kernel {
    ($purpose:literal $name:ident GradWeight $($line:tt)*) => {
        #[doc = $purpose]
        #[inline(never)]
        pub fn $name<L: Lanes>(reduction: &Reduction<'_, L>) {
            body!(GradWeight $($line)* L reduction)
        }
    };
    ($purpose:literal $name:ident $pass:ident $($line:tt)*) => {
        #[doc = $purpose]
        #[inline(never)]
        pub fn $name<L: Lanes>(lanes: L, task: &Task<L>) {
            body!($pass $($line)* lanes task)
        }
    };
}

/// A sweep's plan never names a reduction, and the other way round.
macro_rules! run_kernel {
    (GradWeight $name:ident $lanes:ident $task:ident) => {
        debug_assert!(false, "{} is no sweep", stringify!($name))
    };
    ($pass:ident $name:ident $lanes:ident $task:ident) => {
        $name($lanes, $task)
    };
}

macro_rules! run_reduction_kernel {
    (GradWeight $name:ident $reduction:ident) => {
        $name($reduction)
    };
    ($pass:ident $name:ident $reduction:ident) => {
        debug_assert!(false, "{} is no reduction", stringify!($name))
    };
}

/// Chooses the generic body of an instance, and the const parameters that its tasks need.
macro_rules! body {
    (Forward Nhwc Roll ($k:literal) ($s:literal) $rows:literal $columns:literal $l:ident $task:ident) => {
        if $task.finish.any {
            clipped!(
                $task,
                $k,
                $s,
                LOW,
                HIGH,
                nhwc::roll::<L, $k, $s, $rows, $columns, LOW, HIGH, true>($l, $task)
            )
        } else {
            clipped!(
                $task,
                $k,
                $s,
                LOW,
                HIGH,
                nhwc::roll::<L, $k, $s, $rows, $columns, LOW, HIGH, false>($l, $task)
            )
        }
    };
    (Forward Nhwc Row ($k:literal) ($s:literal) $rows:literal $columns:literal $l:ident $task:ident) => {
        clipped!($task, $k, $s, LOW, HIGH, nhwc::row::<L, $k, $s, $columns, LOW, HIGH>($l, $task))
    };
    (Forward Nhwc Span () () $rows:literal $columns:literal $l:ident $task:ident) => {
        nhwc::span($l, $task)
    };
    (Forward Nchw Row ($k:literal) ($s:literal) $rows:literal $columns:literal $l:ident $task:ident) => {
        match edge_vectors($task) {
            0 => nchw::row::<L, $k, $s, 4, false>($l, $task),
            1 => nchw::row::<L, $k, $s, 1, true>($l, $task),
            2 => nchw::row::<L, $k, $s, 2, true>($l, $task),
            3 => nchw::row::<L, $k, $s, 3, true>($l, $task),
            _ => nchw::row::<L, $k, $s, 4, true>($l, $task),
        }
    };
    (Forward Nchw Span () () $rows:literal $columns:literal $l:ident $task:ident) => {
        nchw::span($l, $task)
    };
    (GradInput Nhwc Pairs ($k:literal) ($s:literal) $rows:literal $columns:literal $l:ident $task:ident) => {{
        const REACH: usize = usize::div_ceil($k, 2);
        const PAIRS: usize = $columns / 2;
        // Windows may miss two columns, or one less than they reach.
        const TWO: usize = if REACH > 2 { 2 } else { 1 };
        clip_case!(
            $task.columns.clip_low,
            LOW,
            TWO,
            clip_case!(
                $task.columns.clip_high,
                HIGH,
                TWO,
                nhwc::pairs::<L, $k, REACH, PAIRS, $columns, LOW, HIGH>($l, $task)
            )
        )
    }};
    (GradWeight Nhwc Taps ($k:literal) ($s:literal) $rows:literal $columns:literal $L:ident $r:ident) => {
        reduce::nhwc::taps::<$L, $rows, $k>($r, |place| {
            reduce::nhwc::leaf::<$L, $rows, $k, $s, $columns>($r, place)
        })
    };
    (GradWeight Nhwc Span () () $rows:literal $columns:literal $L:ident $r:ident) => {
        reduce::nhwc::span($r)
    };
    (GradWeight Nchw Taps ($k:literal) ($s:literal) $rows:literal $columns:literal $L:ident $r:ident) => {
        reduce::nchw::taps::<$L, $rows, $k>($r, |place| {
            reduce::nchw::leaf::<$L, $rows, $k, $s>($r, place)
        })
    };
    (GradWeight Nchw Span () () $rows:literal $columns:literal $L:ident $r:ident) => {
        reduce::nchw::span($r)
    };
}

/// Calls `$call` with the number of clipped columns, 0, 1 or `$most`, as the constant `$name`.
macro_rules! clip_case {
    ($clip:expr, $name:ident, $most:ident, $call:expr) => {
        match $clip {
            0 => {
                const $name: usize = 0;
                $call
            }
            clip if $most == 1 || clip == 1 => {
                const $name: usize = 1;
                $call
            }
            _ => {
                const $name: usize = $most;
                $call
            }
        }
    };
}

/// Calls `$call` with the numbers of clipped columns as the constants `$low` and `$high`, for those
/// that [`Instance::clips`] lists.
macro_rules! clipped {
    ($task:ident, $k:literal, $s:literal, $low:ident, $high:ident, $call:expr) => {{
        const HALF: usize = $k / 2;
        const LESS: usize = HALF - 1;
        clipped!(@ $task.columns.clip_low, $s, $low, LESS, HALF,
            clipped!(@ $task.columns.clip_high, $s, $high, LESS, HALF, $call))
    }};
    (@ $clip:expr, $s:literal, $name:ident, $less:ident, $half:ident, $call:expr) => {
        match $clip {
            0 => {
                const $name: usize = 0;
                $call
            }
            // The last case only where it differs: otherwise no code is made for it.
            clip if $s == 1 || $less == 0 || clip == $half => {
                const $name: usize = $half;
                $call
            }
            _ => {
                const $name: usize = $less;
                $call
            }
        }
    };
}

for_each_instance!(kernels);

/// Runs a weight gradient: whole vectors of channels by `instance`, the others by `general`.
pub(crate) fn reduce<L: Lanes>(
    instance: &Instance,
    general: &Instance,
    reduction: &Reduction<'_, L>,
) {
    if instance.body == Body::Span || instance.layout == Layout::Nchw {
        return run_reduction(instance, reduction);
    }
    for (instance, channels) in [(instance, reduction.whole()), (general, reduction.rest())] {
        if !channels.is_empty() {
            run_reduction(instance, &reduction.narrowed(channels));
        }
    }
}

/// Vectors of a tile that is at an edge or not full; 0 for full tiles within the map.
fn edge_vectors<L: Lanes>(task: &Task<L>) -> usize {
    const FULL: usize = 4 * depthwise_lanes::LANES;
    let columns = &task.columns;
    let inside =
        columns.clip_low == 0 && columns.clip_high == 0 && columns.len.is_multiple_of(FULL);
    if inside { 0 } else { columns.len.div_ceil(depthwise_lanes::LANES) }
}
