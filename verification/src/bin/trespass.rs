//! A planted bug: results are right, but an element beyond the input is read. `trespass over-read` reads the one after it,
//! `trespass under-read` the one before. The check `fence` must see it, so this program must die, naming the case.

use std::process::ExitCode;

use depthwise::{Contract, Error, Isa};
use depthwise_verification::memory::Memory;
use depthwise_verification::{Case, Check, Kernels, Pass, Subject, campaign};

/// Reads the element at a distance from the end of the input that its first or last one is at.
struct Trespasser {
    before: bool,
}

impl Subject for Trespasser {
    fn name(&self) -> String {
        Isa::best().name().into()
    }

    fn contract(&self) -> Contract {
        Isa::best().contract()
    }

    fn run(&self, case: &Case, memory: &mut Memory) -> Result<(), Error> {
        Kernels(Isa::best()).run(case, memory)?;
        let beyond = match (self.before, memory.x.values().as_ptr_range()) {
            (true, input) => input.start.wrapping_sub(1),
            (false, input) => input.end,
        };
        // SAFETY: none: this is the bug. In open memory, where the check begins, the element is paint.
        std::hint::black_box(unsafe { beyond.read_volatile() });
        Ok(())
    }
}

fn main() -> ExitCode {
    let before = match std::env::args().nth(1).as_deref() {
        Some("over-read") => false,
        Some("under-read") => true,
        _ => {
            eprintln!("usage: trespass over-read|under-read");
            return ExitCode::FAILURE;
        }
    };
    let case = campaign::random(1, 0, Pass::Forward);
    match campaign::run(Check::Fence, &Trespasser { before }, &[case]) {
        Ok(report) => println!("not seen: {report}"),
        Err(failure) => println!("seen, but not by the fence: {failure}"),
    }
    ExitCode::SUCCESS
}
