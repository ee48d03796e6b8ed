use crate::axis::Axis;
use crate::instance::Instance;
use crate::problem::Layout;
use crate::sweep::Sweep;

/// A run of `count` tiles of columns, side by side, that differ in nothing but their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnTile {
    /// The instance whose tile it is.
    pub instance: &'static Instance,
    /// First column of the first tile.
    pub out: usize,
    /// Columns of each tile; in NCHW they may be fewer than the instance's, never more.
    pub columns: usize,
    /// Number of tiles.
    pub count: usize,
    /// First column of the source that the first tile reads.
    pub src: usize,
    /// First tap of each window, clipped or not.
    pub tap: usize,
    /// Step between taps, 1 or −1.
    pub tap_step: isize,
    /// Whether the first result of each pair takes the odd taps (tiles of pairs).
    pub odd_first: bool,
    /// Columns that its windows miss before the first column of the source.
    pub clip_low: usize,
    /// Columns that its windows miss after the last column of the source.
    pub clip_high: usize,
}

/// Cuts the columns of an output into tiles, from left to right.
///
/// Columns that no tile covers, because none of their widths fits or their clipping has no tile, are
/// left out: they belong to the general instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnTiles {
    axis: Axis,
    reversed: bool,
    /// Results of each window, and their number.
    unit: usize,
    results: usize,
    odd_first: bool,
    /// Instances by falling width, and how many tiles of each are still to be placed.
    family: [Option<(&'static Instance, usize)>; Self::WIDTHS],
    /// Columns to skip before the last tile.
    skip: usize,
    next: usize,
}

impl ColumnTiles {
    /// Most widths that one family of instances has.
    pub const WIDTHS: usize = 4;

    /// Covers the columns of a sweep with tiles of the given instances, by falling width, if there
    /// are tiles for such a sweep.
    pub(crate) fn new(
        sweep: &Sweep,
        family: [Option<&'static Instance>; Self::WIDTHS],
    ) -> Option<Self> {
        let widest = family[0]?;
        let (axis, unit) = sweep.column_windows()?;
        let windows = axis.output();
        let widths =
            family.map(|instance| instance.map_or(0, |instance| instance.tile.columns / unit));
        let (mut counts, skip) = if widest.layout == Layout::Nchw {
            ([windows.div_ceil(widths[0]), 0, 0, 0], 0)
        } else {
            fewest_tiles(windows, widths)
        };
        let family = family.map(|instance| {
            let place = counts[0];
            counts.rotate_left(1);
            instance.map(|instance| (instance, place))
        });
        let (reversed, results) = (sweep.reversed, sweep.results[1]);
        let odd_first = sweep.pairs.is_some_and(|pairs| pairs.odd_first);
        Some(Self { axis, reversed, unit, results, odd_first, family, skip, next: 0 })
    }

    /// Columns that windows `first..first + columns` miss at the low and at the high end.
    fn clips(&self, first: usize, columns: usize) -> (usize, usize) {
        let start = (first * self.axis.stride()) as isize - self.axis.pad_low();
        let end = start + ((columns - 1) * self.axis.stride() + self.axis.kernel()) as isize;
        ((-start).max(0) as usize, (end - self.axis.input() as isize).max(0) as usize)
    }

    /// The next tile alone, whether or not its instance takes its clipping.
    fn tile(&mut self) -> Option<ColumnTile> {
        let left: usize = self.family.iter().flatten().map(|&(_, count)| count).sum();
        let (instance, count) = self.family.iter_mut().flatten().find(|(_, count)| *count > 0)?;
        *count -= 1;
        if left == 1 {
            self.next += self.skip;
        }
        let first = self.next;
        let instance = *instance;
        let windows = (instance.tile.columns / self.unit).min(self.axis.output() - first);
        self.next += windows;
        let (clip_low, clip_high) = self.clips(first, windows);
        let src = ((first * self.axis.stride()) as isize - self.axis.pad_low()).max(0) as usize;
        let out = first * self.unit;
        let columns = (windows * self.unit).min(self.results - out);
        // Pairs name their taps themselves.
        let backwards = self.reversed && self.unit == 1;
        let (tap, tap_step) = if backwards { (self.axis.kernel() - 1, -1) } else { (0, 1) };
        Some(ColumnTile {
            instance,
            out,
            columns,
            count: 1,
            src,
            tap,
            tap_step,
            odd_first: self.odd_first,
            clip_low,
            clip_high,
        })
    }
}

impl Iterator for ColumnTiles {
    type Item = ColumnTile;

    fn next(&mut self) -> Option<ColumnTile> {
        loop {
            let mut run = self.tile()?;
            let takes = |clip| run.instance.clips(clip);
            if !takes(run.clip_low) || !takes(run.clip_high) {
                continue;
            }
            loop {
                let mut rest = *self;
                let Some(tile) = rest.tile() else { break };
                // Tiles side by side never miss as many columns, unless it is none.
                let follows = run.out + run.count * run.columns;
                let alike = ColumnTile { count: run.count, src: run.src, ..tile };
                if alike != (ColumnTile { out: follows, ..run }) {
                    break;
                }
                run.count += 1;
                *self = rest;
            }
            return Some(run);
        }
    }
}

/// How many tiles of each width (falling, 0 for none) cover most of `columns` with the fewest
/// tiles, and how many columns are left.
fn fewest_tiles<const N: usize>(columns: usize, widths: [usize; N]) -> ([usize; N], usize) {
    let mut best = ([0; N], columns);
    cover(columns, &widths, 0, [0; N], &mut best);
    best
}

/// Tries counts of the widths from `index` on, for the columns that those before have left.
fn cover<const N: usize>(
    columns: usize,
    widths: &[usize; N],
    index: usize,
    counts: [usize; N],
    best: &mut ([usize; N], usize),
) {
    let key = |(counts, left): &([usize; N], usize)| (*left, counts.iter().sum::<usize>());
    let width = widths.get(index).copied().unwrap_or(0);
    if width == 0 {
        if key(&(counts, columns)) < key(best) {
            *best = (counts, columns);
        }
        return;
    }
    // As many narrower tiles as one of this width is wide never beat it.
    let most = columns / width;
    for count in (most.saturating_sub(width)..=most).rev() {
        let mut counts = counts;
        counts[index] = count;
        cover(columns - count * width, widths, index + 1, counts, best);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewest_tiles_leave_the_fewest_columns() {
        assert_eq!(fewest_tiles(14, [7, 4, 3, 2]), ([2, 0, 0, 0], 0));
        assert_eq!(fewest_tiles(5, [7, 4, 3, 2]), ([0, 0, 1, 1], 0));
        assert_eq!(fewest_tiles(16, [7, 4, 3, 2]), ([2, 0, 0, 1], 0));
        assert_eq!(fewest_tiles(1, [7, 4, 3, 2]), ([0; 4], 1));
        assert_eq!(fewest_tiles(14, [7, 4, 0]), ([2, 0, 0], 0));
        assert_eq!(fewest_tiles(8, [7, 4, 0]), ([0, 2, 0], 0));
        assert_eq!(fewest_tiles(64, [7, 4, 0]), ([8, 2, 0], 0));
        assert_eq!(fewest_tiles(7, [4, 3, 2]), ([1, 1, 0], 0));
        assert_eq!(fewest_tiles(5, [4, 3, 2]), ([0, 1, 1], 0));
        assert_eq!(fewest_tiles(3, [7, 4, 0]), ([0, 0, 0], 3));
        assert_eq!(fewest_tiles(9, [7, 4, 0]).1, 1);
        for columns in 18..400 {
            let (counts, left) = fewest_tiles(columns, [7, 4, 0]);
            assert_eq!((counts[0] * 7 + counts[1] * 4, left), (columns, 0));
        }
    }
}
