//! The passes in burn's backend burn-flex: what its autodiff calls.

use std::hint::black_box;

use anyhow::{Result, anyhow};
use burn_backend::TensorData;
use burn_backend::ops::{ConvOptions, ModuleOps};
use burn_flex::{Flex, FlexTensor};

use crate::layer::{KERNEL, Layer, Operands, PADDING};
use crate::subject::{FORWARD, GRAD_INPUT, GRAD_WEIGHT, Library, Passes, Subject};

/// All passes of a layer.
pub fn subjects(layer: &Layer, operands: &Operands) -> Result<Vec<Subject>> {
    let shape = layer.shape();
    let tensor =
        |elements: &[f32], shape| FlexTensor::from_data(TensorData::new(elements.to_vec(), shape));
    let [rows, columns] = shape.output();
    let x = tensor(&operands.x, [1, layer.channels, layer.size, layer.size]);
    let weights = tensor(&operands.weights, [layer.channels, 1, KERNEL, KERNEL]);
    let grad_y = tensor(&operands.grad_y, [1, layer.channels, rows, columns]);
    let options = ConvOptions::new([layer.stride; 2], [PADDING; 2], [1; 2], layer.channels);
    let run = |run: fn(FlexTensor, FlexTensor, FlexTensor, ConvOptions<2>) -> FlexTensor| {
        let (x, weights, grad_y, options) =
            (x.clone(), weights.clone(), grad_y.clone(), options.clone());
        move || run(x.clone(), weights.clone(), grad_y.clone(), options.clone())
    };
    Ok(vec![
        subject(FORWARD, run(|x, weights, _, options| Flex::conv2d(x, weights, None, options)))?,
        subject(GRAD_INPUT, run(Flex::conv2d_x_backward))?,
        subject(GRAD_WEIGHT, run(Flex::conv2d_weight_backward))?,
    ])
}

fn subject(passes: Passes, run: impl Fn() -> FlexTensor + 'static) -> Result<Subject> {
    let result = run().into_data().try_into_vec().map_err(|error| anyhow!("{error:?}"))?;
    let call = Box::new(move || {
        black_box(run());
        Ok(())
    });
    Ok(Subject { library: Library::Burn, passes, call, results: vec![result] })
}
