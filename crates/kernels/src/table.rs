//! The instance table as code: one function for each line, named like it, on whatever instruction
//! set. The functions are kept out of line, so that each can be found, and its instructions
//! counted, in a compiled program.

use depthwise_description::{Instance, Kernel, for_each_instance};
use depthwise_lanes::Lanes;

use crate::task::Task;
use crate::{nchw, nhwc};

macro_rules! kernels {
    ($([$name:ident, $pass:ident, $dtype:ident, $layout:ident, $kernel:ident $(($k:literal))?,
        $stride:ident $(($s:literal))?, $body:ident, ($rows:literal, $columns:literal, $vectors:literal),
        $registers:literal, $purpose:literal],)*) => {
        $(
            #[doc = $purpose]
            #[inline(never)]
            pub fn $name<L: Lanes>(lanes: L, task: &Task<L>) {
                body!($pass $layout $body ($($k)?) ($($s)?) $rows $columns lanes task)
            }
        )*

        /// Runs the kernel of an instance.
        pub fn run<L: Lanes>(instance: &Instance, lanes: L, task: &Task<L>) {
            match instance.kernel_id {
                $(Kernel::$name => $name(lanes, task),)*
            }
        }
    };
}

/// Chooses the generic body of an instance, and the const parameters that its tasks need.
macro_rules! body {
    (Forward Nhwc Roll ($k:literal) ($s:literal) $rows:literal $columns:literal $l:ident $task:ident) => {
        if $task.finish.any {
            clipped!($task, $k, $s, LOW, HIGH,
                nhwc::roll::<L, $k, $s, $rows, $columns, LOW, HIGH, true>($l, $task))
        } else {
            clipped!($task, $k, $s, LOW, HIGH,
                nhwc::roll::<L, $k, $s, $rows, $columns, LOW, HIGH, false>($l, $task))
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

/// Vectors of a tile that is at an edge or not full; 0 for full tiles within the map.
fn edge_vectors<L: Lanes>(task: &Task<L>) -> usize {
    const FULL: usize = 4 * depthwise_lanes::LANES;
    let columns = &task.columns;
    let inside = columns.clip_low == 0 && columns.clip_high == 0 && columns.len.is_multiple_of(FULL);
    if inside { 0 } else { columns.len.div_ceil(depthwise_lanes::LANES) }
}
