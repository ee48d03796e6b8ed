//! The records of the plugin `depthwise-counter`, one for each region between markers.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};

/// What was executed in a region.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The number of the marker it began with.
    pub label: u32,
    /// Bytes that were loaded.
    pub load_bytes: u64,
    /// Bytes that were stored.
    pub store_bytes: u64,
    /// Lines that came into the first level of cache.
    pub l1_fills: u64,
    /// Lines that came into the second.
    pub l2_fills: u64,
    /// The blocks of code, by number.
    pub blocks: BTreeMap<usize, Block>,
    /// How often the second block came right after the first.
    pub edges: BTreeMap<(usize, usize), u64>,
}

/// Straight code.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// How often it was executed.
    pub executions: u64,
    /// Its instructions.
    pub words: Vec<u32>,
}

impl Record {
    /// Every instruction that was executed.
    pub fn words(&self) -> impl Iterator<Item = u32> {
        self.executions().map(|(word, _)| word)
    }

    /// Every instruction, and how often it was executed there.
    pub fn executions(&self) -> impl Iterator<Item = (u32, u64)> {
        let blocks = self.blocks.values();
        blocks.flat_map(|block| block.words.iter().map(|&word| (word, block.executions)))
    }
}

/// Reads records.
pub fn parse(text: &str) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut open: Option<Record> = None;
    for line in text.lines() {
        let (key, values) = line.split_once(' ').unwrap_or((line, ""));
        if key == "region" {
            ensure!(open.is_none(), "a region in a region");
            open = Some(Record { label: values.parse()?, ..Record::default() });
        } else if key == "end" {
            records.push(open.take().context("an end without a region")?);
        } else {
            let record = open.as_mut().context("a line outside of regions")?;
            read(record, key, values).with_context(|| format!("bad line: {line}"))?;
        }
    }
    ensure!(open.is_none(), "a region that never ends");
    Ok(records)
}

fn read(record: &mut Record, key: &str, values: &str) -> Result<()> {
    let mut values = values.split(' ');
    match key {
        "loads" => record.load_bytes = next(&mut values)?,
        "stores" => record.store_bytes = next(&mut values)?,
        "l1" => record.l1_fills = next(&mut values)?,
        "l2" => record.l2_fills = next(&mut values)?,
        "block" => {
            let (number, executions) = (next(&mut values)?, next(&mut values)?);
            let words = values.map(|word| u32::from_str_radix(word, 16)).collect::<Result<_, _>>();
            record.blocks.insert(number, Block { executions, words: words? });
        }
        "edge" => {
            let edge = (next(&mut values)?, next(&mut values)?);
            record.edges.insert(edge, next(&mut values)?);
        }
        _ => bail!("unknown"),
    }
    Ok(())
}

fn next<'a, T>(values: &mut impl Iterator<Item = &'a str>) -> Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    Ok(values.next().context("a value is missing")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "region 2\nloads 32\nstores 16\nl1 3 1\nl2 2 0\nblock 7 10 4e22cc20 d65f03c0\n\
        edge 7 7 9\nend\n";

    #[test]
    fn records_are_read() {
        let record = Record {
            label: 2,
            load_bytes: 32,
            store_bytes: 16,
            l1_fills: 3,
            l2_fills: 2,
            blocks: [(7, Block { executions: 10, words: vec![0x4e22_cc20, 0xd65f_03c0] })].into(),
            edges: [((7, 7), 9)].into(),
        };
        assert_eq!(record.executions().collect::<Vec<_>>(), [(0x4e22_cc20, 10), (0xd65f_03c0, 10)]);
        assert_eq!(parse(TEXT).unwrap(), [record]);
        assert_eq!(parse(&TEXT.repeat(3)).unwrap().len(), 3);
    }

    #[test]
    fn spoilt_records_are_errors() {
        for (from, to) in [
            ("region 2\n", ""),
            ("end\n", ""),
            ("end\n", "region 1\nend\n"),
            ("stores 16", "stores"),
            ("stores 16", "stored 16"),
            ("cc20", "ccx0"),
            ("edge 7 7 9", "edge 7 7"),
        ] {
            assert!(parse(&TEXT.replace(from, to)).is_err(), "{from} → {to}");
        }
    }
}
