//! Cycles that an out-of-order core would take, estimated by `llvm-mca` for data in the first level of
//! cache and branches that are foreseen.
//!
//! Blocks that follow each other are joined into *traces*; each is estimated as if it were executed
//! again and again. It's no estimate for in-order cores, which `llvm-mca` doesn't model well.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::disassembly::{Disassembly, pipe};
use super::record::Record;
use super::workers;

/// The core: that of Cortex-A76, in servers.
pub const CORE: &str = "neoverse-n1";

/// How often a trace is repeated.
const REPETITIONS: u32 = 100;

/// The share of a region's instructions whose traces are estimated; the others are taken to be as
/// fast.
const SHARE: f64 = 0.999;

/// Traces that one call estimates.
const BATCH: usize = 64;

/// Instructions that are executed one after another.
type Trace = Vec<u32>;

/// Cycles of a repetition of each trace.
pub struct Estimates(HashMap<Trace, f64>);

impl Estimates {
    /// Estimates the traces of all records.
    pub fn of<'a>(
        records: impl Iterator<Item = &'a Record>,
        disassembly: &Disassembly,
    ) -> Result<Self> {
        let traces: BTreeSet<Trace> =
            records.flat_map(|record| hottest(record).into_iter().map(|hot| hot.trace)).collect();
        let traces: Vec<_> = traces.into_iter().collect();
        let batches: Vec<_> = traces.chunks(BATCH).collect();
        let estimated = workers::map(&batches, |batch| estimate(batch, disassembly))?;
        Ok(Self(traces.iter().cloned().zip(estimated.into_iter().flatten()).collect()))
    }

    /// Cycles of a region.
    pub fn cycles(&self, record: &Record) -> f64 {
        let (mut cycles, mut instructions) = (0.0, 0.0);
        for hot in hottest(record) {
            cycles += self.0.get(&hot.trace).unwrap_or(&0.0) * hot.executions;
            instructions += hot.instructions();
        }
        let all: u64 = record.executions().map(|(_, executions)| executions).sum();
        if instructions > 0.0 { cycles * all as f64 / instructions } else { 0.0 }
    }
}

/// A trace in a region.
#[derive(Debug, PartialEq)]
struct Hot {
    trace: Trace,
    /// How often it was executed, on average over its instructions.
    executions: f64,
}

impl Hot {
    fn instructions(&self) -> f64 {
        self.trace.len() as f64 * self.executions
    }
}

/// The traces with the most instructions, until they have their share of all.
fn hottest(record: &Record) -> Vec<Hot> {
    let mut all = traces(record);
    all.sort_by(|a, b| b.instructions().total_cmp(&a.instructions()));
    let enough = SHARE * all.iter().map(Hot::instructions).sum::<f64>();
    let mut covered = 0.0;
    let count = all.iter().take_while(|hot| {
        let wanted = covered < enough;
        covered += hot.instructions();
        wanted
    });
    let count = count.count();
    all.truncate(count);
    all
}

/// Joins each block with the one that nearly always follows it and that nearly always follows
/// it alone. Every block is in one trace.
fn traces(record: &Record) -> Vec<Hot> {
    let nearly_all = |times: u64, of: u64| times * 5 >= of * 4;
    let executions = |block: usize| record.blocks[&block].executions;
    let next: HashMap<usize, usize> = record
        .edges
        .iter()
        .filter(|&(&(from, to), &times)| {
            nearly_all(times, executions(from)) && nearly_all(times, executions(to))
        })
        .map(|(&edge, _)| edge)
        .collect();
    let followers: HashSet<usize> = next.values().copied().collect();
    let mut seen = HashSet::new();
    // The heads first: what's left over then are rings, which can begin anywhere.
    let heads = record.blocks.keys().filter(|block| !followers.contains(block));
    let mut traces = Vec::new();
    for &head in heads.chain(record.blocks.keys()) {
        let (mut trace, mut instructions) = (Trace::new(), 0);
        let mut following = Some(head);
        while let Some(number) = following.filter(|&number| seen.insert(number)) {
            let block = &record.blocks[&number];
            trace.extend(&block.words);
            instructions += block.words.len() as u64 * block.executions;
            following = next.get(&number).copied();
        }
        if !trace.is_empty() {
            let executions = instructions as f64 / trace.len() as f64;
            traces.push(Hot { trace, executions });
        }
    }
    traces
}

