//! How much of a map is computed before other channels, for the first-level cache.

use crate::axis::Axis;
use crate::instance::{Instance, LANES, Tile};
use crate::machine::Machine;
use crate::sweep::Sweep;

/// Rows of a strip, for the lowest cost of its sweep.
///
/// A strip is walked once for each vector of channels, and cache lines have several of them: they should
/// stay in the first-level cache between their vectors. The columns of a map lie a multiple of its channels apart, so
/// they may share few sets of the cache, and a few rows fill these; but each strip costs some
/// instructions before it marches, and the rows that its first windows share with the strip above.
pub(crate) fn rows(sweep: &Sweep, size: usize, machine: Machine, instance: &Instance) -> usize {
    let Some(axes) = sweep.convolution else { return sweep.results[0] };
    let rows = sweep.results[0];
    let (mut best, mut least, mut tried) = (rows, usize::MAX, 0);
    for most in (FEWEST_ROWS..=MOST_ROWS).rev() {
        // Strips are as equal as can be.
        let strip = rows.div_ceil(rows.div_ceil(most));
        if strip == tried {
            continue;
        }
        tried = strip;
        let lost = lost(sweep, axes, size, machine, [strip, instance.tile.columns]);
        let cost = START / strip + lost;
        if cost < least {
            (best, least) = (strip, cost);
        }
        if lost == 0 {
            break;
        }
    }
    best
}

/// Cache lines of channels, of `most`, whose weights' gradients are summed before those of others, for the lowest cost of a row of
/// output positions.
///
/// A row reads as many rows of the input as the kernel has, and the next one most of them again: they should stay in the
/// first-level cache, and the fewer channels are summed together, the fewer lines they are. But each such share of the channels finds the
/// row's place and its windows anew.
pub(crate) fn lines(sweep: &Sweep, size: usize, machine: Machine, most: usize) -> usize {
    let Some([height, _]) = sweep.convolution else { return most };
    let maps = [
        (height.kernel(), sweep.source[1], sweep.source_channels),
        (1, sweep.results[1], sweep.result_channels),
    ];
    let cost = |lines: &usize| {
        let mut sets = Sets::new(machine);
        for line in 0..*lines {
            for (rows, columns, channels) in maps {
                sets.add(line * LINE, [rows, columns], columns, channels.wrapping_mul(size));
            }
        }
        ROW / lines + sets.lost(READ_AGAIN)
    };
    // The most of those that cost the same.
    (1..=most).rev().min_by_key(cost).unwrap_or(most)
}

/// Whether even the shortest strip loses all lines that it shares with other vectors of channels.
pub(crate) fn loses_all(sweep: &Sweep, size: usize, machine: Machine, tile: Tile) -> bool {
    sweep.convolution.is_some_and(|axes| {
        let strip = [FEWEST_ROWS.min(sweep.results[0]), tile.columns];
        lost(sweep, axes, size, machine, strip) == LOST
    })
}

/// Whether columns that a tile reads share so few sets of the first-level cache that one of these
/// would need half as many ways again as it has: then many are lost before the next vector needs them.
pub(crate) fn is_crowded(sweep: &Sweep, size: usize, machine: Machine, tile: Tile) -> bool {
    let Some([height, width]) = sweep.convolution else { return false };
    let window = (tile.columns - 1).saturating_mul(width.stride()).saturating_add(width.kernel());
    // A tile of whole lines is done with those of a kernel row before it comes to the next.
    let rows = if tile.vectors * LANES * size < LINE { height.kernel() } else { 1 };
    let mut sets = Sets::new(machine);
    let step = sweep.source_channels.wrapping_mul(size);
    sets.add(0, [rows, window], sweep.source[1], step);
    sets.lines.iter().any(|&lines| 2 * usize::from(lines) >= 3 * machine.ways)
}

/// What a row of positions costs beside its products, in hundredths of those of a line of channels.
const ROW: usize = 12;

/// What a row costs more, in the same measure, if all its lines have left the cache.
const READ_AGAIN: usize = 60;

/// Most rows of a strip.
pub(crate) const MOST_ROWS: usize = 28;

/// Fewest rows of a strip: as many as any rolling instance has in flight.
const FEWEST_ROWS: usize = 2;

/// What a strip costs beside its rows, in hundredths of a row.
const START: usize = 50;

/// What a row costs more if all its lines have left the cache.
const LOST: usize = 160;

