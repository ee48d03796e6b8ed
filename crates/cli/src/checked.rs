//! The passes of a layer, checked and ready to be timed.

use std::hint::black_box;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use depthwise::{Conv, Error, Isa, Layout, Problem, Update};
use depthwise_verification::Pass;
use depthwise_verification::data::Tensors;
use depthwise_verification::random::Random;

use crate::check::Reference;
use crate::networks::Layer;
use crate::plain;
use crate::threads::Pool;
use crate::timing::Subject;

/// A layer with its operands, and passes of it whose results are right.
pub struct CheckedLayer<'a> {
    /// Which layer.
    pub layer: &'a Layer,
    /// The layer as a convolution.
    pub conv: Conv,
    /// Its passes.
    pub passes: Vec<CheckedPass>,
    tensors: Tensors,
}

/// A pass of a layer.
pub struct CheckedPass {
    /// Which pass.
    pub pass: Pass,
    /// Largest error as a share of its bound.
    pub error: f64,
    /// Where all subjects write, for where a tensor lies in memory changes its speed.
    results: Mutex<Vec<f32>>,
}

impl<'a> CheckedLayer<'a> {
    /// Computes `passes` of a layer in each of the pools, and by the plain loop, and checks them all.
    ///
    /// # Errors
    /// Any result that is not within its bound.
    pub fn new(
        layer: &'a Layer,
        layout: Layout,
        isa: Isa,
        passes: &[Pass],
        pools: &[Pool],
    ) -> Result<Self> {
        let conv = layer.conv(layout, isa)?;
        let tensors = operands(conv.problem());
        let passes = passes.iter().map(|&pass| CheckedPass::new(pass, &conv, &tensors, pools));
        let passes = passes.collect::<Result<_>>()?;
        Ok(Self { layer, conv, passes, tensors })
    }

    /// What is to be timed, for each pass: it in each of the pools, and the plain loop in the first.
    pub fn subjects<'t>(&'t self, pools: &'t [Pool]) -> Vec<Subject<'t>> {
        let (conv, tensors) = (self.conv, &self.tensors);
        let mut subjects = Vec::new();
        for CheckedPass { pass, results, .. } in &self.passes {
            for pool in pools {
                let call = move || {
                    // It succeeded when it was checked.
                    let results = &mut *lock(results);
                    let _ = black_box(compute(*pass, &conv, black_box(tensors), results));
                };
                subjects.push(Subject { pool, call: Box::new(call) });
            }
            let call = move || {
                let results = &mut *lock(results);
                plain::compute(*pass, conv.problem(), black_box(tensors), black_box(results));
            };
            subjects.extend(pools.first().map(|pool| Subject { pool, call: Box::new(call) }));
        }
        subjects
    }
}

/// The results, which subjects write in turns.
fn lock(results: &Mutex<Vec<f32>>) -> MutexGuard<'_, Vec<f32>> {
    results.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CheckedPass {
    fn new(pass: Pass, conv: &Conv, tensors: &Tensors, pools: &[Pool]) -> Result<Self> {
        let problem = conv.problem();
        let reference = Reference::new(pass, problem, tensors);
        let mut results = vec![0.0; reference.len()];
        let mut error = 0.0;
        for pool in pools {
            // A result that is not written stays NaN, which is never right.
            results.fill(f32::NAN);
            pool.run(|| compute(pass, conv, tensors, &mut results))?;
            let share = reference.check(&results);
            error = f64::max(error, share.with_context(|| pool.to_string())?);
        }
        results.fill(f32::NAN);
        plain::compute(pass, problem, tensors, &mut results);
        reference.check_any_order(&results).context("plain loop")?;
        Ok(Self { pass, error, results: Mutex::new(results) })
    }
}

/// What the passes of a problem read: the same random numbers each time.
pub fn operands(problem: &Problem) -> Tensors {
    let mut random = Random::new(1);
    let mut tensor = |length| (0..length).map(|_| random.signed_unit()).collect();
    Tensors {
        x: tensor(problem.input_len()),
        weights: tensor(problem.weights_len()),
        gy: tensor(problem.output_len()),
        ..Tensors::default()
    }
}

/// Computes a pass.
pub fn compute(
    pass: Pass,
    conv: &Conv,
    Tensors { x, weights, gy, .. }: &Tensors,
    results: &mut [f32],
) -> Result<(), Error> {
    match pass {
        Pass::Forward => conv.forward(x, weights, None, results),
        Pass::GradInput => conv.grad_input(gy, weights, results, Update::Overwrite),
        Pass::GradWeight => conv.grad_weight(x, gy, results, Update::Overwrite),
        Pass::GradBias => conv.grad_bias(gy, results, Update::Overwrite),
    }
}
