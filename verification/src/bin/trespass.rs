//! A planted bug: results are right, but an element beyond the input is read. `trespass over-read` reads the one after it,
//! `trespass under-read` the one before. The check `fence` must see it, so this program must die, naming the case.
//! `trespass unchecked` asks a slice for the one after it, which a standard library with checks refuses at once.

use std::process::ExitCode;

use depthwise::{Contract, Error, Isa};
use depthwise_verification::memory::Memory;
use depthwise_verification::{Case, Check, Kernels, Pass, Subject, campaign};

/// Reads an element beyond the input.
#[derive(Clone, Copy)]
enum Trespasser {
    OverRead,
    UnderRead,
    Unchecked,
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
        let input = memory.x.values();
        let beyond = match self {
            Self::OverRead => input.as_ptr_range().end,
            Self::UnderRead => input.as_ptr().wrapping_sub(1),
            // SAFETY: none, as below.
            Self::Unchecked => unsafe { input.get_unchecked(input.len()) },
        };
        // SAFETY: none: this is the bug. In open memory, where the check begins, the element is paint.
        std::hint::black_box(unsafe { beyond.read_volatile() });
        Ok(())
    }
}

fn main() -> ExitCode {
    let trespasser = match std::env::args().nth(1).as_deref() {
        Some("over-read") => Trespasser::OverRead,
        Some("under-read") => Trespasser::UnderRead,
        Some("unchecked") => Trespasser::Unchecked,
        _ => {
            eprintln!("usage: trespass over-read|under-read|unchecked");
            return ExitCode::FAILURE;
        }
    };
    let case = campaign::random(1, 0, Pass::Forward);
    match campaign::run(Check::Fence, &trespasser, &[case]) {
        Ok(report) => println!("not seen: {report}"),
        Err(failure) => println!("seen, but not by the fence: {failure}"),
    }
    ExitCode::SUCCESS
}
