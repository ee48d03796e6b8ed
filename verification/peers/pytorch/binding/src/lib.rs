//! The passes of `depthwise` as C functions, to be timed beside another library in one process.
//!
//! A convolution is made by [`depthwise_new`] and released by [`depthwise_free`]. Tensors are pointers to
//! as many floats as the convolution's shapes have; a pass returns whether it ran.

use std::slice::{from_raw_parts, from_raw_parts_mut};

use depthwise::{Conv, Layout, Leaves, Padding, Update};

/// A depthwise layer, with a multiplier of 1; pairs are `[h, w]`.
#[repr(C)]
pub struct Layer {
    batch: usize,
    channels: usize,
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    /// On both sides alike.
    padding: [usize; 2],
    dilation: [usize; 2],
    /// NHWC instead of NCHW.
    channels_last: bool,
}

/// Text that is not terminated.
#[repr(C)]
pub struct Text {
    start: *const u8,
    length: usize,
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self { start: text.as_ptr(), length: text.len() }
    }
}

/// The convolution of a layer; null if it describes none.
#[unsafe(no_mangle)]
pub extern "C" fn depthwise_new(layer: &Layer) -> Option<Box<Conv>> {
    let [vertical, horizontal] = layer.padding.map(isize::try_from);
    let conv = Conv::builder()
        .batch(layer.batch)
        .channels(layer.channels)
        .input(layer.input)
        .kernel(layer.kernel)
        .stride(layer.stride)
        .padding(Padding::symmetric(vertical.ok()?, horizontal.ok()?))
        .dilation(layer.dilation)
        .layout(if layer.channels_last { Layout::Nhwc } else { Layout::Nchw })
        .build();
    conv.ok().map(Box::new)
}

/// Releases a convolution.
#[unsafe(no_mangle)]
pub extern "C" fn depthwise_free(conv: Option<Box<Conv>>) {
    drop(conv);
}

/// Name of the instruction set that runs a convolution.
#[unsafe(no_mangle)]
pub extern "C" fn depthwise_isa(conv: &Conv) -> Text {
    conv.isa().name().into()
}

/// Name of the instance that computes most of the forward pass.
#[unsafe(no_mangle)]
pub extern "C" fn depthwise_forward_instance(conv: &Conv) -> Text {
    conv.plan().instance().name.into()
}

/// Name of the instance that computes most of the input gradient.
#[unsafe(no_mangle)]
pub extern "C" fn depthwise_grad_input_instance(conv: &Conv) -> Text {
    conv.grad_input_plan().instance().name.into()
}

/// Name of the instance that computes most of the weight gradient.
#[unsafe(no_mangle)]
pub extern "C" fn depthwise_grad_weight_instance(conv: &Conv) -> Text {
    conv.grad_weight_plan().instance().name.into()
}

/// The most roundings that a product of the weight gradient goes through.
#[unsafe(no_mangle)]
pub extern "C" fn depthwise_grad_weight_depth(conv: &Conv) -> usize {
    let leaves = Leaves::new(conv.problem()).count();
    Leaves::POSITIONS + leaves.next_power_of_two().ilog2() as usize + 2
}

/// `output` becomes the convolution of `input` and `weights`.
///
/// # Safety
/// The pointers are to as many floats as the convolution's input, weights and output have; nothing
/// else uses the output meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn depthwise_forward(
    conv: &Conv,
    input: *const f32,
    weights: *const f32,
    output: *mut f32,
) -> bool {
    let problem = conv.problem();
    // SAFETY: as the caller promises.
    let (input, weights, output) = unsafe {
        (
            from_raw_parts(input, problem.input_len()),
            from_raw_parts(weights, problem.weights_len()),
            from_raw_parts_mut(output, problem.output_len()),
        )
    };
    conv.forward(input, weights, None, output).is_ok()
}

/// `grad_input` becomes the gradient of the input.
///
/// # Safety
/// The pointers are to as many floats as the convolution's output, weights and input have; nothing
/// else uses the gradient of the input meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn depthwise_grad_input(
    conv: &Conv,
    grad_output: *const f32,
    weights: *const f32,
    grad_input: *mut f32,
) -> bool {
    let problem = conv.problem();
    // SAFETY: as the caller promises.
    let (grad_output, weights, grad_input) = unsafe {
        (
            from_raw_parts(grad_output, problem.output_len()),
            from_raw_parts(weights, problem.weights_len()),
            from_raw_parts_mut(grad_input, problem.input_len()),
        )
    };
    conv.grad_input(grad_output, weights, grad_input, Update::Overwrite).is_ok()
}

/// `grad_weight` becomes the gradient of the weights.
///
/// # Safety
/// The pointers are to as many floats as the convolution's input, output and weights have; nothing
/// else uses the gradient of the weights meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn depthwise_grad_weight(
    conv: &Conv,
    input: *const f32,
    grad_output: *const f32,
    grad_weight: *mut f32,
) -> bool {
    let problem = conv.problem();
    // SAFETY: as the caller promises.
    let (input, grad_output, grad_weight) = unsafe {
        (
            from_raw_parts(input, problem.input_len()),
            from_raw_parts(grad_output, problem.output_len()),
            from_raw_parts_mut(grad_weight, problem.weights_len()),
        )
    };
    conv.grad_weight(input, grad_output, grad_weight, Update::Overwrite).is_ok()
}
