//! `cargo xtask test`: every test on every target, and the results' bits compared between them.
//!
//! The verification tests print a line for each check they make on an instruction set:
//!
//! ```text
//! verified target=aarch64 isa=neon contract=fused check=forward cases=812 hash=9f86d081884c7d65
//! ```
//!
//! The hash covers all results of the check. Instruction sets with the same arithmetic contract
//! must agree in it, and with the golden one of the repository, and no instruction set may leave out a check.

mod suite;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::golden::Golden;
use crate::isa::{Isa, Target};
use crate::test::suite::Suite;
use crate::{jobs, setup};

/// What to test.
#[derive(clap::Args)]
pub struct Options {
    /// Only the verification, and only on the target of this instruction set.
    #[arg(long)]
    isa: Option<Isa>,
    /// Make the hashes of today's results the golden ones, if all else is right.
    #[arg(long, conflicts_with = "isa")]
    bless: bool,
}

/// Runs all tests, or only the verification on one target.
pub fn run(options: &Options) -> Result<ExitCode> {
    let isa = options.isa;
    let targets = isa.map_or_else(Target::all, |isa| vec![isa.target()]);
    let needs: Vec<_> = targets.iter().flat_map(|target| target.needs()).collect();
    setup::ensure(&needs)?;

    let start = Instant::now();
    let mut suites = Vec::new();
    if isa.is_none() {
        suites.push(Suite::of_workspace()?);
    }
    for target in targets {
        suites.push(Suite::of(target)?);
    }
    // The slowest first, so that all processors have work to the end.
    suites.sort_by_key(|suite| suite.target != Some(Target::Aarch64));
    let commands = suites.iter().flat_map(Suite::commands).collect();
    let mut done = jobs::run(commands)?.into_iter();

    let (mut problems, mut verified, mut died) = (Vec::new(), Vec::new(), 0);
    for suite in &mut suites {
        let done: Vec<_> = done.by_ref().take(suite.commands().count()).collect();
        suite.running = done.iter().map(|done| done.time).sum();
        died += suite.judge(&done, &mut problems);
        let Some(target) = suite.target else { continue };
        let mut lines = Vec::new();
        done.iter().for_each(|done| collect(&done.output, &mut lines, &mut problems));
        for isa in isa.map_or_else(|| target.isas(), |isa| vec![isa]) {
            if !lines.iter().any(|line| line.isa == isa.name()) {
                problems.push(format!("nothing was verified on {}", isa.name()));
            }
        }
        verified.extend(lines);
    }

    let passed = died + judge(&verified, &mut problems);
    let mut golden = Golden::default();
    for Verified { check, contract, cases, hash, .. } in &verified {
        golden.add(check, contract, *cases, *hash);
    }
    if !options.bless {
        match Golden::load() {
            Ok(right) => problems.extend(right.differences(&golden, isa.is_some())),
            Err(error) => problems.push(format!("{error:#}")),
        }
    } else if problems.is_empty() {
        golden.save()?;
    }
    print!("\n{}\n{}", table(&verified), suite::times(&suites, start.elapsed()));
    for problem in &problems {
        println!("FAILED: {problem}");
    }
    println!("{passed} passed, {} failed", problems.len());
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Adds what a command verified to what was verified before on the same target.
fn collect(output: &str, verified: &mut Vec<Verified>, problems: &mut Vec<String>) {
    for line in output.lines() {
        match Verified::parse(line) {
            None => {}
            Some(Ok(new)) if verified.iter().any(|old| new.repeats(old)) => {
                problems.push(format!("verified twice: {line}"));
            }
            Some(Ok(new)) => verified.push(new),
            Some(Err(reason)) => problems.push(format!("{reason}: {line}")),
        }
    }
}

/// One check made on one instruction set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Architecture that it was made on.
    pub target: String,
    /// Name of the instruction set.
    pub isa: String,
    contract: String,
    /// Name of the check.
    pub check: String,
    /// Cases that passed.
    pub cases: u64,
    hash: u64,
}

impl Verified {
    /// Reads a line of a test's output, which may begin with the test's name; `None` if it is no
    /// such line, and what's wrong with it if it is a spoilt one.
    pub fn parse(line: &str) -> Option<Result<Self, &'static str>> {
        let fields = &line[line.find("verified target=")?..];
        Some(Self::parse_fields(fields).ok_or("not a line that can be judged"))
    }

    fn repeats(&self, other: &Self) -> bool {
        (&self.isa, &self.contract, &self.check) == (&other.isa, &other.contract, &other.check)
    }

    fn finding(&self) -> String {
        let Self { target, isa, cases, hash, .. } = self;
        format!("{isa} on {target} has {cases} cases and hash {hash:016x}")
    }

    fn parse_fields(fields: &str) -> Option<Self> {
        let mut words = fields.split_whitespace().skip(1);
        let mut field = |name| words.next()?.strip_prefix(name)?.strip_prefix('=');
        let verified = Self {
            target: field("target")?.into(),
            isa: field("isa")?.into(),
            contract: field("contract")?.into(),
            check: field("check")?.into(),
            cases: field("cases")?.parse().ok().filter(|&cases| cases > 0)?,
            hash: field("hash")
                .filter(|hash| hash.len() == 16)
                .and_then(|hash| u64::from_str_radix(hash, 16).ok())?,
        };
        let contracted = ["fused", "mul-add"].contains(&verified.contract.as_str());
        (contracted && words.next().is_none()).then_some(verified)
    }
}

