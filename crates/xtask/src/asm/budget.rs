//! The committed table of counts, tab-separated.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

use super::code::{Chains, Counts};

/// The columns after `target` and `kernel`.
const COLUMNS: [&str; 9] = [
    "loop_fmas",
    "loop_loads",
    "loop_stores",
    "loop_spills",
    "loop_branches",
    "loop_instructions",
    "loop_accumulators",
    "loop_distance",
    "spills",
];

/// The columns of which more is better; of the others, less is.
const MORE_IS_BETTER: [&str; 2] = ["loop_accumulators", "loop_distance"];

/// A row: what the hot loop costs, and the whole function's spills.
type Row = [u32; COLUMNS.len()];

/// A kernel on a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    target: String,
    kernel: String,
}

impl Key {
    /// The key of `kernel` on `target`.
    pub fn new(target: &str, kernel: &str) -> Self {
        Self { target: target.to_owned(), kernel: kernel.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.target, self.kernel)
    }
}

/// The counts of every kernel.
#[derive(Debug, Default, PartialEq)]
pub struct Budget(BTreeMap<Key, Row>);

/// What differs from a budget, as sentences.
#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    /// What must not be.
    pub worse: Vec<String>,
    /// What the budget could demand from now on.
    pub better: Vec<String>,
}

impl Budget {
    /// Adds a kernel that costs `hot` in its hot loop, where multiply-adds form these chains, and
    /// `whole` as a whole.
    pub fn insert(&mut self, key: Key, hot: Counts, chains: Chains, whole: Counts) {
        let Counts { fmas, loads, stores, spills, branches, instructions } = hot;
        let Chains { accumulators, distance } = chains;
        let hot = [fmas, loads, stores, spills, branches, instructions, accumulators, distance];
        let mut row = [whole.spills; COLUMNS.len()];
        row[..hot.len()].copy_from_slice(&hot);
        self.0.insert(key, row);
    }

    /// The number of kernels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Compares `counted` with this budget. The fmas must be equal: with fewer of them in the loop,
    /// the compiler has rolled what was unrolled.
    pub fn judge(&self, counted: &Self) -> Verdict {
        let mut verdict = Verdict::default();
        for (key, budget) in &self.0 {
            let Some(row) = counted.0.get(key) else {
                verdict.worse.push(format!("{key} is in the budget but not compiled"));
                continue;
            };
            for (column, (budget, count)) in COLUMNS.iter().zip(budget.iter().zip(row)) {
                let finding = format!("{key}: {column} {count}, budgeted {budget}");
                let (worse, better) = match MORE_IS_BETTER.contains(column) {
                    true => (count < budget, count > budget),
                    false => (count > budget, count < budget),
                };
                if worse || *column == "loop_fmas" && count != budget {
                    verdict.worse.push(finding);
                } else if better {
                    verdict.better.push(finding);
                }
            }
        }
        for key in counted.0.keys().filter(|key| !self.0.contains_key(key)) {
            verdict.worse.push(format!("{key} is compiled but not in the budget"));
        }
        verdict
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", header())?;
        for (key, row) in &self.0 {
            let cells = row.map(|count| count.to_string()).join("\t");
            writeln!(f, "{}\t{}\t{cells}", key.target, key.kernel)?;
        }
        Ok(())
    }
}

impl FromStr for Budget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        ensure!(lines.next() == Some(&header()), "the first line is not the expected header");
        let mut budget = Self::default();
        for line in lines {
            let (key, row) = parse(line).with_context(|| format!("bad line: {line}"))?;
            ensure!(budget.0.insert(key, row).is_none(), "two lines for one kernel: {line}");
        }
        Ok(budget)
    }
}

fn header() -> String {
    format!("target\tkernel\t{}", COLUMNS.join("\t"))
}

fn parse(line: &str) -> Option<(Key, Row)> {
    let mut cells = line.split('\t');
    let key = Key::new(cells.next()?, cells.next()?);
    let counts: Vec<u32> = cells.map(str::parse).collect::<Result<_, _>>().ok()?;
    Some((key, counts.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(rows: &[(&str, Row)]) -> Budget {
        Budget(rows.iter().map(|&(kernel, row)| (Key::new("aarch64", kernel), row)).collect())
    }

    #[test]
    fn rows_have_the_loop_and_the_spills_of_all() {
        let hot = Counts { fmas: 1, loads: 2, stores: 3, spills: 4, branches: 5, instructions: 6 };
        let mut counted = Budget::default();
        let chains = Chains { accumulators: 7, distance: 8 };
        let whole = Counts { spills: 9, ..Counts::default() };
        counted.insert(Key::new("aarch64", "a"), hot, chains, whole);
        assert_eq!(counted, budget(&[("a", [1, 2, 3, 4, 5, 6, 7, 8, 9])]));
    }

    #[test]
    fn a_budget_survives_being_written() {
        let budget = budget(&[("a", [1, 2, 3, 4, 5, 6, 7, 8, 9]), ("b", [0; 9])]);
        assert_eq!(budget.to_string().parse::<Budget>().unwrap(), budget);
    }

    #[test]
    fn spoilt_tables_are_errors() {
        let good = budget(&[("a", [1, 2, 3, 4, 5, 6, 7, 8, 9])]).to_string();
        let twice = format!("{good}{}\n", good.lines().last().unwrap());
        for text in [
            good.replace("kernel", "kernels"),
            good.replace("\t7", ""),
            good.replace('6', "x"),
            twice,
        ] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }

    #[test]
    fn more_of_anything_is_worse_and_less_is_better() {
        let old = budget(&[("a", [9, 5, 5, 5, 5, 5, 5, 5, 5])]);
        assert_eq!(old.judge(&old), Verdict::default());
        for i in [1, 2, 3, 4, 5, 8] {
            assert_eq!((changed(&old, i, 6), changed(&old, i, 4)), ((1, 0), (0, 1)));
        }
    }

    #[test]
    fn more_accumulators_and_distance_are_better() {
        let old = budget(&[("a", [9, 5, 5, 5, 5, 5, 5, 5, 5])]);
        for i in [6, 7] {
            assert_eq!((changed(&old, i, 6), changed(&old, i, 4)), ((0, 1), (1, 0)));
        }
    }

    /// How many things are worse and better with another count in a column.
    fn changed(old: &Budget, column: usize, count: u32) -> (usize, usize) {
        let mut counts = [9, 5, 5, 5, 5, 5, 5, 5, 5];
        counts[column] = count;
        let verdict = old.judge(&budget(&[("a", counts)]));
        (verdict.worse.len(), verdict.better.len())
    }

    #[test]
    fn a_rolled_loop_is_worse() {
        let old = budget(&[("a", [9, 5, 5, 0, 1, 20, 9, 9, 0])]);
        let verdict = old.judge(&budget(&[("a", [3, 5, 5, 0, 1, 20, 9, 9, 0])]));
        assert_eq!(verdict.worse, ["aarch64 a: loop_fmas 3, budgeted 9"]);
    }

    #[test]
    fn kernels_on_one_side_only_are_worse() {
        let verdict = budget(&[("a", [1; 9])]).judge(&budget(&[("b", [1; 9])]));
        assert_eq!(
            verdict.worse,
            [
                "aarch64 a is in the budget but not compiled",
                "aarch64 b is compiled but not in the budget"
            ]
        );
    }
}
