//! The committed table of counts, tab-separated.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

use super::{Counts, Layer};

/// The columns before the counts.
const KEY: [&str; 4] = ["layer", "layout", "pass", "instance"];

/// The counts, and the columns among them that must not grow.
const COUNTS: [&str; 8] = [
    "instructions",
    "fmas",
    "vector_loads",
    "load_bytes",
    "store_bytes",
    "l1_fills",
    "l2_fills",
    "cycles",
];
const JUDGED: [&str; 2] = ["instructions", "load_bytes"];

/// Percent that a count may grow without being blessed.
const TOLERANCE: u64 = 2;

type Row = [u64; COUNTS.len()];

/// A pass of a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    layer: String,
    layout: String,
    pass: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {} {}", self.layer, self.layout, self.pass)
    }
}

/// The instance and the counts of every pass of every layer.
#[derive(Debug, Default, PartialEq)]
pub struct Baseline(BTreeMap<Key, (String, Row)>);

/// What differs from a baseline, as sentences.
#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    /// What must not be.
    pub worse: Vec<String>,
    /// What the baseline could demand from now on.
    pub better: Vec<String>,
    /// Passes without any difference in what is judged.
    pub equal: usize,
}

impl Baseline {
    /// The counts of `layers` with the instances that plans choose.
    pub fn of(layers: &[Layer]) -> Self {
        let mut rows = BTreeMap::new();
        for layer in layers {
            for run in layer.runs.iter().filter(|run| run.description.chosen) {
                let key = Key {
                    layer: layer.description.shape.clone(),
                    layout: run.description.layout.clone(),
                    pass: run.description.pass.clone(),
                };
                rows.insert(key, (run.description.instance.clone(), row(&run.counts)));
            }
        }
        Self(rows)
    }

    /// The number of passes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Compares `counted` with this baseline; if it is `complete`, nothing may be left out.
    pub fn judge(&self, counted: &Self, complete: bool) -> Verdict {
        let mut verdict = Verdict::default();
        for (key, (_, row)) in &counted.0 {
            let Some((_, old)) = self.0.get(key) else {
                verdict.worse.push(format!("{key} is not in the baseline"));
                continue;
            };
            let counts = COUNTS.iter().zip(row.iter().zip(old));
            let judged: Vec<_> = counts.filter(|(name, _)| JUDGED.contains(name)).collect();
            verdict.equal += usize::from(judged.iter().all(|(_, (new, old))| new == old));
            for (name, (&new, &old)) in judged {
                let change = (new as f64 / old as f64 - 1.0) * 100.0;
                let finding = format!("{key}: {name} {new}, baseline {old}: {change:+.1} %");
                if new * 100 > old * (100 + TOLERANCE) {
                    verdict.worse.push(finding);
                } else if new * 100 < old * (100 - TOLERANCE) {
                    verdict.better.push(finding);
                }
            }
        }
        let left_out = self.0.keys().filter(|key| complete && !counted.0.contains_key(key));
        verdict
            .worse
            .extend(left_out.map(|key| format!("{key} is in the baseline but not counted")));
        verdict
    }
}

fn row(counts: &Counts) -> Row {
    [
        counts.instructions,
        counts.fmas,
        counts.vector_loads,
        counts.load_bytes,
        counts.store_bytes,
        counts.l1_fills,
        counts.l2_fills,
        counts.cycles,
    ]
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", header())?;
        for (Key { layer, layout, pass }, (instance, row)) in &self.0 {
            let counts = row.map(|count| count.to_string()).join("\t");
            writeln!(f, "{layer}\t{layout}\t{pass}\t{instance}\t{counts}")?;
        }
        Ok(())
    }
}

impl FromStr for Baseline {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        ensure!(lines.next() == Some(&header()), "the first line is not the expected header");
        let mut baseline = Self::default();
        for line in lines {
            let (key, row) = parse(line).with_context(|| format!("bad line: {line}"))?;
            ensure!(baseline.0.insert(key, row).is_none(), "two lines for one pass: {line}");
        }
        Ok(baseline)
    }
}

fn header() -> String {
    [KEY.as_slice(), &COUNTS].concat().join("\t")
}

fn parse(line: &str) -> Option<(Key, (String, Row))> {
    let mut cells = line.split('\t');
    let mut cell = || cells.next().map(str::to_owned);
    let key = Key { layer: cell()?, layout: cell()?, pass: cell()? };
    let instance = cell()?;
    let counts: Vec<u64> = cells.map(str::parse).collect::<Result<_, _>>().ok()?;
    Some((key, (instance, counts.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Row = [1000, 100, 50, 800, 400, 30, 20, 700];

    fn baseline(rows: &[(&str, Row)]) -> Baseline {
        let key = |layer: &str| Key {
            layer: layer.into(),
            layout: "nhwc".into(),
            pass: "forward".into(),
        };
        Baseline(rows.iter().map(|&(layer, row)| (key(layer), ("i".into(), row))).collect())
    }

    /// The old counts but for one.
    fn with(column: &str, count: u64) -> Baseline {
        let mut row = OLD;
        row[COUNTS.iter().position(|name| *name == column).unwrap()] = count;
        baseline(&[("a", row)])
    }

    #[test]
    fn a_baseline_survives_being_written() {
        let baseline = baseline(&[("a", OLD), ("b", [7; 8])]);
        assert_eq!(baseline.to_string().parse::<Baseline>().unwrap(), baseline);
    }

    #[test]
    fn spoilt_tables_are_errors() {
        let good = baseline(&[("a", OLD)]).to_string();
        let twice = format!("{good}{}\n", good.lines().last().unwrap());
        for text in [
            good.replace("fmas", "fma"),
            good.replace("\t700", ""),
            good.replace("700", "x"),
            twice,
        ] {
            assert!(text.parse::<Baseline>().is_err(), "{text}");
        }
    }

    #[test]
    fn more_work_beyond_the_tolerance_is_worse_and_less_is_better() {
        let old = baseline(&[("a", OLD)]);
        for (column, least_worse, most_better) in
            [("instructions", 1021, 979), ("load_bytes", 817, 783)]
        {
            for (count, worse, better) in [
                (least_worse, 1, 0),
                (least_worse - 1, 0, 0),
                (most_better + 1, 0, 0),
                (most_better, 0, 1),
            ] {
                let verdict = old.judge(&with(column, count), true);
                assert_eq!((verdict.worse.len(), verdict.better.len()), (worse, better), "{count}");
            }
        }
        let verdict = old.judge(&with("instructions", 1100), true);
        assert_eq!(verdict.worse, ["a nhwc forward: instructions 1100, baseline 1000: +10.0 %"]);
    }

    #[test]
    fn other_counts_and_small_changes_are_neither() {
        let old = baseline(&[("a", OLD)]);
        assert_eq!(old.judge(&old, true), Verdict { equal: 1, ..Verdict::default() });
        assert_eq!(
            old.judge(&with("cycles", 7000), true),
            Verdict { equal: 1, ..Verdict::default() }
        );
        assert_eq!(old.judge(&with("instructions", 1001), true), Verdict::default());
    }

    #[test]
    fn passes_on_one_side_only_are_worse() {
        let (one, other) = (baseline(&[("a", OLD)]), baseline(&[("b", OLD)]));
        let not_in = "b nhwc forward is not in the baseline";
        let not_counted = "a nhwc forward is in the baseline but not counted";
        assert_eq!(one.judge(&other, true).worse, [not_in, not_counted]);
        assert_eq!(one.judge(&other, false).worse, [not_in]);
    }
}