/// Compares the bits between targets; adds what's wrong to `problems` and counts what's right.
fn judge(verified: &[Verified], problems: &mut Vec<String>) -> usize {
    let mut groups: BTreeMap<_, Vec<&Verified>> = BTreeMap::new();
    for line in verified {
        groups.entry((&line.check, &line.contract)).or_default().push(line);
    }
    let mut passed = BTreeSet::new();
    for ((check, contract), lines) in &groups {
        let first = lines[0];
        match lines.iter().find(|line| (line.cases, line.hash) != (first.cases, first.hash)) {
            None => {
                passed.extend(lines.iter().map(|line| (&line.target, &line.isa, contract, check)))
            }
            Some(other) => problems.push(format!(
                "{check} ({contract}) differs: {}, but {}",
                first.finding(),
                other.finding()
            )),
        }
    }
    let everywhere: BTreeSet<_> = verified.iter().map(|line| line.check.as_str()).collect();
    for ([target, isa, _], checks) in by_isa(verified) {
        for check in everywhere.iter().filter(|&check| !checks.contains_key(check)) {
            problems.push(format!("{check} was not verified with {isa} on {target}"));
        }
    }
    passed.len()
}

/// The cases of each check, by target, instruction set and contract.
fn by_isa(verified: &[Verified]) -> BTreeMap<[&str; 3], BTreeMap<&str, u64>> {
    let mut isas: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for line in verified {
        let checks = isas.entry([&*line.target, &*line.isa, &*line.contract]).or_default();
        checks.insert(line.check.as_str(), line.cases);
    }
    isas
}

/// What was verified where, as text.
fn table(verified: &[Verified]) -> String {
    let mut rows =
        vec![["target", "instruction set", "contract", "checks", "cases"].map(String::from)];
    for ([target, isa, contract], checks) in by_isa(verified) {
        let cases: u64 = checks.values().sum();
        let counts = [checks.len().to_string(), cases.to_string()];
        let [checks, cases] = counts;
        rows.push([target.into(), isa.into(), contract.into(), checks, cases]);
    }
    rows.iter().fold(String::new(), |text, [target, isa, contract, checks, cases]| {
        text + &format!("{target:<9} {isa:<16} {contract:<9} {checks:>6} {cases:>9}\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "verified target=aarch64 isa=neon contract=fused check=forward cases=812 \
        hash=9f86d081884c7d65";

    fn verified(line: &str) -> Verified {
        Verified::parse(line).unwrap().unwrap()
    }

    /// The line of another instruction set with `from` replaced by `to`.
    fn other(from: &str, to: &str) -> Verified {
        verified(
            &LINE.replace("neon", "portable-fused").replace("aarch64", "x86_64").replace(from, to),
        )
    }

    fn judged(lines: &[Verified]) -> (usize, Vec<String>) {
        let mut problems = Vec::new();
        (judge(lines, &mut problems), problems)
    }

    #[test]
    fn lines_are_read_with_the_name_of_the_test_before_them() {
        let expected = Verified {
            target: "aarch64".into(),
            isa: "neon".into(),
            contract: "fused".into(),
            check: "forward".into(),
            cases: 812,
            hash: 0x9f86_d081_884c_7d65,
        };
        assert_eq!(verified(LINE), expected);
        assert_eq!(verified(&format!("test forward ... {LINE}")), expected);
        assert_eq!(Verified::parse("test forward ... ok"), None);
    }

    #[test]
    fn spoilt_lines_are_errors() {
        for (from, to) in [
            ("cases=812", "cases=0"),
            ("cases=812 ", ""),
            ("hash=9f86", "hash=9f8"),
            ("7d65", "7d6g"),
            ("=fused", "=approximate"),
            ("7d65", "7d65ok"),
            ("7d65", "7d65 ok"),
        ] {
            let line = LINE.replace(from, to);
            assert!(matches!(Verified::parse(&line), Some(Err(_))), "{line}");
        }
    }

    #[test]
    fn equal_bits_pass() {
        assert_eq!(judged(&[verified(LINE), other("", "")]), (2, vec![]));
    }

    #[test]
    fn different_bits_or_cases_fail() {
        for (from, to) in [("7d65", "7d66"), ("812", "811")] {
            let (passed, problems) = judged(&[verified(LINE), other(from, to)]);
            assert_eq!((passed, problems.len()), (0, 1));
        }
    }

    #[test]
    fn contracts_are_compared_apart() {
        let lines = [
            verified(LINE),
            other("fused check=forward cases=812", "mul-add check=forward cases=7"),
        ];
        assert_eq!(judged(&lines), (2, vec![]));
    }

    #[test]
    fn a_check_left_out_by_an_instruction_set_fails() {
        let lines = [verified(LINE), other("", ""), other("forward", "borders")];
        let problem = "borders was not verified with neon on aarch64".to_owned();
        assert_eq!(judged(&lines), (3, vec![problem]));
    }

    #[test]
    fn the_table_counts_checks_and_cases() {
        let lines = [other("", ""), other("forward", "borders"), verified(LINE)];
        assert_eq!(
            table(&lines),
            "target    instruction set  contract  checks     cases\n\
             aarch64   neon             fused          1       812\n\
             x86_64    portable-fused   fused          2      1624\n"
        );
    }
}
