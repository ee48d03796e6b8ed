//! The blocks of code that were translated.

use std::collections::HashMap;

/// Straight code: instructions that are executed one after another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// Address of the first instruction.
    pub address: u64,
    /// The instructions.
    pub words: Vec<u32>,
}

/// All blocks so far. A block is known by its number.
#[derive(Debug, Default)]
pub struct Code {
    blocks: Vec<Block>,
    numbers: HashMap<Block, usize>,
}

impl Code {
    /// The number of `block`, the same each time it is translated.
    pub fn number(&mut self, block: Block) -> usize {
        *self.numbers.entry(block).or_insert_with_key(|block| {
            self.blocks.push(block.clone());
            self.blocks.len() - 1
        })
    }

    /// The blocks, by number.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_translated_again_keeps_its_number() {
        let block = |address, words: &[u32]| Block { address, words: words.to_vec() };
        let mut code = Code::default();
        let numbers = [block(8, &[1, 2]), block(8, &[1]), block(16, &[1]), block(8, &[1, 2])]
            .map(|block| code.number(block));
        assert_eq!(numbers, [0, 1, 2, 0]);
        assert_eq!(code.blocks(), [block(8, &[1, 2]), block(8, &[1]), block(16, &[1])]);
    }
}
