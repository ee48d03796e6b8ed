//! Reading AArch64 assembly.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::code::{Code, Counts, Instruction};

/// Reads the lines of a function.
pub fn parse(lines: &[&str]) -> Result<Code> {
    let mut labels = HashMap::new();
    let mut instructions = Vec::new();
    for line in lines {
        let line = line.split("//").next().unwrap_or_default().trim();
        if let Some(label) = line.strip_suffix(':') {
            labels.insert(label, instructions.len());
        } else if !line.is_empty() && !line.starts_with('.') {
            instructions.push(line);
        }
    }
    let mut stack = Stack::new();
    let code = instructions.iter().enumerate().map(|(i, line)| {
        let (opcode, operands) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let counts = count(opcode, operands, &stack);
        stack.follow(opcode, operands);
        // The last operand of a branch; a call's is no label here.
        let target =
            operands.rsplit([' ', ',']).next().and_then(|label| labels.get(label).copied());
        let next = match flow(opcode) {
            Flow::On => vec![i + 1],
            Flow::Jump => target.into_iter().collect(),
            Flow::Branch => target.into_iter().chain([i + 1]).collect(),
            Flow::Stop => vec![],
        };
        let next = next.into_iter().filter(|&next| next < instructions.len()).collect();
        let accumulator = accumulator(opcode, operands);
        Instruction { text: (*line).to_owned(), counts, accumulator, next }
    });
    Ok(Code(code.collect()))
}

/// Where an instruction leads.
enum Flow {
    On,
    Jump,
    Branch,
    Stop,
}

fn flow(opcode: &str) -> Flow {
    match opcode {
        "b" => Flow::Jump,
        "cbz" | "cbnz" | "tbz" | "tbnz" => Flow::Branch,
        "br" | "ret" | "brk" | "udf" => Flow::Stop,
        _ if opcode.starts_with("b.") || opcode.starts_with("bc.") => Flow::Branch,
        _ => Flow::On,
    }
}

fn count(opcode: &str, operands: &str, stack: &Stack) -> Counts {
    let mut counts = Counts { instructions: 1, ..Counts::default() };
    let branches = !matches!(flow(opcode), Flow::On) && !matches!(opcode, "ret" | "brk" | "udf");
    counts.branches = u32::from(branches || matches!(opcode, "bl" | "blr"));
    counts.fmas = u32::from(is_fma(opcode, operands));
    let vectors = moved(opcode, operands);
    if stack.holds(address(operands)) {
        counts.spills = if saves(operands) { 0 } else { vectors };
    } else if opcode.starts_with("ld") {
        counts.loads = vectors;
    } else {
        counts.stores = vectors;
    }
    counts
}

/// What an instruction does to vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Vector multiply-adds.
    pub fmas: u32,
    /// Lanes of multiply-adds; a scalar one has one.
    pub lanes: u32,
    /// Vector registers that are loaded, parts of them included.
    pub loads: u32,
}

/// What the instruction on this line does to vectors.
pub fn work(line: &str) -> Work {
    let (opcode, operands) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let fmas = u32::from(is_fma(opcode, operands));
    let lanes = match opcode {
        "fmadd" | "fmsub" | "fnmadd" | "fnmsub" => 1,
        _ => fmas * lanes(operands),
    };
    let loads = if opcode.starts_with("ld") { moved(opcode, operands) } else { 0 };
    Work { fmas, lanes, loads }
}

/// The vector register that a multiply-add adds to.
fn accumulator(opcode: &str, operands: &str) -> Option<u32> {
    let register = operands.split(['.', ',']).next()?.strip_prefix('v')?;
    register.parse().ok().filter(|_| is_fma(opcode, operands))
}

fn is_fma(opcode: &str, operands: &str) -> bool {
    matches!(opcode, "fmla" | "fmls") && operands.starts_with('v')
}

/// Lanes of the vector that operands begin with, as in `v0.4s`.
fn lanes(operands: &str) -> u32 {
    let shape = operands.split([',', '.']).nth(1).unwrap_or_default();
    shape.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap_or(0)
}

/// How many vector registers `opcode` loads or stores.
fn moved(opcode: &str, operands: &str) -> u32 {
    let first = operands.as_bytes();
    let vector = matches!(first, [b'q' | b'd' | b's' | b'h' | b'b', b'0'..=b'9', ..]);
    match opcode {
        "ldr" | "ldur" | "str" | "stur" if vector => 1,
        "ldp" | "ldnp" | "stp" | "stnp" if vector => 2,
        _ if matches!(
            opcode.as_bytes(),
            [b'l', b'd', b'1'..=b'4', ..] | [b's', b't', b'1'..=b'4', ..]
        ) =>
        {
            let list = operands.split('}').next().unwrap_or_default();
            list.matches('v').count() as u32
        }
        _ => 0,
    }
}

/// Whether the operands begin with a register that a function must save before it uses it.
fn saves(operands: &str) -> bool {
    let register = operands.split(',').next().unwrap_or_default();
    let number = register.strip_prefix('d').and_then(|number| number.parse().ok());
    number.is_some_and(|number: u32| (8..16).contains(&number))
}

/// The register an operand in brackets begins with.
fn address(operands: &str) -> &str {
    let inside = operands.split_once('[').map_or("", |(_, rest)| rest);
    inside.split([',', ']']).next().unwrap_or_default()
}

/// Which registers point into the stack frame, followed in the order of the listing.
struct Stack(HashSet<u32>);

/// The stack pointer's number where it is one; the frame pointer's.
const SP: u32 = 31;
const FP: u32 = 29;

impl Stack {
    fn new() -> Self {
        Self(HashSet::from([SP]))
    }

    fn holds(&self, register: &str) -> bool {
        number(register).is_some_and(|number| self.0.contains(&number))
    }

