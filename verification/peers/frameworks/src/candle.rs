//! The passes in candle, whose backward pass always computes both gradients.

use std::hint::black_box;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};

use crate::layer::{KERNEL, Layer, Operands, PADDING};
use crate::subject::{FORWARD, GRADIENTS, Library, Subject};

/// The forward pass and the backward pass of a layer.
pub fn subjects(layer: &Layer, operands: &Operands) -> Result<Vec<Subject>> {
    let Layer { channels, size, stride } = *layer;
    let [rows, columns] = layer.shape().output();
    let tensor =
        |elements: &[f32], shape: [usize; 4]| Tensor::from_slice(elements, &shape, &Device::Cpu);
    let conv = move |x: &Tensor, weights: &Tensor| x.conv2d(weights, PADDING, stride, 1, channels);
    let elements = |tensor: &Tensor| tensor.flatten_all()?.to_vec1();

    // Without variables there is no graph.
    let x = tensor(&operands.x, [1, channels, size, size])?;
    let weights = tensor(&operands.weights, [channels, 1, KERNEL, KERNEL])?;
    let results = vec![elements(&conv(&x, &weights)?)?];
    let (x_var, weights_var) = (Var::from_tensor(&x)?, Var::from_tensor(&weights)?);
    let call = Box::new(move || {
        black_box(conv(&x, &weights)?);
        Ok(())
    });
    let forward = Subject { library: Library::Candle, passes: FORWARD, call, results };

    // The gradient of this sum with respect to y is grad_y.
    let grad_y = tensor(&operands.grad_y, [1, channels, rows, columns])?;
    let loss = (conv(&x_var, &weights_var)? * grad_y)?.sum_all()?;
    let gradients = loss.backward()?;
    let gradient = |var: &Var| -> Result<Vec<f32>> {
        Ok(elements(gradients.get(var).context("no gradient")?)?)
    };
    let results = vec![gradient(&x_var)?, gradient(&weights_var)?];
    let call = Box::new(move || {
        black_box(loss.backward()?);
        Ok(())
    });
    Ok(vec![forward, Subject { library: Library::Candle, passes: GRADIENTS, call, results }])
}
