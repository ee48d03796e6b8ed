//! Reading WebAssembly assembly.
//!
//! WebAssembly has no registers to spill or to add into: an engine decides. What counts as spilled here
//! are vectors the compiler itself keeps in memory, in the frame below `__stack_pointer`.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};

use super::code::{Code, Counts, Instruction};

/// Reads the lines of a function.
pub fn parse(lines: &[&str]) -> Result<Code> {
    let mut stack = Stack::default();
    let mut flow = Flow::default();
    let mut code = Vec::new();
    for line in lines {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('.') || line.ends_with(':') {
            continue;
        }
        let (opcode, operands) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let operands = operands.trim();
        flow.follow(opcode, operands).with_context(|| line.to_owned())?;
        let on_stack = stack.follow(opcode, operands);
        let text = format!("{}{line}", "  ".repeat(flow.open.len()));
        let counts = count(opcode, on_stack);
        code.push(Instruction { text, counts, accumulator: None, next: vec![] });
    }
    for (instruction, next) in code.iter_mut().zip(flow.resolve()?) {
        instruction.next = next;
    }
    Ok(Code(code))
}

fn count(opcode: &str, on_stack: bool) -> Counts {
    // Neither the structure nor moves between locals and operands are instructions once compiled.
    let structural = opcode.starts_with("local.") || opcode.starts_with("end_");
    let structural = structural || matches!(opcode, "block" | "loop");
    let mut counts = Counts { instructions: u32::from(!structural), ..Counts::default() };
    match opcode {
        "f32x4.mul" => counts.fmas = 1,
        "br" | "br_if" | "br_table" | "call" | "call_indirect" => counts.branches = 1,
        _ if opcode.starts_with("v128.load") || opcode.starts_with("v128.store") => {
            if on_stack {
                counts.spills = 1;
            } else if opcode.starts_with("v128.load") {
                counts.loads = 1;
            } else {
                counts.stores = 1;
            }
        }
        _ => {}
    }
    counts
}

/// Where each instruction leads.
#[derive(Default)]
struct Flow {
    /// The blocks around the current instruction.
    open: Vec<usize>,
    /// For each block, the instruction that a branch to it leads to, when known.
    targets: Vec<Option<usize>>,
    /// For each instruction, whether the next can follow, and the blocks it can branch to.
    edges: Vec<(bool, Vec<usize>)>,
}

impl Flow {
    fn follow(&mut self, opcode: &str, operands: &str) -> Result<()> {
        let here = self.edges.len();
        let mut edge = (true, vec![]);
        match opcode {
            "block" | "loop" => {
                self.open.push(self.targets.len());
                self.targets.push((opcode == "loop").then_some(here));
            }
            "end_block" | "end_loop" => {
                let block = self.open.pop().context("no block is open")?;
                self.targets[block].get_or_insert(here);
            }
            "br" | "br_if" | "br_table" => {
                edge.0 = opcode == "br_if";
                for depth in operands.split(['{', '}', ',', ' ']).filter(|word| !word.is_empty()) {
                    let depth: usize = depth.parse()?;
                    let index = self.open.len().checked_sub(depth + 1).context("no such block")?;
                    edge.1.push(self.open[index]);
                }
            }
            "return" | "unreachable" => edge.0 = false,
            "if" | "else" | "try" | "catch" | "delegate" => bail!("not followed"),
            _ => {}
        }
        self.edges.push(edge);
        Ok(())
    }

    fn resolve(&self) -> Result<Vec<Vec<usize>>> {
        let resolve = |(here, (falls, blocks)): (usize, &(bool, Vec<usize>))| {
            let mut next = Vec::new();
            for &block in blocks {
                next.push(self.targets[block].context("a block has no end")?);
            }
            next.extend((*falls && here + 1 < self.edges.len()).then_some(here + 1));
            Ok(next)
        };
        self.edges.iter().enumerate().map(resolve).collect()
    }
}

/// The operands and locals that point into the stack frame, followed in the order of the listing.
#[derive(Default)]
struct Stack {
    /// For each operand, whether it does.
    operands: Vec<bool>,
    /// The locals that do.
    locals: HashSet<String>,
}

