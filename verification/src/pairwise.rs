//! Choices such that every two values of different factors meet, without all their combinations.

use crate::random::Random;

/// Rows with one level for each factor, factor `f` having `levels[f]`, such that each pair of levels
/// of two factors is in some row.
///
/// Greedy: each row starts from a pair that is missing, then takes for each factor the level with the
/// most missing pairs (Cohen, Dalal, Fredman and Patton, "The AETG system", 1997).
pub fn rows<const N: usize>(levels: [usize; N], random: &mut Random) -> Vec<[usize; N]> {
    let mut missing = Missing::new(&levels);
    let mut rows = Vec::new();
    while let Some(first) = missing.any() {
        let mut row = [None; N];
        for (factor, level) in first {
            row[factor] = Some(level);
        }
        let start = random.below(N);
        for factor in (0..N).map(|i| (start + i) % N) {
            if row[factor].is_none() {
                let turn = random.below(levels[factor]);
                let level = (0..levels[factor]).map(|i| (i + turn) % levels[factor]);
                row[factor] = level.max_by_key(|level| missing.gain(&row, factor, *level));
            }
        }
        let row = row.map(Option::unwrap_or_default);
        missing.remove(&row);
        rows.push(row);
    }
    rows
}

/// The pairs that no row has yet.
struct Missing {
    /// First of each factor's levels among all levels.
    first: Vec<usize>,
    count: usize,
    /// A square of flags, `[level][level]`, of which those with rising factors are in use.
    pairs: Vec<bool>,
    /// All before it are `false`.
    next: usize,
}

impl Missing {
    fn new(levels: &[usize]) -> Self {
        let first: Vec<usize> = levels
            .iter()
            .scan(0, |sum, level| {
                *sum += level;
                Some(*sum - level)
            })
            .collect();
        let count = levels.iter().sum();
        let factor = |level: usize| first.iter().rposition(|first| *first <= level);
        let pairs = (0..count * count).map(|i| factor(i / count) < factor(i % count)).collect();
        Self { first, count, pairs, next: 0 }
    }

    fn any(&mut self) -> Option<[(usize, usize); 2]> {
        self.next += self.pairs[self.next..].iter().position(|missing| *missing)?;
        let place = |level: usize| {
            let factor = self.first.iter().rposition(|first| *first <= level);
            factor.map(|factor| (factor, level - self.first[factor]))
        };
        Some([place(self.next / self.count)?, place(self.next % self.count)?])
    }

    fn index(&self, a: (usize, usize), b: (usize, usize)) -> usize {
        let (low, high) = if a.0 < b.0 { (a, b) } else { (b, a) };
        (self.first[low.0] + low.1) * self.count + self.first[high.0] + high.1
    }

    /// Missing pairs that `row` would gain.
    fn gain(&self, row: &[Option<usize>], factor: usize, level: usize) -> usize {
        let others = row.iter().enumerate().filter_map(|(other, level)| Some((other, (*level)?)));
        others.filter(|other| self.pairs[self.index((factor, level), *other)]).count()
    }

    fn remove(&mut self, row: &[usize]) {
        for (high, level) in row.iter().enumerate() {
            for (low, other) in row[..high].iter().enumerate() {
                let index = self.index((low, *other), (high, *level));
                self.pairs[index] = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_there() {
        let levels = [3, 1, 7, 2, 5];
        let rows = rows(levels, &mut Random::new(1));
        assert!((35..50).contains(&rows.len()), "{}", rows.len());
        for (high, low) in (0..levels.len()).flat_map(|high| (0..high).map(move |low| (high, low)))
        {
            for (a, b) in (0..levels[high]).flat_map(|a| (0..levels[low]).map(move |b| (a, b))) {
                assert!(rows.iter().any(|row| (row[high], row[low]) == (a, b)));
            }
        }
    }
}
