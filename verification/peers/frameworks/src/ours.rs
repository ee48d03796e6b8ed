//! The passes in `depthwise`.

use std::hint::black_box;

use anyhow::Result;
use depthwise::Update;

use crate::layer::{Layer, Operands};
use crate::subject::{FORWARD, GRAD_INPUT, GRAD_WEIGHT, Library, Passes, Subject};

/// All passes of a layer.
pub fn subjects(layer: &Layer, operands: &Operands) -> Result<Vec<Subject>> {
    let conv = layer.conv()?;
    let Operands { x, weights, grad_y } = operands;
    let mut subjects = Vec::new();

    let (source, kernel) = (x.clone(), weights.clone());
    subjects.push(subject(FORWARD, grad_y.len(), move |result| {
        Ok(conv.forward(&source, &kernel, None, result)?)
    })?);

    let (source, kernel) = (grad_y.clone(), weights.clone());
    subjects.push(subject(GRAD_INPUT, x.len(), move |result| {
        Ok(conv.grad_input(&source, &kernel, result, Update::Overwrite)?)
    })?);

    let (source, grad_y) = (x.clone(), grad_y.clone());
    subjects.push(subject(GRAD_WEIGHT, weights.len(), move |result| {
        Ok(conv.grad_weight(&source, &grad_y, result, Update::Overwrite)?)
    })?);
    Ok(subjects)
}

fn subject(
    passes: Passes,
    length: usize,
    run: impl Fn(&mut [f32]) -> Result<()> + 'static,
) -> Result<Subject> {
    // A result that is not written stays NaN, which is never right.
    let mut result = vec![f32::NAN; length];
    run(&mut result)?;
    let results = vec![result.clone()];
    let call = Box::new(move || run(black_box(&mut result)));
    Ok(Subject { library: Library::Depthwise, passes, call, results })
}
