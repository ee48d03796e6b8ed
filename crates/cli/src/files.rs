//! One problem from NumPy files.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use depthwise::{Conv, Layout, Update};
use depthwise_verification::Pass;

use crate::kernels::name_on;
use crate::memory::zeros;
use crate::npy;
use crate::options::PaddingRule;
use crate::run::Args;

/// A tensor, and the file or option that it comes from.
struct Named {
    name: String,
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Named {
    fn read(path: &Path) -> Result<Self> {
        let npy::Tensor { shape, data } = npy::read(path)?;
        Ok(Self { name: path.display().to_string(), shape, data })
    }

    fn expect(&self, expected: &[usize]) -> Result<()> {
        let Self { name, shape, .. } = self;
        ensure!(shape == expected, "{name}: has shape {shape:?}, expected {expected:?}");
        Ok(())
    }
}

/// Computes the pass that `args` ask for.
pub fn answer(args: &Args, out: &mut impl Write) -> Result<()> {
    let output = args.needed("--output", &args.output)?;
    let (conv, Named { shape, data, .. }) = match args.pass {
        Pass::Forward => forward(args)?,
        Pass::GradInput => grad_input(args, output)?,
        Pass::GradWeight => grad_weight(args, output)?,
        Pass::GradBias => grad_bias(args, output)?,
    };
    npy::write(output, &shape, &data)?;
    write!(out, "{}: {shape:?}", output.display())?;
    if let Some(plan) = args.pass.plan(&conv) {
        write!(out, " by {}", name_on(plan.instance(), conv.isa()))?;
    }
    writeln!(out)?;
    Ok(())
}

fn forward(args: &Args) -> Result<(Conv, Named)> {
    let x = args.needed("--input", &args.input)?;
    let weights = args.needed("--weights", &args.weights)?;
    let (x, weights) = (Named::read(x)?, Named::read(weights)?);
    let bias = args.bias.as_deref().map(Named::read).transpose()?;
    let conv = convolution(args, &x, &weights)?;
    if let Some(bias) = &bias {
        bias.expect(&[conv.problem().output_channels()])?;
    }
    let data = zeros(conv.problem().output_len())?;
    let mut y = Named { name: "y".into(), shape: conv.output_shape().to_vec(), data };
    let bias = bias.as_ref().map(|bias| bias.data.as_slice());
    conv.forward(&x.data, &weights.data, bias, &mut y.data)?;
    Ok((conv, y))
}

fn grad_input(args: &Args, output: &Path) -> Result<(Conv, Named)> {
    let gy = args.needed("--grad-output", &args.grad_output)?;
    let weights = args.needed("--weights", &args.weights)?;
    let mut gx = gradient(args, output)?;
    let (gy, weights) = (Named::read(gy)?, Named::read(weights)?);
    let conv = convolution(args, &gx, &weights)?;
    gy.expect(&conv.output_shape())?;
    let update = start(&mut gx, conv.problem().input_len())?;
    conv.grad_input(&gy.data, &weights.data, &mut gx.data, update)?;
    Ok((conv, gx))
}

fn grad_weight(args: &Args, output: &Path) -> Result<(Conv, Named)> {
    let x = args.needed("--input", &args.input)?;
    let gy = args.needed("--grad-output", &args.grad_output)?;
    let mut gw = gradient(args, output)?;
    let (x, gy) = (Named::read(x)?, Named::read(gy)?);
    let conv = convolution(args, &x, &gw)?;
    gy.expect(&conv.output_shape())?;
    let update = start(&mut gw, conv.problem().weights_len())?;
    conv.grad_weight(&x.data, &gy.data, &mut gw.data, update)?;
    Ok((conv, gw))
}

fn grad_bias(args: &Args, output: &Path) -> Result<(Conv, Named)> {
    let gy = Named::read(args.needed("--grad-output", &args.grad_output)?)?;
    let (batch, outputs, size) = image_sizes(&gy.shape, args.layout).with_context(|| gy.name)?;
    // The gradient of a bias is a sum over its channel, whatever the window: so is that of a 1×1 one.
    let conv = Conv::builder().batch(batch).channels(outputs).input(size);
    let conv = conv.layout(args.layout).isa(args.isa).build()?;
    let mut gb = if args.accumulate {
        Named::read(output)?
    } else {
        Named { name: "gb".into(), shape: vec![outputs], data: Vec::new() }
    };
    gb.expect(&[outputs])?;
    let update = start(&mut gb, outputs)?;
    conv.grad_bias(&gy.data, &mut gb.data, update)?;
    Ok((conv, gb))
}

/// A gradient before it is computed: what it is added to, or no more than a shape.
fn gradient(args: &Args, output: &Path) -> Result<Named> {
    if args.accumulate {
        Named::read(output)
    } else if args.shape.is_empty() {
        Err(args.lacks("--shape"))
    } else {
        Ok(Named { name: "--shape".into(), shape: args.shape.clone(), data: Vec::new() })
    }
}

/// Gives a gradient the elements that it has not got, and says what is to become of them.
fn start(gradient: &mut Named, len: usize) -> Result<Update> {
    if gradient.data.is_empty() {
        gradient.data = zeros(len)?;
        return Ok(Update::Overwrite);
    }
    Ok(Update::Accumulate)
}

/// The convolution of an input and weights of these shapes.
fn convolution(args: &Args, x: &Named, weights: &Named) -> Result<Conv> {
    let (batch, channels, size) =
        image_sizes(&x.shape, args.layout).with_context(|| x.name.clone())?;
    let (kernel, multiplier) = weights_sizes(&weights.shape, args.layout, channels)
        .with_context(|| weights.name.clone())?;
    let builder = Conv::builder()
        .batch(batch)
        .channels(channels)
        .multiplier(multiplier)
        .input(size)
        .kernel(kernel)
        .stride(args.stride.unwrap_or([1; 2]))
        .dilation(args.dilation.unwrap_or([1; 2]))
        .layout(args.layout)
        .activation(args.activation.unwrap_or_default())
        .isa(args.isa);
    let conv = match args.padding {
        None => builder,
        Some(PaddingRule::SameUpper) => builder.same_upper(),
        Some(PaddingRule::SameLower) => builder.same_lower(),
        Some(PaddingRule::Explicit(padding)) => builder.padding(padding),
    };
    Ok(conv.build()?)
}

/// Batch, channels and `[h][w]` of an input or an output.
fn image_sizes(shape: &[usize], layout: Layout) -> Result<(usize, usize, [usize; 2])> {
    match (layout, shape) {
        (Layout::Nhwc, &[n, h, w, c]) | (Layout::Nchw, &[n, c, h, w]) => Ok((n, c, [h, w])),
        (Layout::Nhwc, _) => bail!("has shape {shape:?}, expected [n, h, w, c]"),
        (Layout::Nchw, _) => bail!("has shape {shape:?}, expected [n, c, h, w]"),
    }
}

/// `[kh][kw]` and multiplier of weights.
fn weights_sizes(shape: &[usize], layout: Layout, channels: usize) -> Result<([usize; 2], usize)> {
    let (kernel, dimension, outputs) = match (layout, shape) {
        (Layout::Nhwc, &[kh, kw, outputs]) => ([kh, kw], 2, outputs),
        (Layout::Nhwc, &[kh, kw, c, multiplier]) => {
            ensure!(c == channels, "dimension 2 is {c}, but the input has {channels} channels");
            return Ok(([kh, kw], multiplier));
        }
        (Layout::Nchw, &[outputs, kh, kw]) => ([kh, kw], 0, outputs),
        (Layout::Nchw, &[outputs, group, kh, kw]) => {
            ensure!(group == 1, "dimension 1 is {group}; in depthwise weights it is 1");
            ([kh, kw], 0, outputs)
        }
        (Layout::Nhwc, _) => {
            bail!("has shape {shape:?}, expected [kh, kw, c·m] or [kh, kw, c, m]")
        }
        (Layout::Nchw, _) => {
            bail!("has shape {shape:?}, expected [c·m, kh, kw] or [c·m, 1, kh, kw]")
        }
    };
    ensure!(
        outputs % channels == 0,
        "dimension {dimension} is {outputs}, no multiple of the input's {channels} channels"
    );
    Ok((kernel, outputs / channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_as_frameworks_have_them() {
        let sizes = |shape: &[usize], layout| weights_sizes(shape, layout, 4).ok();
        assert_eq!(sizes(&[3, 5, 8], Layout::Nhwc), Some(([3, 5], 2)));
        assert_eq!(sizes(&[3, 5, 4, 2], Layout::Nhwc), Some(([3, 5], 2)));
        assert_eq!(sizes(&[8, 3, 5], Layout::Nchw), Some(([3, 5], 2)));
        assert_eq!(sizes(&[8, 1, 3, 5], Layout::Nchw), Some(([3, 5], 2)));
        assert_eq!(sizes(&[3, 5, 6], Layout::Nhwc), None);
        assert_eq!(sizes(&[3, 5, 2, 4], Layout::Nhwc), None);
        assert_eq!(sizes(&[8, 4, 3, 5], Layout::Nchw), None);
        assert_eq!(sizes(&[3, 5], Layout::Nchw), None);
    }
}