/// What rows of a strip cost because lines that they share with other vectors of channels have left the
/// cache.
fn lost(sweep: &Sweep, axes: [Axis; 2], size: usize, machine: Machine, strip: [usize; 2]) -> usize {
    let [height, width] = axes;
    let [rows, columns] = strip;
    // Where the map is no larger, windows are clipped.
    let window = |axis: Axis, results: usize| {
        ((results - 1) * axis.stride() + axis.kernel()).min(axis.input())
    };
    let mut sets = Sets::new(machine);
    let source = [window(height, rows), window(width, columns)];
    sets.add(0, source, sweep.source[1], sweep.source_channels.wrapping_mul(size));
    sets.add(0, strip, sweep.results[1], sweep.result_channels.wrapping_mul(size));
    sets.add(
        0,
        axes.map(|axis| axis.kernel()),
        width.kernel(),
        sweep.result_channels.wrapping_mul(size),
    );
    sets.lost(LOST)
}

/// Lines of a first-level cache by set.
struct Sets {
    lines: [u16; Self::MOST],
    count: usize,
    ways: usize,
}

impl Sets {
    /// Sets that are told apart.
    const MOST: usize = 256;

    fn new(machine: Machine) -> Self {
        let count = machine.l1 / LINE / machine.ways.max(1);
        Self { lines: [0; Self::MOST], count: count.clamp(1, Self::MOST), ways: machine.ways }
    }

    /// Adds the lines of rows × columns of a map as wide as `width`, whose columns are `step` bytes apart, the first at byte `start`.
    fn add(&mut self, start: usize, [rows, columns]: [usize; 2], width: usize, step: usize) {
        for row in 0..rows {
            let mut last = None;
            for column in 0..columns {
                let at = row.wrapping_mul(width).wrapping_add(column).wrapping_mul(step);
                let line = start.wrapping_add(at) / LINE;
                if last != Some(line) {
                    self.lines[line % self.count] += 1;
                }
                last = Some(line);
            }
        }
    }

    /// What is lost out of `all`. Visited again and again in the same order, no line stays in a set that
    /// has too many; where few sets have, tensors may lie so that none has, and where half of them have,
    /// hardly so.
    fn lost(&self, all: usize) -> usize {
        let lines = || self.lines.iter().map(|&lines| usize::from(lines));
        let total = lines().sum::<usize>().max(1);
        let lost: usize = lines().filter(|&lines| lines > self.ways).sum();
        if 2 * lost > total { all } else { (all * lost * lost).div_ceil(total * total) }
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    /// 512 channels are 32 lines, so that three rows of 11 columns share two of 64 sets: 18 and 15.
    #[test]
    fn a_set_is_crowded_from_half_as_many_lines_again_as_ways() {
        let problem = Problem::builder().channels(512).input([28; 2]).kernel([3; 2]);
        let sweep = Sweep::new(&problem.stride([2; 2]).same_upper().build().unwrap());
        let crowded = |vectors, ways| {
            let machine = Machine { ways, l1: 64 * ways * LINE, ..Machine::X86_64 };
            is_crowded(&sweep, 4, machine, Tile { rows: 1, columns: 5, vectors })
        };
        assert_eq!([11, 12, 13].map(|ways| crowded(1, ways)), [true, true, false]);
        // A row of the same columns: 6 and 5.
        assert_eq!([3, 4, 5].map(|ways| crowded(4, ways)), [true, true, false]);
    }

    /// Three rows of 56 columns and one more are 224 columns; four lines of each fit into 256 sets of four, five don't. Columns of 128
    /// channels share 32 sets, which one line of each is too much for.
    #[test]
    fn channels_are_summed_together_while_rows_stay_in_the_cache() {
        let lines = |channels, columns, machine| {
            let problem = Problem::builder().channels(channels).input([columns; 2]).kernel([3; 2]);
            lines(&Sweep::new(&problem.same_upper().build().unwrap()), 4, machine, 6)
        };
        let found = [(144, 56), (128, 56), (144, 14)].map(|(channels, columns)| {
            [Machine::ARM64, Machine::ARM64_IN_ORDER]
                .map(|machine| lines(channels, columns, machine))
        });
        assert_eq!(found, [[4, 2], [6, 6], [6, 6]]);
    }

    /// Windows of a tile of 5 columns are 7, on a map of 5 as many.
    #[test]
    fn windows_are_no_larger_than_the_map() {
        let lost = |columns| {
            let problem = Problem::builder().channels(512).input([7, columns]).kernel([3; 2]);
            let sweep = Sweep::new(&problem.same_upper().build().unwrap());
            lost(&sweep, sweep.convolution.unwrap(), 4, Machine::ARM64, [1, 5])
        };
        assert!(lost(5) < lost(9));
    }

    #[test]
    fn much_is_lost_only_where_more_than_half_is() {
        let lost = |lines: [u16; 3]| {
            let mut sets = Sets::new(Machine { ways: 4, ..Machine::ARM64 });
            sets.lines[..3].copy_from_slice(&lines);
            sets.lost(160)
        };
        assert_eq!([[4, 4, 4], [8, 4, 4], [9, 4, 4], [5, 4, 1]].map(lost), [0, 40, 160, 40]);
        assert_eq!([[5, 4, 4], [0, 0, 0]].map(lost), [24, 0]);
    }
}
