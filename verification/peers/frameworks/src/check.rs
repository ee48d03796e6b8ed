//! Checks results against the reference in f64.

use anyhow::{Result, ensure};
use depthwise_verification::Pass;
use depthwise_verification::bound;
use depthwise_verification::reference::{self, Sum};

use crate::layer::{KERNEL, Layer, Operands};

/// The exact results of a pass, in NCHW order.
pub fn exact(layer: &Layer, operands: &Operands, pass: Pass) -> Vec<Sum> {
    let shape = layer.shape();
    let channels = layer.channels;
    let [rows, columns] = shape.output();
    let element = |tensor: &[f32], [height, width]: [usize; 2], [n, c, h, w]: [usize; 4]| {
        f64::from(tensor[((n * channels + c) * height + h) * width + w])
    };
    let x = |at| element(&operands.x, shape.input, at);
    let grad_y = |at| element(&operands.grad_y, [rows, columns], at);
    let weights = |[c, u, v]: [usize; 3]| element(&operands.weights, [KERNEL; 2], [0, c, u, v]);
    match pass {
        Pass::Forward => reference::forward(&shape, x, weights, |_| None),
        Pass::GradInput => reference::grad_input(&shape, grad_y, weights),
        Pass::GradWeight => reference::grad_weight(&shape, x, grad_y),
        Pass::GradBias => reference::grad_bias(&shape, grad_y),
    }
}

/// The largest error of a result as a share of its bound, which no order of summation can exceed.
///
/// # Errors
/// Any error above its bound.
pub fn worst(exact: &[Sum], found: &[f32]) -> Result<f64> {
    ensure!(exact.len() == found.len(), "{} results instead of {}", found.len(), exact.len());
    let mut worst = 0.0;
    for (index, (sum, &found)) in exact.iter().zip(found).enumerate() {
        let (error, bound) = ((f64::from(found) - sum.value).abs(), bound::of(sum));
        // Written so that NaN, which is in no order, fails.
        let within = error <= bound;
        ensure!(within, "result {index} is {found:e}, expected {:e} ± {bound:.1e}", sum.value);
        if error > 0.0 {
            worst = f64::max(worst, error / bound);
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{burn, candle, ours};

    const LAYER: Layer = Layer { channels: 2, size: 6, stride: 2 };

    /// Every library is right on its operands, and wrong on others that differ in one element.
    #[test]
    fn a_changed_element_is_noticed() {
        let operands = Operands::random(&LAYER);
        let mut changed = operands.clone();
        changed.x[7] += 0.01;
        changed.grad_y[7] += 0.01;
        let mut count = 0;
        for subjects in [ours::subjects, burn::subjects, candle::subjects] {
            for subject in subjects(&LAYER, &operands).unwrap() {
                for (&pass, result) in subject.passes.iter().zip(&subject.results) {
                    assert!(worst(&exact(&LAYER, &operands, pass), result).unwrap() <= 1.0);
                    assert!(worst(&exact(&LAYER, &changed, pass), result).is_err());
                    count += 1;
                }
            }
        }
        assert_eq!(count, 9);
    }

    #[test]
    fn what_is_missing_is_noticed() {
        let sums = exact(&LAYER, &Operands::random(&LAYER), Pass::Forward);
        let mut found: Vec<_> = sums.iter().map(|sum| sum.value as f32).collect();
        assert!(worst(&sums, &found).is_ok());
        found[3] = f32::NAN;
        assert!(worst(&sums, &found).is_err());
        assert!(worst(&sums, &found[..3]).is_err());
    }
}
