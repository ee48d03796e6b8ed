//! The committed table of what other libraries execute.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Counted;
use crate::cargo;
use crate::cost::Counts;

/// The table, tab-separated.
pub const PATH: &str = "verification/peers/results/aarch64.tsv";

/// A layer so small that a call of it is all that costs.
pub const CALL: &str = "1x4x4x4_k3x3_s1x1_d1x1_p1,1,1,1";

/// A pass of a layer in a library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The layer, as `cargo xtask cost` calls it.
    pub layer: String,
    /// The library.
    pub library: String,
    /// Its version.
    pub version: String,
    /// Order of the dimensions.
    pub layout: String,
    /// The pass.
    pub pass: String,
    /// Largest error against the reference, as a share of its bound.
    pub error: String,
    /// Instructions.
    pub instructions: u64,
    /// Vector multiply-adds.
    pub fmas: u64,
    /// Vector registers loaded.
    pub vector_loads: u64,
    /// Bytes loaded.
    pub load_bytes: u64,
    /// Bytes stored.
    pub store_bytes: u64,
    /// Lines that came into the first level of cache.
    pub l1_fills: u64,
    /// Lines that came into the second.
    pub l2_fills: u64,
    /// Estimated.
    pub cycles: u64,
}

impl Row {
    /// A row of what was counted.
    pub(super) fn new(line: Counted, counts: Counts) -> Self {
        Self {
            layer: line.layer,
            library: line.library,
            version: line.version,
            layout: line.layout,
            pass: line.pass,
            error: format!("{:.3}", line.error),
            instructions: counts.instructions,
            fmas: counts.fmas,
            vector_loads: counts.vector_loads,
            load_bytes: counts.load_bytes,
            store_bytes: counts.store_bytes,
            l1_fills: counts.l1_fills,
            l2_fills: counts.l2_fills,
            cycles: counts.cycles,
        }
    }

    fn key(&self) -> [&str; 4] {
        [&self.library, &self.layer, &self.layout, &self.pass]
    }
}

/// All rows.
#[derive(Debug, Default, PartialEq)]
pub struct Table(pub Vec<Row>);

impl Table {
    /// The committed table; empty if there is none.
    pub fn read() -> Result<Self> {
        let path = path();
        if !path.is_file() {
            return Ok(Self::default());
        }
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_path(&path)?;
        let rows = reader.deserialize().collect::<Result<_, _>>();
        Ok(Self(rows.with_context(|| path.display().to_string())?))
    }

    /// Puts rows in place of those of the same pass of the same layer in the same library; and of
    /// other versions of their libraries, no row stays.
    pub fn replace(&mut self, rows: Vec<Row>) {
        for row in &rows {
            self.0.retain(|old| {
                old.key() != row.key() && (old.library != row.library || old.version == row.version)
            });
        }
        self.0.extend(rows);
        self.0.sort_by(|a, b| a.key().cmp(&b.key()));
    }

    /// Makes it the committed table.
    pub fn write(&self) -> Result<()> {
        let mut writer = csv::WriterBuilder::new().delimiter(b'\t').from_writer(Vec::new());
        for row in &self.0 {
            writer.serialize(row)?;
        }
        let path = path();
        fs::write(&path, writer.into_inner()?).with_context(|| path.display().to_string())
    }
}

fn path() -> PathBuf {
    cargo::root().join(PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(layer: &str, version: &str, instructions: u64) -> Row {
        Row {
            layer: layer.into(),
            library: "library".into(),
            version: version.into(),
            layout: "nhwc".into(),
            pass: "forward".into(),
            error: "0.500".into(),
            instructions,
            fmas: 0,
            vector_loads: 0,
            load_bytes: 0,
            store_bytes: 0,
            l1_fills: 0,
            l2_fills: 0,
            cycles: 0,
        }
    }

    #[test]
    fn new_rows_replace_old_ones() {
        let mut table = Table(vec![row("a", "1", 10), row("b", "1", 20)]);
        table.replace(vec![row("c", "1", 30), row("a", "1", 11)]);
        assert_eq!(table.0, [row("a", "1", 11), row("b", "1", 20), row("c", "1", 30)]);
        table.replace(vec![row("b", "2", 21)]);
        assert_eq!(table.0, [row("b", "2", 21)]);
    }
}