    fn follow(&mut self, opcode: &str, operands: &str) {
        const WITHOUT_RESULT: [&str; 9] =
            ["cmp", "cmn", "ccmp", "ccmn", "tst", "cbz", "cbnz", "tbz", "tbnz"];
        if WITHOUT_RESULT.contains(&opcode) || opcode.starts_with("st") {
            return;
        }
        let mut registers = operands.split([',', ' ', '[', ']']).filter(|word| !word.is_empty());
        let results: Vec<_> = if opcode == "ldp" {
            registers.by_ref().take(2).filter_map(number).collect()
        } else {
            registers.by_ref().take(1).filter_map(number).collect()
        };
        let derived = matches!(opcode, "add" | "sub" | "mov" | "orr" | "csel");
        if derived && registers.any(|register| self.holds(register)) {
            self.0.extend(results);
        } else {
            // The frame pointer stays one behind an early return that restores the caller's.
            self.0.retain(|register| matches!(*register, SP | FP) || !results.contains(register));
        }
    }
}

/// The number of a general register.
fn number(register: &str) -> Option<u32> {
    match register {
        "sp" => Some(SP),
        _ => register.strip_prefix(['x', 'w'])?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(lines: &str) -> Counts {
        parse(&lines.lines().collect::<Vec<_>>()).unwrap().total()
    }

    #[test]
    fn a_kernel_with_one_loop() {
        let lines = include_str!("aarch64/one_loop.s");
        let code = parse(&lines.lines().collect::<Vec<_>>()).unwrap();
        let hot =
            Counts { fmas: 18, loads: 12, stores: 2, spills: 0, branches: 1, instructions: 37 };
        assert_eq!(code.sum(&code.hot_loop()), hot);
        let whole =
            Counts { fmas: 18, loads: 21, stores: 2, spills: 0, branches: 2, instructions: 80 };
        assert_eq!(code.total(), whole);
    }

    #[test]
    fn loads_and_stores_count_vectors() {
        assert_eq!(total("ldr q0, [x0]\nldur q0, [x0, #-4]\nldp q0, q1, [x0], #32").loads, 4);
        assert_eq!(total("ld1 { v0.4s, v1.4s }, [x0]\nld1 { v0.s }[1], [x0]").loads, 3);
        assert_eq!(
            total("ld2 { v0.4s, v1.4s }, [x0]\nld1r { v0.4s }, [x0]\nldr s0, [x0]").loads,
            4
        );
        assert_eq!(total("ldr x0, [x1]\nldp x0, x1, [x2]\nldrb w0, [x1]").loads, 0);
        assert_eq!(total("stp q0, q1, [x0]\nst1 { v0.s }[2], [x0]\nstr d0, [x0]").stores, 4);
    }

    #[test]
    fn fmas_are_vector_ones() {
        assert_eq!(total("fmla v0.4s, v1.4s, v2.s[0]\nfmls v0.4s, v1.4s, v2.4s").fmas, 2);
        assert_eq!(total("fmadd s0, s1, s2, s3\nfmul v0.4s, v1.4s, v2.4s").fmas, 0);
    }

    #[test]
    fn work_counts_lanes() {
        for (line, fmas, lanes, loads) in [
            ("fmla v0.4s, v1.4s, v2.s[0]", 1, 4, 0),
            ("fmls\tv0.2s, v1.2s, v2.2s", 1, 2, 0),
            ("fmadd s0, s1, s2, s3", 0, 1, 0),
            ("fmul v0.4s, v1.4s, v2.4s", 0, 0, 0),
            ("ldp q0, q1, [x0]", 0, 0, 2),
            ("stp q0, q1, [x0]", 0, 0, 0),
            ("ldp x0, x1, [x2]", 0, 0, 0),
            ("ret", 0, 0, 0),
        ] {
            assert_eq!(work(line), Work { fmas, lanes, loads }, "{line}");
        }
    }

    #[test]
    fn multiply_adds_have_an_accumulator() {
        assert_eq!(accumulator("fmla", "v17.4s, v1.4s, v2.s[0]"), Some(17));
        assert_eq!(accumulator("fmul", "v17.4s, v1.4s, v2.s[0]"), None);
        assert_eq!(accumulator("fmla", "s17, s1, v2.s[0]"), None);
    }

    #[test]
    fn spills_go_to_the_stack_frame() {
        assert_eq!(total("str q0, [sp, #16]\nldp q0, q1, [sp]").spills, 3);
        assert_eq!(total("add x29, sp, #16\nldur q0, [x29, #-32]").spills, 1);
        assert_eq!(total("add x8, sp, #16\nadd x9, x8, x1, lsl #4\nldr q0, [x9]").spills, 1);
        let reused = total("add x8, sp, #16\nmov w8, #12\nldr q0, [x8]");
        assert_eq!((reused.spills, reused.loads), (0, 1));
        let saved = total("stp d9, d8, [sp, #-16]!\nldp d9, d8, [sp], #16");
        assert_eq!((saved.spills, saved.loads, saved.stores), (0, 0, 0));
    }

    #[test]
    fn branches_and_calls_count() {
        let lines = "cbz x0, .L1\ntbnz w0, #3, .L1\nb.ne .L1\nb .L1\nbl f\nblr x1\n.L1:\nret";
        assert_eq!(total(lines).branches, 6);
    }

    #[test]
    fn branches_lead_to_labels() {
        let code = parse(&[".L0:", "tbz w0, #1, .L1", "b .L0", ".L1:", "b elsewhere"]).unwrap();
        let next: Vec<_> = code.0.iter().map(|instruction| instruction.next.clone()).collect();
        assert_eq!(next, [vec![2, 1], vec![0], vec![]]);
    }
}