impl Stack {
    /// Whether the instruction loads from, or stores to, the stack frame.
    fn follow(&mut self, opcode: &str, operand: &str) -> bool {
        let name = opcode.split_once('.').map_or(opcode, |(_, name)| name);
        match opcode {
            "local.get" => self.operands.push(self.locals.contains(operand)),
            "local.set" | "local.tee" => {
                let points = self.pop();
                if points {
                    self.locals.insert(operand.to_owned());
                } else {
                    self.locals.remove(operand);
                }
                if name == "tee" {
                    self.operands.push(points);
                }
            }
            "global.get" => self.operands.push(operand == "__stack_pointer"),
            "i32.add" | "i32.sub" | "i32.or" | "i32.and" => {
                let (right, left) = (self.pop(), self.pop());
                self.operands.push(left || right);
            }
            "select" => {
                let (_condition, right, left) = (self.pop(), self.pop(), self.pop());
                self.operands.push(left || right);
            }
            "block" | "loop" | "end_block" | "end_loop" => {}
            "br" | "br_table" | "return" | "unreachable" | "call" | "call_indirect" => {
                self.operands.clear();
            }
            _ if name == "const" => self.operands.push(false),
            _ if name.starts_with("store") => {
                let (_value, address) = (self.pop(), self.pop());
                return address;
            }
            _ if name.starts_with("load") => {
                if name.ends_with("_lane") {
                    self.pop();
                }
                let address = self.pop();
                self.operands.push(false);
                return address;
            }
            _ => {
                let (taken, given) = arity(opcode, name);
                self.operands.truncate(self.operands.len().saturating_sub(taken));
                self.operands.extend(std::iter::repeat_n(false, given));
            }
        }
        false
    }

    fn pop(&mut self) -> bool {
        self.operands.pop().unwrap_or(false)
    }
}

/// How many operands an instruction without addresses takes and gives.
fn arity(opcode: &str, name: &str) -> (usize, usize) {
    const UNARY: [&str; 24] = [
        "abs",
        "all_true",
        "any_true",
        "bitmask",
        "ceil",
        "clz",
        "convert",
        "ctz",
        "demote",
        "eqz",
        "extadd",
        "extend",
        "extract_lane",
        "floor",
        "nearest",
        "neg",
        "not",
        "popcnt",
        "promote",
        "reinterpret",
        "splat",
        "sqrt",
        "trunc",
        "wrap",
    ];
    match opcode {
        "drop" | "br_if" | "global.set" => (1, 0),
        "memory.copy" | "memory.fill" => (3, 0),
        "v128.bitselect" => (3, 1),
        "memory.size" => (0, 1),
        "memory.grow" => (1, 1),
        _ if name.starts_with("relaxed_madd") || name.starts_with("relaxed_nmadd") => (3, 1),
        _ if UNARY.iter().any(|unary| name.starts_with(unary)) => (1, 1),
        _ => (2, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Code {
        parse(&lines.lines().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_kernel_with_one_loop() {
        let code = read(include_str!("wasm/one_loop.s"));
        let hot = code.sum(&code.hot_loop());
        assert_eq!(hot.fmas, 18);
        assert_eq!((hot.loads, hot.stores, hot.spills, hot.branches), (12, 2, 0, 1));
        let whole = code.total();
        assert_eq!((whole.fmas, whole.loads, whole.stores, whole.branches), (18, 21, 2, 2));
    }

    #[test]
    fn vectors_in_the_stack_frame_are_spills() {
        let code = read(include_str!("wasm/stack_frame.s"));
        let total = code.total();
        assert_eq!((total.loads, total.stores, total.spills), (3, 1, 4));
    }

    #[test]
    fn a_local_points_into_the_stack_frame_until_it_is_set_again() {
        let points = "global.get __stack_pointer\nlocal.set 1\n";
        let load = "local.get 1\nv128.load 0\ndrop\n";
        let again = "local.get 0\nlocal.set 1\n";
        let total = read(&[points, load, again, load].concat()).total();
        assert_eq!((total.spills, total.loads), (1, 1));
    }

    #[test]
    fn branches_lead_to_ends_of_blocks_and_starts_of_loops() {
        let lines = "block\nloop\nbr_if 0\nbr_if 1\nbr 0\nend_loop\nend_block\nreturn\nunreachable";
        let code = read(lines);
        let next: Vec<_> = code.0.iter().map(|instruction| instruction.next.as_slice()).collect();
        let expected: [&[usize]; 9] = [&[1], &[2], &[1, 3], &[6, 4], &[1], &[6], &[7], &[], &[]];
        assert_eq!(next, expected);
        assert_eq!(code.total().branches, 3);
    }

    #[test]
    fn broken_structure_is_an_error() {
        for lines in [["br 0", "end_function"], ["end_block", "nop"], ["block", "br 0"]] {
            assert!(parse(&lines).is_err(), "{lines:?}");
        }
    }
}
