//! `depthwise run`: one problem from NumPy files, or every case of a folder.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::builder::RangedU64ValueParser;
use clap::error::ErrorKind;
use depthwise::{Activation, Isa, Layout};
use depthwise_verification::Pass;

use crate::options::{self, PaddingRule};
use crate::{cases, files};

/// Compute one problem from NumPy files, or every case of a folder
///
/// Files and options by pass:
///   forward      --input --weights [--bias] [--activation]
///   grad_input   --grad-output --weights --shape
///   grad_weight  --input --grad-output --shape
///   grad_bias    --grad-output
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// What is computed
    #[arg(long, default_value = Pass::Forward.name(), value_parser = options::pass())]
    pub pass: Pass,
    /// Input, [n,h,w,c] or [n,c,h,w] by the layout
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Weights, [kh,kw,c·m] or [kh,kw,c,m] for NHWC, [c·m,kh,kw] or [c·m,1,kh,kw] for NCHW
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Bias, [c·m]; none unless given
    #[arg(long, value_name = "FILE")]
    pub bias: Option<PathBuf>,
    /// Gradient of the output, [n,oh,ow,c·m] or [n,c·m,oh,ow] by the layout
    #[arg(long, visible_alias = "grad-y", value_name = "FILE")]
    pub grad_output: Option<PathBuf>,
    /// Shape of the gradient of an input or of weights, which nothing else tells: as they have it
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        value_parser = RangedU64ValueParser::<usize>::new().range(1..)
    )]
    pub shape: Vec<usize>,
    /// Where the output or the gradient is written
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Add the gradient to what the output file has; no --shape is needed then
    #[arg(long, conflicts_with = "shape")]
    pub accumulate: bool,
    /// Step between windows: N, or H,W; 1 unless given
    #[arg(long, value_parser = options::pair)]
    pub stride: Option<[usize; 2]>,
    /// Step between the taps of a window: N, or H,W; 1 unless given
    #[arg(long, value_parser = options::pair)]
    pub dilation: Option<[usize; 2]>,
    /// same-upper, same-lower, valid, N, H,W or T,B,L,R; negative numbers crop; valid unless given
    #[arg(long, value_parser = options::padding, allow_hyphen_values = true)]
    pub padding: Option<PaddingRule>,
    /// none, relu, relu6, relu-n1-to-1 or MIN,MAX; none unless given
    #[arg(long, value_parser = options::activation, allow_hyphen_values = true)]
    pub activation: Option<Activation>,
    /// Answer the cases in folder IN, in files in folder OUT (docs/case-folder.md)
    #[arg(
        long,
        num_args = 2,
        value_names = ["IN", "OUT"],
        conflicts_with_all = [
            "pass", "input", "weights", "bias", "grad_output", "shape", "output", "accumulate",
            "stride", "dilation", "padding", "activation",
        ]
    )]
    cases: Option<Vec<PathBuf>>,
    /// Order of the dimensions of tensors (in cases: of the kernels, for the files are always NCHW)
    #[arg(long, default_value = Layout::Nhwc.name(), value_parser = options::layout())]
    pub layout: Layout,
    /// Instruction set
    #[arg(long, default_value = "auto", value_parser = options::isa())]
    pub isa: Isa,
}

impl Args {
    /// The path that `option` has.
    ///
    /// # Errors
    /// Wrong usage if it is not given.
    pub fn needed<'a>(&self, option: &str, path: &'a Option<PathBuf>) -> Result<&'a Path> {
        path.as_deref().ok_or_else(|| self.lacks(option))
    }

    /// Wrong usage: `option` is not given.
    pub fn lacks(&self, option: &str) -> anyhow::Error {
        let message = format!("{option} is needed for {}", self.pass.name());
        wrong(ErrorKind::MissingRequiredArgument, message)
    }

    /// Refuses options that the pass has no use for.
    fn check_use(&self) -> Result<()> {
        use Pass::{Forward, GradBias, GradInput, GradWeight};
        let windows: &[Pass] = &[Forward, GradInput, GradWeight];
        let uses: [(&str, bool, &[Pass]); 10] = [
            ("--input", self.input.is_some(), &[Forward, GradWeight]),
            ("--weights", self.weights.is_some(), &[Forward, GradInput]),
            ("--bias", self.bias.is_some(), &[Forward]),
            ("--grad-output", self.grad_output.is_some(), &[GradInput, GradWeight, GradBias]),
            ("--shape", !self.shape.is_empty(), &[GradInput, GradWeight]),
            ("--accumulate", self.accumulate, &[GradInput, GradWeight, GradBias]),
            ("--stride", self.stride.is_some(), windows),
            ("--dilation", self.dilation.is_some(), windows),
            ("--padding", self.padding.is_some(), windows),
            ("--activation", self.activation.is_some(), &[Forward]),
        ];
        match uses.into_iter().find(|(_, given, passes)| *given && !passes.contains(&self.pass)) {
            Some((option, ..)) => {
                let message = format!("{option} is of no use for {}", self.pass.name());
                Err(wrong(ErrorKind::ArgumentConflict, message))
            }
            None => Ok(()),
        }
    }
}

fn wrong(kind: ErrorKind, message: String) -> anyhow::Error {
    let command = clap::Command::new("run").bin_name("depthwise run");
    <Args as clap::Args>::augment_args(command).error(kind, message).into()
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<()> {
    options::require(args.isa)?;
    if let Some([input, output]) = args.cases.as_deref() {
        return cases::answer(input, output, args.layout, args.isa, out);
    }
    args.check_use()?;
    files::answer(args, out)
}
