//! The passes over `ndarray` views.

use ndarray::{ArrayRef, ArrayRef1, ArrayRef3, ArrayRef4, Dimension};

use crate::conv::{Conv, Update};
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
    ///
    /// ```
    /// # fn main() -> Result<(), depthwise::Error> {
    /// use depthwise::Conv;
    /// use ndarray::{Array3, Array4};
    ///
    /// let conv = Conv::builder().channels(8).input([5, 5]).kernel([3, 3]).build()?;
    /// let x = Array4::ones((1, 5, 5, 8));
    /// let weights = Array3::from_elem((3, 3, 8), 0.5);
    /// let mut y = Array4::zeros((1, 3, 3, 8));
    /// conv.forward_array(&x, &weights, None, &mut y)?;
    /// assert_eq!(y[[0, 1, 1, 0]], 4.5);
    /// # Ok(())
    /// # }
    /// ```
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
        let output = slice_mut(Argument::Output, output, &self.output_shape())?;
        self.forward(input, weights, bias, output)
    }

    /// [`grad_input`](Self::grad_input) over arrays in standard order.
    ///
    /// - `grad_output`: `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    /// - `weights`: `[kh][kw][c·m]` or `[c·m][kh][kw]`
    /// - `grad_input`: `[n][h][w][c]` or `[n][c][h][w]`
    ///
    /// # Errors
    /// [`Error::Shape`] for an array of another shape, [`Error::Strides`] for one whose elements
    /// are not in standard order; `grad_input` is untouched.
    ///
    /// ```
    /// # fn main() -> Result<(), depthwise::Error> {
    /// use depthwise::{Conv, Update};
    /// use ndarray::{Array3, Array4};
    ///
    /// let conv = Conv::builder().channels(8).input([5, 5]).kernel([3, 3]).build()?;
    /// let grad_y = Array4::ones((1, 3, 3, 8));
    /// let weights = Array3::from_elem((3, 3, 8), 0.5);
    /// let mut grad_x = Array4::zeros((1, 5, 5, 8));
    /// conv.grad_input_array(&grad_y, &weights, &mut grad_x, Update::Overwrite)?;
    /// // A corner is in one window, the middle in all nine.
    /// assert_eq!((grad_x[[0, 0, 0, 0]], grad_x[[0, 2, 2, 0]]), (0.5, 4.5));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "backward_data")]
    #[doc(alias = "bwd_data")]
    #[doc(alias = "conv_backward")]
    #[doc(alias = "dgrad")]
    pub fn grad_input_array(
        &self,
        grad_output: &ArrayRef4<f32>,
        weights: &ArrayRef3<f32>,
        grad_input: &mut ArrayRef4<f32>,
        update: Update,
    ) -> Result<(), Error> {
        let grad_output = slice(Argument::GradOutput, grad_output, &self.output_shape())?;
        let weights = slice(Argument::Weights, weights, &self.weights_shape())?;
        let grad_input = slice_mut(Argument::GradInput, grad_input, &self.input_shape())?;
        self.grad_input(grad_output, weights, grad_input, update)
    }

    /// [`grad_weight`](Self::grad_weight) over arrays in standard order.
    ///
    /// - `input`: `[n][h][w][c]` or `[n][c][h][w]`
    /// - `grad_output`: `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    /// - `grad_weight`: `[kh][kw][c·m]` or `[c·m][kh][kw]`
    ///
    /// # Errors
    /// [`Error::Shape`] for an array of another shape, [`Error::Strides`] for one whose elements
    /// are not in standard order; `grad_weight` is untouched.
    ///
    /// ```
    /// # fn main() -> Result<(), depthwise::Error> {
    /// use depthwise::{Conv, Update};
    /// use ndarray::{Array3, Array4};
    ///
    /// let conv = Conv::builder().channels(8).input([5, 5]).kernel([3, 3]).build()?;
    /// let x = Array4::from_elem((1, 5, 5, 8), 2.0);
    /// let grad_y = Array4::ones((1, 3, 3, 8));
    /// let mut grad_weights = Array3::from_elem((3, 3, 8), 0.25);
    /// conv.grad_weight_array(&x, &grad_y, &mut grad_weights, Update::Accumulate)?;
    /// assert_eq!(grad_weights[[1, 1, 0]], 0.25 + 9.0 * 2.0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "backward_weights")]
    #[doc(alias = "backward_filter")]
    #[doc(alias = "bwd_filter")]
    #[doc(alias = "conv_backward")]
    #[doc(alias = "wgrad")]
    pub fn grad_weight_array(
        &self,
        input: &ArrayRef4<f32>,
        grad_output: &ArrayRef4<f32>,
        grad_weight: &mut ArrayRef3<f32>,
        update: Update,
    ) -> Result<(), Error> {
        let input = slice(Argument::Input, input, &self.input_shape())?;
        let grad_output = slice(Argument::GradOutput, grad_output, &self.output_shape())?;
        let grad_weight = slice_mut(Argument::GradWeight, grad_weight, &self.weights_shape())?;
        self.grad_weight(input, grad_output, grad_weight, update)
    }

    /// [`grad_bias`](Self::grad_bias) over arrays in standard order.
    ///
    /// - `grad_output`: `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    /// - `grad_bias`: `[c·m]`
    ///
    /// # Errors
    /// [`Error::Shape`] for an array of another shape, [`Error::Strides`] for one whose elements
    /// are not in standard order; `grad_bias` is untouched.
    ///
    /// ```
    /// # fn main() -> Result<(), depthwise::Error> {
    /// use depthwise::{Conv, Update};
    /// use ndarray::{Array1, Array4};
    ///
    /// let conv = Conv::builder().channels(8).input([5, 5]).kernel([3, 3]).build()?;
    /// let grad_y = Array4::from_elem((1, 3, 3, 8), 2.0);
    /// let mut grad_bias = Array1::zeros(8);
    /// conv.grad_bias_array(&grad_y, &mut grad_bias, Update::Overwrite)?;
    /// assert_eq!(grad_bias[0], 18.0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "backward_bias")]
    #[doc(alias = "conv_backward")]
    pub fn grad_bias_array(
        &self,
        grad_output: &ArrayRef4<f32>,
        grad_bias: &mut ArrayRef1<f32>,
        update: Update,
    ) -> Result<(), Error> {
        let grad_output = slice(Argument::GradOutput, grad_output, &self.output_shape())?;
        let channels = [self.problem().output_channels()];
        let grad_bias = slice_mut(Argument::GradBias, grad_bias, &channels)?;
        self.grad_bias(grad_output, grad_bias, update)
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

fn slice_mut<'a, D: Dimension>(
    argument: Argument,
    array: &'a mut ArrayRef<f32, D>,
    shape: &[usize],
) -> Result<&'a mut [f32], Error> {
    check(argument, array, shape)?;
    array.as_slice_mut().ok_or(Error::Strides(argument))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use ndarray::{Array1, Array3, Array4, s};
    use std::vec;

    #[test]
    fn arrays_are_slices_with_a_shape() {
        let conv = Conv::builder().channels(2).input([3, 4]).kernel([2, 2]).build().unwrap();
        let input = Array4::from_shape_fn((1, 3, 4, 2), |(_, h, w, c)| (h * 8 + w * 2 + c) as f32);
        let weights = Array3::from_elem((2, 2, 2), 1.0);
        let bias = Array1::from(vec![0.5, -0.5]);
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

    /// A kernel of 1 −2 over 1 2 3, and of 3 0 over 10 20 30, with output gradients 1 5 and 2 7; in either
    /// layout, as views.
    #[test]
    fn gradients_are_those_of_slices() {
        for layout in Layout::ALL {
            let conv = Conv::builder().channels(2).input([1, 3]).kernel([1, 2]).layout(layout);
            let conv = conv.build().unwrap();
            // Channels first, turned round where they come last.
            let image = |width, data| {
                let first = Array4::from_shape_vec((1, 2, 1, width), data).unwrap();
                match layout {
                    Layout::Nchw => first,
                    Layout::Nhwc => {
                        first.permuted_axes([0, 2, 3, 1]).as_standard_layout().to_owned()
                    }
                }
            };
            let kernels = |data| {
                let first = Array3::from_shape_vec((2, 1, 2), data).unwrap();
                match layout {
                    Layout::Nchw => first,
                    Layout::Nhwc => first.permuted_axes([1, 2, 0]).as_standard_layout().to_owned(),
                }
            };
            let x = image(3, vec![1., 2., 3., 10., 20., 30.]);
            let weights = kernels(vec![1., -2., 3., 0.]);
            let gy = image(2, vec![1., 5., 2., 7.]);
            for (update, before) in [(Update::Overwrite, f32::NAN), (Update::Accumulate, 0.5)] {
                let old = if update == Update::Accumulate { before } else { 0.0 };
                let mut gx = Array4::from_elem(x.raw_dim(), before);
                conv.grad_input_array(&gy.view(), &weights.view(), &mut gx.view_mut(), update)
                    .unwrap();
                assert_eq!(gx, image(3, vec![1., 3., -10., 6., 21., 0.]) + old);
                let mut gw = Array3::from_elem(weights.raw_dim(), before);
                conv.grad_weight_array(&x.view(), &gy.view(), &mut gw.view_mut(), update).unwrap();
                assert_eq!(gw, kernels(vec![11., 17., 160., 250.]) + old);
                let mut gb = Array1::from_elem(2, before);
                conv.grad_bias_array(&gy.view(), &mut gb.view_mut(), update).unwrap();
                assert_eq!(gb, Array1::from(vec![6., 9.]) + old);
            }
        }
    }

    #[test]
    fn gradients_refuse_other_shapes_and_orders_and_touch_nothing() {
        let conv = Conv::builder().channels(2).input([3, 4]).kernel([2, 2]).build().unwrap();
        let x = Array4::<f32>::ones((1, 3, 4, 2));
        let (weights, gy) = (Array3::<f32>::ones((2, 2, 2)), Array4::<f32>::ones((1, 2, 3, 2)));
        let (mut gx, mut gw, mut gb) = (x.clone(), weights.clone(), Array1::ones(2));
        let update = Update::Overwrite;
        let shape = |argument, dimension, expected, found| {
            Err(Error::Shape { argument, dimension, expected, found })
        };

        let refused = conv.grad_input_array(&x, &weights, &mut gx, update);
        assert_eq!(refused, shape(Argument::GradOutput, 1, 2, 3));
        let refused = conv.grad_input_array(&gy, &Array3::ones((2, 3, 2)), &mut gx, update);
        assert_eq!(refused, shape(Argument::Weights, 1, 2, 3));
        let refused = conv.grad_input_array(&gy, &weights, &mut Array4::ones((2, 3, 4, 2)), update);
        assert_eq!(refused, shape(Argument::GradInput, 0, 1, 2));
        let refused = conv.grad_weight_array(&gy, &gy, &mut gw, update);
        assert_eq!(refused, shape(Argument::Input, 1, 3, 2));
        let refused = conv.grad_weight_array(&x, &x, &mut gw, update);
        assert_eq!(refused, shape(Argument::GradOutput, 1, 2, 3));
        let refused = conv.grad_weight_array(&x, &gy, &mut Array3::ones((2, 2, 3)), update);
        assert_eq!(refused, shape(Argument::GradWeight, 2, 2, 3));
        let refused = conv.grad_bias_array(&x, &mut gb, update);
        assert_eq!(refused, shape(Argument::GradOutput, 1, 2, 3));
        let refused = conv.grad_bias_array(&gy, &mut Array1::ones(3), update);
        assert_eq!(refused, shape(Argument::GradBias, 0, 2, 3));

        // The right shapes, in Fortran's order.
        let turned = Array4::<f32>::ones((2, 3, 2, 1));
        let refused = conv.grad_input_array(&turned.t(), &weights, &mut gx, update);
        assert_eq!(refused, Err(Error::Strides(Argument::GradOutput)));
        let mut turned = Array4::<f32>::ones((2, 4, 3, 1)).reversed_axes();
        let refused = conv.grad_input_array(&gy, &weights, &mut turned, update);
        assert_eq!(refused, Err(Error::Strides(Argument::GradInput)));
        let refused = conv.grad_weight_array(&turned, &gy, &mut gw, update);
        assert_eq!(refused, Err(Error::Strides(Argument::Input)));
        let mut turned = Array3::<f32>::ones((2, 2, 2)).reversed_axes();
        let refused = conv.grad_weight_array(&x, &gy, &mut turned, update);
        assert_eq!(refused, Err(Error::Strides(Argument::GradWeight)));
        let mut backwards = Array1::<f32>::ones(2);
        backwards.invert_axis(ndarray::Axis(0));
        let refused = conv.grad_bias_array(&gy, &mut backwards, update);
        assert_eq!(refused, Err(Error::Strides(Argument::GradBias)));

        assert!(gx.iter().chain(&gw).chain(&gb).chain(&turned).all(|value| *value == 1.0));
    }
}
