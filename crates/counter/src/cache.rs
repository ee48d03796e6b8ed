//! Two levels of data cache: least recently used lines leave, stores allocate and write back.
//! Nothing is prefetched.

use std::str::FromStr;

/// Bytes of a line.
const LINE: u64 = 64;

/// The size of a cache, written `BYTES:WAYS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Lines that share an index.
    ways: usize,
    /// Indices, a power of two.
    sets: usize,
}

impl FromStr for Geometry {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (bytes, ways) = text.split_once(':').ok_or(())?;
        let (bytes, ways): (usize, usize) = (bytes.parse().or(Err(()))?, ways.parse().or(Err(()))?);
        let sets = bytes.checked_div(ways * LINE as usize).unwrap_or(0);
        let whole = sets * ways * LINE as usize == bytes;
        if whole && sets.is_power_of_two() { Ok(Self { ways, sets }) } else { Err(()) }
    }
}

/// A line that is in a cache.
#[derive(Clone, Copy, Debug)]
struct Line {
    number: u64,
    dirty: bool,
}

/// What a cache did for an access.
struct Outcome {
    hit: bool,
    /// The line that had to be written back to make room.
    written_back: Option<u64>,
}

/// One level.
#[derive(Debug)]
struct Cache {
    geometry: Geometry,
    /// For each index the lines, the most recently used first.
    sets: Vec<Vec<Line>>,
}

impl Cache {
    fn new(geometry: Geometry) -> Self {
        let sets = vec![Vec::with_capacity(geometry.ways + 1); geometry.sets];
        Self { geometry, sets }
    }

    fn access(&mut self, number: u64, store: bool) -> Outcome {
        let index = number as usize & (self.geometry.sets - 1);
        let set = &mut self.sets[index];
        if let Some(way) = set.iter().position(|line| line.number == number) {
            set[..=way].rotate_right(1);
            set[0].dirty |= store;
            return Outcome { hit: true, written_back: None };
        }
        set.insert(0, Line { number, dirty: store });
        let left = if set.len() > self.geometry.ways { set.pop() } else { None };
        let written_back = left.filter(|line| line.dirty).map(|line| line.number);
        Outcome { hit: false, written_back }
    }
}

/// What moved between a level and the one below it, in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Lines that came up.
    pub fills: u64,
    /// Changed lines that went down.
    pub write_backs: u64,
}

/// The levels and what they did.
#[derive(Debug)]
pub struct Hierarchy {
    l1: Cache,
    l2: Cache,
    /// Between L1 and L2.
    pub l1_traffic: Traffic,
    /// Between L2 and memory.
    pub l2_traffic: Traffic,
}

impl Hierarchy {
    /// Empty caches of these sizes.
    pub fn new(l1: Geometry, l2: Geometry) -> Self {
        Self {
            l1: Cache::new(l1),
            l2: Cache::new(l2),
            l1_traffic: Traffic::default(),
            l2_traffic: Traffic::default(),
        }
    }

    /// Loads or stores `bytes` bytes, one or more, at `address`.
    pub fn access(&mut self, address: u64, bytes: u64, store: bool) {
        for number in address / LINE..=(address + bytes - 1) / LINE {
            let l1 = self.l1.access(number, store);
            if let Some(victim) = l1.written_back {
                self.l1_traffic.write_backs += 1;
                // The whole line is written: if L2 has given it up, memory has nothing to fill it with.
                self.access_l2(victim, true);
            }
            if !l1.hit {
                self.l1_traffic.fills += 1;
                let hit = self.access_l2(number, false);
                self.l2_traffic.fills += u64::from(!hit);
            }
        }
    }

    fn access_l2(&mut self, number: u64, store: bool) -> bool {
        let l2 = self.l2.access(number, store);
        self.l2_traffic.write_backs += u64::from(l2.written_back.is_some());
        l2.hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two ways of four lines, above eight ways of two.
    fn small() -> Hierarchy {
        Hierarchy::new("512:2".parse().unwrap(), "1024:8".parse().unwrap())
    }

    fn traffic(accesses: impl IntoIterator<Item = (u64, bool)>) -> [u64; 4] {
        let mut caches = small();
        for (line, store) in accesses {
            caches.access(line * LINE, 4, store);
        }
        let Hierarchy { l1_traffic: l1, l2_traffic: l2, .. } = caches;
        [l1.fills, l1.write_backs, l2.fills, l2.write_backs]
    }

    #[test]
    fn sizes_parse() {
        assert_eq!("32768:4".parse(), Ok(Geometry { ways: 4, sets: 128 }));
        for wrong in ["", "32768", "32768:", "32768:0", "0:4", "32768:3", "100:1", "-64:1"] {
            assert_eq!(wrong.parse::<Geometry>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_line_that_stays_is_filled_once() {
        assert_eq!(traffic([(1, false), (1, false), (1, true), (1, false)]), [1, 0, 1, 0]);
    }

    #[test]
    fn what_fits_the_second_level_comes_back_from_there() {
        let twice = (0..16).chain(0..16).map(|line| (line, false));
        assert_eq!(traffic(twice), [32, 0, 16, 0]);
    }

    #[test]
    fn the_least_recently_used_line_leaves() {
        // 0, 4 and 8 share an index of two ways.
        let kept = [0, 4, 0, 8, 0].map(|line| (line, false));
        assert_eq!(traffic(kept), [3, 0, 3, 0]);
        let lost = [0, 4, 8, 0].map(|line| (line, false));
        assert_eq!(traffic(lost), [4, 0, 3, 0]);
    }

    #[test]
    fn changed_lines_are_written_back() {
        let stores = [(0, true), (4, false), (8, false), (12, false)];
        assert_eq!(traffic(stores), [4, 1, 4, 0]);
        // L1 keeps the last 8, L2 these and the 8 before them.
        let beyond_both = (0..32).map(|line| (line, true));
        assert_eq!(traffic(beyond_both), [32, 24, 32, 16]);
    }

    #[test]
    fn an_access_can_touch_two_lines() {
        let mut caches = small();
        caches.access(LINE - 1, 1, false);
        caches.access(LINE - 8, 8, false);
        assert_eq!(caches.l1_traffic.fills, 1);
        caches.access(LINE - 8, 16, false);
        assert_eq!(caches.l1_traffic.fills, 2);
    }
}
