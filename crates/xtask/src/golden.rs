//! The hashes of all results that are right, one a line: `verification/golden.tsv`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// By check and contract: cases and hash.
#[derive(Debug, Default, PartialEq)]
pub struct Golden(BTreeMap<(String, String), (u64, u64)>);

const HEADER: &str = "check\tcontract\tcases\thash\n";

impl Golden {
    fn path() -> PathBuf {
        cargo::root().join("verification/golden.tsv")
    }

    /// Those of the repository.
    pub fn load() -> Result<Self> {
        let path = Self::path();
        let text = fs::read_to_string(&path).with_context(|| {
            format!("{} can't be read; `cargo xtask test --bless` makes it", path.display())
        })?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Makes these those of the repository.
    pub fn save(&self) -> Result<()> {
        let path = Self::path();
        fs::write(&path, self.text()).with_context(|| path.display().to_string())
    }

    /// Adds what a check gave; of several, the first.
    pub fn add(&mut self, check: &str, contract: &str, cases: u64, hash: u64) {
        self.0.entry((check.to_owned(), contract.to_owned())).or_insert((cases, hash));
    }

    /// What differs from `found`: other hashes, and checks of one that the other hasn't; where only `some`
    /// targets ran, missing ones are no difference.
    pub fn differences(&self, found: &Self, some: bool) -> Vec<String> {
        let mut differences = Vec::new();
        for (key @ (check, contract), (cases, hash)) in &found.0 {
            match self.0.get(key) {
                None => differences.push(format!("{check} ({contract}) has no golden hash")),
                Some((golden_cases, golden)) if (golden_cases, golden) != (cases, hash) => {
                    differences.push(format!(
                        "{check} ({contract}) has {cases} cases and hash {hash:016x}, \
                         not the golden {golden_cases} and {golden:016x}"
                    ));
                }
                Some(_) => {}
            }
        }
        let missing = self.0.keys().filter(|&key| !some && !found.0.contains_key(key));
        differences.extend(missing.map(|(check, contract)| {
            format!("{check} ({contract}) has a golden hash, but was not verified")
        }));
        differences
    }

    fn text(&self) -> String {
        let lines = self.0.iter().map(|((check, contract), (cases, hash))| {
            format!("{check}\t{contract}\t{cases}\t{hash:016x}\n")
        });
        HEADER.to_owned() + &lines.collect::<String>()
    }

    fn parse(text: &str) -> Result<Self> {
        let lines = text.strip_prefix(HEADER).context("not the head of a list of hashes")?;
        let mut golden = Self::default();
        for line in lines.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let [check, contract, cases, hash] = fields[..] else {
                anyhow::bail!("not four fields: {line}");
            };
            let key = (check.to_owned(), contract.to_owned());
            let value = (cases.parse()?, u64::from_str_radix(hash, 16)?);
            ensure!(golden.0.insert(key, value).is_none(), "twice: {line}");
        }
        Ok(golden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(lines: &[(&str, u64, u64)]) -> Golden {
        let mut golden = Golden::default();
        lines.iter().for_each(|(check, cases, hash)| golden.add(check, "fused", *cases, *hash));
        golden
    }

    #[test]
    fn text_is_read_as_written() {
        let golden = golden(&[("forward-bits", 812, 0x9f86_d081_884c_7d65), ("a", 1, 2)]);
        assert_eq!(
            golden.text(),
            "check\tcontract\tcases\thash\na\tfused\t1\t0000000000000002\n\
             forward-bits\tfused\t812\t9f86d081884c7d65\n"
        );
        assert_eq!(Golden::parse(&golden.text()).unwrap(), golden);
    }

    #[test]
    fn spoilt_lists_are_refused() {
        let line = "a\tfused\t1\t02\n";
        for text in ["", line, &format!("{HEADER}{line}{line}"), &format!("{HEADER}a\tb\tc\td\n")] {
            assert!(Golden::parse(text).is_err(), "{text}");
        }
        assert!(Golden::parse(&format!("{HEADER}{line}")).is_ok());
    }

    #[test]
    fn any_difference_is_found() {
        let (old, none) = (golden(&[("a", 1, 2), ("b", 3, 4)]), Vec::<String>::new());
        assert_eq!(old.differences(&golden(&[("a", 1, 2), ("b", 3, 4)]), false), none);
        assert_eq!(old.differences(&golden(&[("a", 1, 2), ("b", 3, 5)]), true).len(), 1);
        assert_eq!(old.differences(&golden(&[("a", 2, 2), ("b", 3, 4)]), true).len(), 1);
        assert_eq!(old.differences(&golden(&[("a", 1, 2), ("c", 3, 4)]), true).len(), 1);
        assert_eq!(old.differences(&golden(&[("a", 1, 2), ("c", 3, 4)]), false).len(), 2);
        assert_eq!(old.differences(&golden(&[("a", 1, 2)]), true), none);
    }
}
