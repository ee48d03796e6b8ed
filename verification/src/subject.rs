//! What is judged.

use depthwise::{Contract, Error, Isa};

use crate::case::Case;
use crate::memory::Memory;

/// Something that computes cases.
pub trait Subject {
    /// Its name in reports.
    fn name(&self) -> String;

    /// How its arithmetic rounds.
    fn contract(&self) -> Contract;

    /// Writes the output of `case`.
    ///
    /// # Errors
    /// Why it doesn't.
    fn forward(&self, case: &Case, memory: &mut Memory) -> Result<(), Error>;
}

/// The library's kernels for an instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Kernels(pub Isa);

impl Subject for Kernels {
    fn name(&self) -> String {
        self.0.name().into()
    }

    fn contract(&self) -> Contract {
        self.0.contract()
    }

    fn forward(&self, case: &Case, memory: &mut Memory) -> Result<(), Error> {
        let Memory { x, weights, bias, y } = memory;
        let bias = bias.as_ref().map(|bias| bias.values());
        case.conv(self.0)?.forward(x.values(), weights.values(), bias, y.values_mut())
    }
}