/// Cycles of a repetition of each of `traces`.
fn estimate(traces: &[Trace], disassembly: &Disassembly) -> Result<Vec<f64>> {
    let mut input = String::new();
    for (number, trace) in traces.iter().enumerate() {
        let lines = trace.iter().filter_map(|&word| disassembly.text(word));
        let lines: Vec<_> = lines.filter(|line| is_modelled(line)).collect();
        // A region must have an instruction.
        let body = if lines.is_empty() { "nop".to_owned() } else { lines.join("\n") };
        input += &format!("# LLVM-MCA-BEGIN {number}\n{body}\n# LLVM-MCA-END\n");
    }
    let output = pipe(
        Command::new("llvm-mca-19")
            .args(["-mtriple=aarch64", "-json", "-skip-unsupported-instructions=any"])
            .arg(format!("-mcpu={CORE}"))
            .arg(format!("-iterations={REPETITIONS}")),
        &input,
    )?;
    let output: Value = serde_json::from_str(&output).context("llvm-mca")?;
    let regions = output["CodeRegions"].as_array().context("llvm-mca names no regions")?;
    ensure!(regions.len() == traces.len(), "llvm-mca estimated {} traces", regions.len());
    let cycles = regions.iter().map(|region| {
        let cycles =
            region["SummaryView"]["TotalCycles"].as_f64().context("llvm-mca: no cycles")?;
        Ok(cycles / f64::from(REPETITIONS))
    });
    cycles.collect()
}

/// Whether it's an instruction that `llvm-mca` can place among others.
fn is_modelled(line: &str) -> bool {
    !["hint", "svc", "isb", "dmb", "dsb"].iter().any(|opcode| line.starts_with(opcode))
}

#[cfg(test)]
mod tests {
    use super::super::record::Block;
    use super::*;

    fn record(blocks: &[(u64, &[u32])], edges: &[(usize, usize, u64)]) -> Record {
        let blocks =
            blocks.iter().map(|&(executions, words)| Block { executions, words: words.into() });
        Record {
            blocks: blocks.enumerate().collect(),
            edges: edges.iter().map(|&(from, to, times)| ((from, to), times)).collect(),
            ..Record::default()
        }
    }

    fn hot(trace: &[u32], executions: f64) -> Hot {
        Hot { trace: trace.into(), executions }
    }

    #[test]
    fn blocks_that_follow_each_other_are_a_trace() {
        // 0 → [1 → 2] → 3, the loop ten times.
        let record = record(
            &[(1, &[10]), (10, &[11, 12]), (10, &[13]), (1, &[14])],
            &[(0, 1, 1), (1, 2, 10), (2, 1, 9), (2, 3, 1)],
        );
        assert_eq!(traces(&record), [hot(&[10], 1.0), hot(&[14], 1.0), hot(&[11, 12, 13], 10.0)]);
    }

    #[test]
    fn blocks_with_other_neighbours_are_not_joined() {
        // 0 is followed by 1 or 2 in turns, these by 0.
        let record = record(
            &[(10, &[10]), (5, &[11]), (5, &[12])],
            &[(0, 1, 5), (0, 2, 5), (1, 0, 5), (2, 0, 4)],
        );
        assert_eq!(traces(&record), [hot(&[10], 10.0), hot(&[11], 5.0), hot(&[12], 5.0)]);
    }

    #[test]
    fn every_block_is_in_one_trace() {
        // A ring of three, and one that is entered by nearly nothing.
        let record = record(
            &[(9, &[1]), (9, &[2]), (9, &[3]), (1, &[4])],
            &[(0, 1, 9), (1, 2, 9), (2, 0, 9), (3, 0, 1)],
        );
        let all: Vec<u32> = traces(&record).into_iter().flat_map(|hot| hot.trace).collect();
        assert_eq!(all, [4, 1, 2, 3]);
    }

    #[test]
    fn cold_traces_count_as_fast_as_the_hot_ones() {
        let record = record(&[(10_000, &[1, 2]), (1, &[3, 4])], &[]);
        let hot = hottest(&record);
        assert_eq!(hot.len(), 1);
        let estimates = Estimates(HashMap::from([(vec![1, 2], 3.0)]));
        assert_eq!(estimates.cycles(&record), 30_003.0);
    }
}
