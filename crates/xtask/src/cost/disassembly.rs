//! Instructions as text, and what they do.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::asm::aarch64::{self, Work};

/// The text of every instruction that was executed.
pub struct Disassembly(HashMap<u32, Instruction>);

struct Instruction {
    text: String,
    work: Work,
}

impl Disassembly {
    /// Disassembles the instructions with these encodings.
    pub fn of(words: impl Iterator<Item = u32>) -> Result<Self> {
        let words: BTreeSet<u32> = words.collect();
        let mut input = String::new();
        for word in &words {
            let bytes = word.to_le_bytes().map(|byte| format!("{byte:#04x}"));
            input += &format!("{}\n", bytes.join(" "));
        }
        let options = ["--disassemble", "--triple=aarch64", "--mattr=+all", "--show-encoding"];
        let listing = pipe(Command::new("llvm-mc-19").args(options), &input)?;
        Ok(Self(listing.lines().filter_map(line).collect()))
    }

    /// The text, if LLVM knows the instruction.
    pub fn text(&self, word: u32) -> Option<&str> {
        self.0.get(&word).map(|instruction| instruction.text.as_str())
    }

    /// What the instruction does to vectors: nothing if it's not known.
    pub fn work(&self, word: u32) -> Work {
        self.0.get(&word).map(|instruction| instruction.work).unwrap_or_default()
    }
}

/// Reads `fmla v0.4s, v1.4s, v2.4s // encoding: [0x20,0xcc,0x22,0x4e]`.
fn line(line: &str) -> Option<(u32, Instruction)> {
    let (text, encoding) = line.split_once("// encoding: [")?;
    let bytes = encoding.split_once(']')?.0.split(',');
    let bytes = bytes.map(|byte| u8::from_str_radix(byte.strip_prefix("0x")?, 16).ok());
    let word = u32::from_le_bytes(bytes.collect::<Option<Vec<_>>>()?.try_into().ok()?);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let work = aarch64::work(&text);
    Some((word, Instruction { text, work }))
}

/// What `command` prints when it is given `input`.
pub fn pipe(command: &mut Command, input: &str) -> Result<String> {
    let name = command.get_program().display().to_string();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    // In another thread, because it may print before it has read everything.
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output()
    })?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed: {complaint}");
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_an_encoding() {
        let (word, instruction) =
            line("\tfmla\tv0.4s, v1.4s, v2.4s            // encoding: [0x20,0xcc,0x22,0x4e]")
                .unwrap();
        assert_eq!((word, &*instruction.text), (0x4e22_cc20, "fmla v0.4s, v1.4s, v2.4s"));
        assert_eq!(instruction.work, Work { fmas: 1, lanes: 4, loads: 0 });
        for other in ["\t.text", "", "fmla // encoding: [0x20]", "fmla // encoding: [0x20,x,0,0]"] {
            assert!(line(other).is_none(), "{other}");
        }
    }

    #[test]
    fn programs_are_fed_and_failures_told() {
        let long = "word\n".repeat(100_000);
        assert_eq!(pipe(&mut Command::new("cat"), &long).unwrap(), long);
        assert!(pipe(&mut Command::new("false"), "").is_err());
        assert!(pipe(&mut Command::new("no-such-program"), "").is_err());
    }
}
