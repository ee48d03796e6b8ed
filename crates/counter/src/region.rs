//! What was executed since a region began.

use std::io::{self, Write};

use crate::cache::Hierarchy;
use crate::code::Code;

/// The counts of a region.
#[derive(Debug)]
pub struct Region {
    label: u32,
    /// For each block, by number.
    blocks: Vec<Executions>,
    /// The block that is being executed.
    current: Option<usize>,
    loaded: u64,
    stored: u64,
    caches: Hierarchy,
}

/// How often a block was executed, and which ones right after it.
#[derive(Clone, Debug, Default)]
struct Executions {
    count: u64,
    next: Vec<(usize, u64)>,
}

impl Region {
    /// A region that begins.
    pub fn new(label: u32, caches: Hierarchy) -> Self {
        Self { label, blocks: Vec::new(), current: None, loaded: 0, stored: 0, caches }
    }

    /// Counts an execution of the block with this number.
    pub fn enter(&mut self, block: usize) {
        if self.blocks.len() <= block {
            self.blocks.resize(block + 1, Executions::default());
        }
        self.blocks[block].count += 1;
        if let Some(previous) = self.current.replace(block) {
            let next = &mut self.blocks[previous].next;
            match next.iter_mut().find(|(number, _)| *number == block) {
                Some((_, times)) => *times += 1,
                None => next.push((block, 1)),
            }
        }
    }

    /// Counts a load or store of `bytes` bytes at `address`.
    pub fn access(&mut self, address: u64, bytes: u64, store: bool) {
        if store {
            self.stored += bytes;
        } else {
            self.loaded += bytes;
        }
        self.caches.access(address, bytes, store);
    }

    /// Writes the record.
    pub fn write(&self, code: &Code, mut out: impl Write) -> io::Result<()> {
        writeln!(out, "region {}", self.label)?;
        writeln!(out, "loads {}\nstores {}", self.loaded, self.stored)?;
        for (name, traffic) in [("l1", self.caches.l1_traffic), ("l2", self.caches.l2_traffic)] {
            writeln!(out, "{name} {} {}", traffic.fills, traffic.write_backs)?;
        }
        for (number, block) in self.blocks.iter().enumerate().filter(|(_, block)| block.count > 0) {
            write!(out, "block {number} {}", block.count)?;
            for word in &code.blocks()[number].words {
                write!(out, " {word:08x}")?;
            }
            writeln!(out)?;
        }
        for (number, block) in self.blocks.iter().enumerate() {
            for (next, times) in &block.next {
                writeln!(out, "edge {number} {next} {times}")?;
            }
        }
        writeln!(out, "end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Block;

    #[test]
    fn a_record_has_every_count() {
        let mut code = Code::default();
        for (address, words) in [(0, vec![1, 2]), (8, vec![0xd65f_03c0]), (12, vec![3])] {
            code.number(Block { address, words });
        }
        let caches = Hierarchy::new("256:1".parse().unwrap(), "1024:2".parse().unwrap());
        let mut region = Region::new(5, caches);
        for block in [2, 0, 0, 0, 2] {
            region.enter(block);
        }
        region.access(0, 16, true);
        region.access(256, 8, false);
        region.access(260, 4, false);
        let mut record = Vec::new();
        region.write(&code, &mut record).unwrap();
        assert_eq!(
            String::from_utf8(record).unwrap(),
            "region 5\nloads 12\nstores 16\nl1 2 1\nl2 2 0\n\
             block 0 3 00000001 00000002\nblock 2 2 00000003\n\
             edge 0 0 2\nedge 0 2 1\nedge 2 0 1\nend\n"
        );
    }
}
