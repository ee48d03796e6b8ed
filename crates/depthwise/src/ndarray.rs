//! The passes over `ndarray` views.

use ndarray::{ArrayRef, ArrayRef1, ArrayRef3, ArrayRef4, Dimension};

use crate::conv::Conv;
use crate::error::{Argument, Error};

impl Conv {
    /// [`forward`](Self::forward) over arrays in standard order.
    ///
    /// - `input`: `[n][h][w][c]` or `[n][c][h][w]`
    /// - `weights`: `[kh][kw][c·m]` or `[c·m][kh][kw]`
    /// - `bias`: `[c·m]`
    /// - `output`: `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    ///
    /// # Errors
    /// [`Error::Shape`] for an array of another shape, [`Error::Strides`] for one whose elements
    /// are not in standard order; the output is untouched.
    pub fn forward_array(
        &self,
        input: &ArrayRef4<f32>,
        weights: &ArrayRef3<f32>,
        bias: Option<&ArrayRef1<f32>>,
        output: &mut ArrayRef4<f32>,
    ) -> Result<(), Error> {
        let input = slice(Argument::Input, input, &self.input_shape())?;
        let weights = slice(Argument::Weights, weights, &self.weights_shape())?;
        let channels = [self.problem().output_channels()];
        let bias = bias.map(|bias| slice(Argument::Bias, bias, &channels)).transpose()?;
        check(Argument::Output, output, &self.output_shape())?;
        let output = output.as_slice_mut().ok_or(Error::Strides(Argument::Output))?;
        self.forward(input, weights, bias, output)
    }
}

fn check<D: Dimension>(
    argument: Argument,
    array: &ArrayRef<f32, D>,
    shape: &[usize],
) -> Result<(), Error> {
    for (dimension, (&found, &expected)) in array.shape().iter().zip(shape).enumerate() {
        if found != expected {
            return Err(Error::Shape { argument, dimension, expected, found });
        }
    }
    Ok(())
}

fn slice<'a, D: Dimension>(
    argument: Argument,
    array: &'a ArrayRef<f32, D>,
    shape: &[usize],
) -> Result<&'a [f32], Error> {
    check(argument, array, shape)?;
    array.as_slice().ok_or(Error::Strides(argument))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array3, Array4, s};

    #[test]
    fn arrays_are_slices_with_a_shape() {
        let conv = Conv::builder().channels(2).input([3, 4]).kernel([2, 2]).build().unwrap();
        let input = Array4::from_shape_fn((1, 3, 4, 2), |(_, h, w, c)| (h * 8 + w * 2 + c) as f32);
        let weights = Array3::from_elem((2, 2, 2), 1.0);
        let bias = Array1::from(std::vec![0.5, -0.5]);
        let mut output = Array4::zeros((1, 2, 3, 2));
        conv.forward_array(&input, &weights, Some(&bias), &mut output).unwrap();
        assert_eq!(output[[0, 0, 0, 0]], 0.0 + 2.0 + 8.0 + 10.0 + 0.5);
        assert_eq!(output[[0, 1, 2, 1]], 13.0 + 15.0 + 21.0 + 23.0 - 0.5);

        let mut narrow = Array4::zeros((1, 2, 2, 2));
        let refused = conv.forward_array(&input, &weights, None, &mut narrow);
        let (argument, dimension) = (Argument::Output, 2);
        assert_eq!(refused, Err(Error::Shape { argument, dimension, expected: 3, found: 2 }));
        let mut wide = Array4::zeros((1, 2, 6, 2));
        let mut every_other = wide.slice_mut(s![.., .., ..;2, ..]);
        let refused = conv.forward_array(&input, &weights, None, &mut every_other);
        assert_eq!(refused, Err(Error::Strides(Argument::Output)));
    }
}
