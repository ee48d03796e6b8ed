//! The proof of a shape.

use depthwise::{Isa, Plan, Update};
use depthwise_kernels::{Gradient, Tensors, execute_part, reduce, reduce_bias};
use depthwise_verification::{Case, Pass, order, passes};

use crate::lanes::Symbolic;
use crate::run::{Counts, Run, with};
use crate::tensors::{Dst, Fault, Operand, Sizes, Src};

/// Where a run finds its tensors.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    /// `[n][h][w][c]` or `[n][c][h][w]`
    pub x: Src,
    /// `[kh][kw][c·m]` or `[c·m][kh][kw]`
    pub weights: Src,
    /// `[c·m]`
    pub bias: Option<Src>,
    /// `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    pub gy: Src,
    /// What the pass computes.
    pub results: Dst,
}

/// What a proof covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Results, each of which is the expression that is specified.
    pub results: usize,
    /// Multiply-adds and additions in those expressions.
    pub operations: usize,
    /// What the run did for them.
    pub counts: Counts,
    /// In which order it read operands and wrote results, as a number that other orders don't have.
    pub walk: u64,
}

/// Proves that the library's kernels compute a case as specified, whatever the data, in the parts
/// that so many threads would share.
///
/// # Errors
/// What is wrong.
pub fn prove(case: &Case, threads: usize) -> Result<Proof, Fault> {
    let conv = case.conv(Isa::best()).map_err(|error| Fault::Refused(error.to_string()))?;
    let plan = match case.pass.plan(&conv) {
        Some(plan) => *plan,
        None => *conv.grad_weight_plan(),
    };
    prove_run(case, |operands| library(case, plan, threads, operands))
}

/// Proves that whatever `compute` runs on [`Symbolic`] lanes computes a case as specified.
///
/// # Errors
/// What is wrong.
pub fn prove_run(case: &Case, compute: impl FnOnce(&Operands)) -> Result<Proof, Fault> {
    let accumulates = case.update == Update::Accumulate;
    let places: Vec<usize> = order::results(case.pass, &case.shape)
        .map(|at| order::result(case.pass, case.layout, &case.shape, at))
        .collect();
    let sizes = sizes(case);
    let (specified, operations) = with(|run| {
        let about = places.len() * case.pass.terms(&case.shape);
        run.reset(sizes, places.len(), accumulates, about);
        let specified = passes::model(&mut run.arena, case, &sizes.tensors());
        (specified, run.arena.operations())
    });
    compute(&Operands {
        x: Src::new(Operand::Input),
        weights: Src::new(Operand::Weights),
        bias: case.bias.then(|| Src::new(Operand::Bias)),
        gy: Src::new(Operand::GradOutput),
        results: Dst::new(),
    });
    with(|run| {
        if let Some(fault) = run.fault.take() {
            return Err(fault);
        }
        for (result, specified) in places.iter().zip(specified) {
            let cell = run.results[*result];
            if cell.writer == 0 {
                return Err(Fault::Unwritten(*result));
            }
            if cell.value != specified {
                let difference = run.arena.difference(cell.value, specified);
                return Err(Fault::Expression { result: *result, difference });
            }
        }
        Ok(Proof { results: places.len(), operations, counts: run.counts, walk: run.walk })
    })
}

/// Elements of the operands that a pass takes.
fn sizes(case: &Case) -> Sizes {
    let (pass, shape) = (case.pass, &case.shape);
    // Each operand is shaped like the results of a pass.
    let len = |taken: bool, like: Pass| {
        let (batch, channels, [height, width]) = like.results(shape);
        if taken { batch * channels * height * width } else { 0 }
    };
    Sizes::new([
        len(pass.takes_x(), Pass::GradInput),
        len(pass.takes_weights(), Pass::GradWeight),
        len(case.bias, Pass::GradBias),
        len(pass.takes_gy(), Pass::Forward),
        len(case.update == Update::Accumulate, pass),
    ])
}

/// Starts another part of the work: from here on, results of the parts before are out of bounds.
pub fn next_part() {
    with(|run: &mut Run| run.part += 1);
}

/// Runs a plan as the library does, but in parts even if that is not worth it.
fn library(case: &Case, plan: Plan, threads: usize, operands: &Operands) {
    let accumulate = case.update == Update::Accumulate;
    let Operands { x, weights, bias, gy, results } = *operands;
    if matches!(case.pass, Pass::Forward | Pass::GradInput) {
        let source = if case.pass == Pass::Forward { x } else { gy };
        let tensors = Tensors::<Symbolic> { source, weights, bias, results, accumulate };
        for part in plan.divided(threads).parts() {
            next_part();
            // SAFETY: no pointer is followed.
            unsafe { execute_part(Symbolic, &plan, &part, &tensors) };
        }
        return;
    }
    let gradient = Gradient::<Symbolic> { input: x, grad_output: gy, results, accumulate };
    let channels = case.shape.output_channels();
    let block = plan.shared_channels(threads);
    for first in (0..channels).step_by(block) {
        let channels = first..(first + block).min(channels);
        next_part();
        // SAFETY: no pointer is followed.
        unsafe {
            match case.pass {
                Pass::GradBias => reduce_bias(Symbolic, plan.problem(), channels, &gradient),
                _ => reduce(Symbolic, &plan, channels, &gradient),
            }
        }
    }
}
