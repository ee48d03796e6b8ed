//! The instance table as code: one function for each line, named like it, on whatever instruction
//! set. The functions are kept out of line, so that each can be found, and its instructions
//! counted, in a compiled program.

use depthwise_description::{Body, Instance, Kernel, Layout, Leaves, for_each_instance};
use depthwise_lanes::{LANES, Lanes};

use crate::channels::LEAN;
use crate::reduce::{self, Reduction};
use crate::task::Task;
use crate::{nchw, nhwc};

macro_rules! kernels {
    ($([$name:ident, $pass:ident, $dtype:ident, $layout:ident, $kernel:ident $(($k:literal))?,
        $stride:ident $(($s:literal))?, $body:ident, ($rows:literal, $columns:literal, $vectors:literal),
        $registers:literal, $purpose:literal],)*) => {
        $(kernel!($purpose $name $pass $layout $body ($($k)?) ($($s)?) $rows $columns $vectors);)*

        /// Runs the kernel of a sweep's instance.
        pub fn run<L: Lanes>(instance: &Instance, lanes: L, task: &Task<L>) {
            match instance.kernel_id {
                $(Kernel::$name => if_built!($name run_kernel!($pass $name lanes task)),)*
            }
        }

        /// Runs the kernel of a weight gradient's instance.
        fn run_reduction<L: Lanes>(instance: &Instance, reduction: &Reduction<'_, L>) {
            match instance.kernel_id {
                $(Kernel::$name => if_built!($name run_reduction_kernel!($pass $name reduction)),)*
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

/// A plan never names a kernel that the build leaves out.
macro_rules! if_built {
    ($name:ident $run:expr) => {
        if const { Kernel::$name.is_built() } {
            $run
        } else {
            debug_assert!(false, "{} is not built", stringify!($name))
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
    (Forward Nhwc Roll ($k:literal) ($s:literal) $rows:literal $columns:literal $vectors:literal $l:ident $task:ident) => {
        if LEAN {
            nhwc::roll::<L, $k, $s, { $rows - 1 }, $columns, 0, 0, true>($l, $task)
        } else if $task.finish.any {
            clipped!(
                $task,
                $k,
                $s,
                LOW,
                HIGH,
                nhwc::roll::<L, $k, $s, { $rows - 1 }, $columns, LOW, HIGH, true>($l, $task)
            )
        } else {
            clipped!(
                $task,
                $k,
                $s,
                LOW,
                HIGH,
                nhwc::roll::<L, $k, $s, { $rows - 1 }, $columns, LOW, HIGH, false>($l, $task)
            )
        }
    };
    (Forward Nhwc Row ($k:literal) ($s:literal) $rows:literal $columns:literal $vectors:literal $l:ident $task:ident) => {
        // One vector of channels at a time is less code.
        if LEAN && ($k > 3 || $columns < 7) {
            nhwc::row::<L, $k, $s, $columns, 1, 0, 0, true>($l, $task)
        } else {
            clipped!(
                $task,
                $k,
                $s,
                LOW,
                HIGH,
                nhwc::row::<L, $k, $s, $columns, $vectors, LOW, HIGH, false>($l, $task)
            )
        }
    };
    (Forward Nhwc Span () () $rows:literal $columns:literal $vectors:literal $l:ident $task:ident) => {
        nhwc::span($l, $task)
    };
    (Forward Nchw Roll ($k:literal) ($s:literal) $rows:literal $columns:literal $vectors:literal $l:ident $task:ident) => {
        nchw::roll::<L, $k, $s, $rows, { $columns / LANES }>($l, $task)
    };
    (Forward Nchw Row ($k:literal) ($s:literal) $rows:literal $columns:literal $vectors:literal $l:ident $task:ident) => {
        edges!(
            edge_vectors($task, 1),
            VECTORS,
            EDGE,
            nchw::row::<L, $k, $s, VECTORS, EDGE>($l, $task)
        )
    };
    (Forward Nchw Span () () $rows:literal $columns:literal $vectors:literal $l:ident $task:ident) => {
        nchw::span($l, $task)
    };
    (GradInput Nhwc Pairs ($k:literal) ($s:literal) $rows:literal $columns:literal $vectors:literal $l:ident $task:ident) => {{
        const PAIRS: usize = $columns / 2;
        if $k == 3 && (LEAN || L::REGISTERS < 32) {
            pairs_in_turn!($task, TAPS, ODD, ACCUMULATE, {
                nhwc::pairs_in_turn::<L, TAPS, PAIRS, ODD, ACCUMULATE>($l, $task)
            })
        } else {
            const REACH: usize = usize::div_ceil($k, 2);
            let edge = $task.columns.clip_low + $task.columns.clip_high > 0;
            edge_pairs!($task, edge, ODD, EDGE, {
                nhwc::pairs::<L, $k, REACH, PAIRS, $vectors, ODD, EDGE>($l, $task)
            })
        }
    }};
    (GradInput Nchw Pairs ($k:literal) ($s:literal) $rows:literal $columns:literal $vectors:literal $l:ident $task:ident) => {{
        const REACH: usize = usize::div_ceil($k, 2);
        if $task.columns.odd_first {
            edges!(
                edge_vectors($task, 2),
                VECTORS,
                EDGE,
                nchw::pairs::<L, $k, REACH, VECTORS, true, EDGE>($l, $task)
            )
        } else {
            edges!(
                edge_vectors($task, 2),
                VECTORS,
                EDGE,
                nchw::pairs::<L, $k, REACH, VECTORS, false, EDGE>($l, $task)
            )
        }
    }};
    (GradWeight Nhwc Taps ($k:literal) ($s:literal) $rows:literal $columns:literal $vectors:literal $L:ident $r:ident) => {{
        const VECTORS: usize = Leaves::vectors($k);
        reduce::nhwc::taps::<$L, $k, VECTORS>($r, |index, channel, sums| {
            reduce::nhwc::leaf::<$L, $rows, $k, $s, $columns, $vectors>($r, index, channel, sums)
        })
    }};
    (GradWeight Nhwc Span () () $rows:literal $columns:literal $vectors:literal $L:ident $r:ident) => {
        reduce::nhwc::span($r)
    };
    (GradWeight Nchw Taps ($k:literal) ($s:literal) $rows:literal $columns:literal $vectors:literal $L:ident $r:ident) => {{
        const PLANES: usize = reduce::nchw::PLANES;
        reduce::nchw::taps::<$L, $k, $s, PLANES>($r, |place, sums| {
            reduce::nchw::leaf::<$L, $rows, { reduce::nchw::rest($k, $rows) }, $k, $s, PLANES>(
                $r, place, sums,
            )
        })
    }};
    (GradWeight Nchw Span () () $rows:literal $columns:literal $vectors:literal $L:ident $r:ident) => {
        reduce::nchw::span($r)
    };
}

/// Calls `$call` with whether the first of a task's pairs takes the odd taps, and whether it is at an edge, as constants.
macro_rules! edge_pairs {
    ($task:ident, $is_edge:expr, $odd:ident, $edge:ident, $call:expr) => {
        match ($task.columns.odd_first, $is_edge) {
            (false, false) => edge_pairs!(@ $odd false $edge false $call),
            (false, true) => edge_pairs!(@ $odd false $edge true $call),
            (true, false) => edge_pairs!(@ $odd true $edge false $call),
            (true, true) => edge_pairs!(@ $odd true $edge true $call),
        }
    };
    (@ $odd:ident $is_odd:literal $edge:ident $is_edge:literal $call:expr) => {{
        const $odd: bool = $is_odd;
        const $edge: bool = $is_edge;
        $call
    }};
}

/// Calls `$call` with what a task of pairs in turn has: one row of taps or two, whether the first of a pair takes the odd ones,
/// and whether results are added to what is there, as constants.
macro_rules! pairs_in_turn {
    ($task:ident, $taps:ident, $odd:ident, $accumulate:ident, $call:expr) => {
        match ($task.rows.taps == 1, $task.columns.odd_first, $task.finish.accumulate) {
            (true, false, false) => pairs_in_turn!(@ $taps 1 $odd false $accumulate false $call),
            (true, false, true) => pairs_in_turn!(@ $taps 1 $odd false $accumulate true $call),
            (true, true, false) => pairs_in_turn!(@ $taps 1 $odd true $accumulate false $call),
            (true, true, true) => pairs_in_turn!(@ $taps 1 $odd true $accumulate true $call),
            (false, false, false) => pairs_in_turn!(@ $taps 2 $odd false $accumulate false $call),
            (false, false, true) => pairs_in_turn!(@ $taps 2 $odd false $accumulate true $call),
            (false, true, false) => pairs_in_turn!(@ $taps 2 $odd true $accumulate false $call),
            (false, true, true) => pairs_in_turn!(@ $taps 2 $odd true $accumulate true $call),
        }
    };
    (@ $taps:ident $rows:literal $odd:ident $is_odd:literal $accumulate:ident $is_added:literal $call:expr) => {{
        const $taps: usize = $rows;
        const $odd: bool = $is_odd;
        const $accumulate: bool = $is_added;
        $call
    }};
}

/// Calls `$call` with the vectors of a tile and whether it is an edge as the constants `$vectors` and
/// `$edge`, given [`edge_vectors`].
macro_rules! edges {
    ($edge_vectors:expr, $vectors:ident, $edge:ident, $call:expr) => {
        match $edge_vectors {
            0 => edges!(@ $vectors $edge 4 false $call),
            1 => edges!(@ $vectors $edge 1 true $call),
            2 => edges!(@ $vectors $edge 2 true $call),
            3 => edges!(@ $vectors $edge 3 true $call),
            _ => edges!(@ $vectors $edge 4 true $call),
        }
    };
    (@ $vectors:ident $edge:ident $count:literal $is_edge:literal $call:expr) => {{
        const $vectors: usize = $count;
        const $edge: bool = $is_edge;
        $call
    }};
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

/// Vectors of windows, of `unit` results each, in a tile that is at an edge or not full; 0 for full
/// tiles within the map.
fn edge_vectors<L: Lanes>(task: &Task<L>, unit: usize) -> usize {
    let (columns, vector) = (&task.columns, unit * LANES);
    let inside =
        columns.clip_low == 0 && columns.clip_high == 0 && columns.len.is_multiple_of(4 * vector);
    if inside { 0 } else { columns.len.div_ceil(vector) }
}
