//! `depthwise run`: one problem from NumPy files, or every case of a folder.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use depthwise::{Activation, Conv, Isa, Layout};
use depthwise_verification::Pass;

use crate::cases;
use crate::kernels::name_on;
use crate::npy;
use crate::options::{self, PaddingRule};

/// Compute one problem from NumPy files, or every case of a folder
#[derive(clap::Args)]
pub struct Args {
    /// Input, [n,h,w,c] or [n,c,h,w] by the layout
    #[arg(long, value_name = "FILE", required_unless_present = "cases")]
    input: Option<PathBuf>,
    /// Weights, [kh,kw,c·m] or [kh,kw,c,m] for NHWC, [c·m,kh,kw] or [c·m,1,kh,kw] for NCHW
    #[arg(long, value_name = "FILE", required_unless_present = "cases")]
    weights: Option<PathBuf>,
    /// Bias, [c·m]
    #[arg(long, value_name = "FILE")]
    bias: Option<PathBuf>,
    /// Where the output is written
    #[arg(long, value_name = "FILE", required_unless_present = "cases")]
    output: Option<PathBuf>,
    /// Step between windows: N, or H,W
    #[arg(long, default_value = "1", value_parser = options::pair)]
    stride: [usize; 2],
    /// Step between the taps of a window: N, or H,W
    #[arg(long, default_value = "1", value_parser = options::pair)]
    dilation: [usize; 2],
    /// same-upper, same-lower, valid, N, H,W or T,B,L,R; negative numbers crop
    #[arg(long, default_value = "valid", value_parser = options::padding, allow_hyphen_values = true)]
    padding: PaddingRule,
    /// none, relu, relu6, relu-n1-to-1 or MIN,MAX
    #[arg(long, default_value = "none", value_parser = options::activation, allow_hyphen_values = true)]
    activation: Activation,
    /// What is computed
    #[arg(long, default_value = Pass::Forward.name(), value_parser = options::pass())]
    pass: Pass,
    /// Answer the cases in folder IN, in files in folder OUT (docs/case-folder.md)
    #[arg(
        long,
        num_args = 2,
        value_names = ["IN", "OUT"],
        conflicts_with_all = [
            "input", "weights", "bias", "output", "stride", "dilation", "padding", "activation", "pass",
        ]
    )]
    cases: Option<Vec<PathBuf>>,
    /// Order of the dimensions of tensors (in cases: of the kernels, for the files are always NCHW)
    #[arg(long, default_value = Layout::Nhwc.name(), value_parser = options::layout())]
    layout: Layout,
    /// Instruction set
    #[arg(long, default_value = "auto", value_parser = options::isa())]
    isa: Isa,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<()> {
    options::require(args.isa)?;
    if let Some([input, output]) = args.cases.as_deref() {
        return cases::answer(input, output, args.layout, args.isa, out);
    }
    let (Some(input), Some(weights), Some(output)) = (&args.input, &args.weights, &args.output)
    else {
        bail!("--input, --weights and --output are needed");
    };
    ensure!(args.pass == Pass::Forward, "{} is computed of cases only", args.pass.name());
    let x = npy::read(input)?;
    let w = npy::read(weights)?;
    let bias = args.bias.as_deref().map(npy::read).transpose()?;

    let (batch, channels, size) =
        input_sizes(&x.shape, args.layout).with_context(|| input.display().to_string())?;
    let (kernel, multiplier) = weights_sizes(&w.shape, args.layout, channels)
        .with_context(|| weights.display().to_string())?;
    if let (Some(path), Some(bias)) = (&args.bias, &bias) {
        bias_sizes(&bias.shape, channels * multiplier)
            .with_context(|| path.display().to_string())?;
    }

    let builder = Conv::builder()
        .batch(batch)
        .channels(channels)
        .multiplier(multiplier)
        .input(size)
        .kernel(kernel)
        .stride(args.stride)
        .dilation(args.dilation)
        .layout(args.layout)
        .activation(args.activation)
        .isa(args.isa);
    let conv = match args.padding {
        PaddingRule::SameUpper => builder.same_upper(),
        PaddingRule::SameLower => builder.same_lower(),
        PaddingRule::Explicit(padding) => builder.padding(padding),
    }
    .build()?;

    let mut y = vec![0.0; conv.problem().output_len()];
    conv.forward(&x.data, &w.data, bias.as_ref().map(|bias| bias.data.as_slice()), &mut y)?;
    npy::write(output, &conv.output_shape(), &y)?;
    let instance = name_on(conv.plan().instance(), conv.isa());
    writeln!(out, "{}: {:?} by {instance}", output.display(), conv.output_shape())?;
    Ok(())
}

/// Batch, channels and `[h][w]` of an input.
fn input_sizes(shape: &[usize], layout: Layout) -> Result<(usize, usize, [usize; 2])> {
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
            ([kh, kw], 2, c * multiplier)
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

fn bias_sizes(shape: &[usize], outputs: usize) -> Result<()> {
    ensure!(
        shape == [outputs],
        "has shape {shape:?}, expected [{outputs}], an element per output channel"
    );
    Ok(())
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
