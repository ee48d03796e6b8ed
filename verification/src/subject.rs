//! What is judged.

use depthwise::{Contract, Error, Isa};

use crate::case::Case;
use crate::memory::Memory;
use crate::pass::Pass;

/// Something that computes cases.
pub trait Subject {
    /// Its name in reports.
    fn name(&self) -> String;

    /// How its arithmetic rounds.
    fn contract(&self) -> Contract;

    /// Writes the results of `case`.
    ///
    /// # Errors
    /// Why it doesn't.
    fn run(&self, case: &Case, memory: &mut Memory) -> Result<(), Error>;
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

    fn run(&self, case: &Case, memory: &mut Memory) -> Result<(), Error> {
        let (conv, update) = (case.conv(self.0)?, case.update);
        let [x, weights, gy] = [&memory.x, &memory.weights, &memory.gy].map(|t| t.values());
        let bias = memory.bias.as_ref().map(|bias| bias.values());
        let results = memory.results.values_mut();
        match case.pass {
            Pass::Forward => conv.forward(x, weights, bias, results),
            Pass::GradInput => conv.grad_input(gy, weights, results, update),
            Pass::GradWeight => conv.grad_weight(x, gy, results, update),
            Pass::GradBias => conv.grad_bias(gy, results, update),
        }
    }
}
