use crate::axis::{Axis, GradInputSpans, Pairs, Span, Spans};
use crate::problem::{Pass, Problem};

/// A pass that computes each result from a window of its source: the output from the input, or the
/// gradient of the input from that of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sweep {
    /// Size of the source, `[h][w]`.
    pub source: [usize; 2],
    /// Channels of the source.
    pub source_channels: usize,
    /// Size of the results, `[h][w]`.
    pub results: [usize; 2],
    /// Channels of the results.
    pub result_channels: usize,
    /// Axes of the forward convolution that it is, `[h][w]`: for an input gradient only at stride 1.
    pub(crate) convolution: Option<[Axis; 2]>,
    /// Its columns in pairs: for an input gradient at stride 2.
    pub(crate) pairs: Option<Pairs>,
    /// Whether it reads the kernel backwards.
    pub(crate) reversed: bool,
    axes: [Axis; 2],
}

impl Sweep {
    /// The sweep of a forward or input gradient problem.
    pub(crate) fn new(problem: &Problem) -> Self {
        let axes = [problem.height(), problem.width()];
        let (inputs, outputs) = (axes.map(|axis| axis.input()), axes.map(|axis| axis.output()));
        let (channels, output_channels) = (problem.channels(), problem.output_channels());
        if problem.pass() == Pass::GradInput {
            let [height, width] = axes.map(|axis| axis.adjoint());
            return Self {
                source: outputs,
                source_channels: output_channels,
                results: inputs,
                result_channels: channels,
                convolution: height.zip(width).map(|(height, width)| [height, width]),
                pairs: axes[1].pairs(),
                reversed: true,
                axes,
            };
        }
        Self {
            source: inputs,
            source_channels: channels,
            results: outputs,
            result_channels: output_channels,
            convolution: Some(axes),
            pairs: None,
            reversed: false,
            axes,
        }
    }

    /// Whether it is an input gradient.
    #[must_use]
    pub const fn is_gradient(&self) -> bool {
        self.reversed
    }

    /// The windows of its columns, and how many results each has, if tiles can slide over them.
    #[must_use]
    pub fn column_windows(&self) -> Option<(Axis, usize)> {
        match (self.convolution, self.pairs) {
            (Some([_, width]), _) => Some((width, 1)),
            (None, Some(pairs)) => Some((pairs.windows, 2)),
            (None, None) => None,
        }
    }

    /// Spans of its rows.
    #[must_use]
    pub fn rows(&self) -> SweepSpans {
        self.spans(0)
    }

    /// Spans of its columns.
    #[must_use]
    pub fn columns(&self) -> SweepSpans {
        self.spans(1)
    }

    fn spans(&self, axis: usize) -> SweepSpans {
        if self.reversed {
            SweepSpans::GradInput(self.axes[axis].grad_input_spans())
        } else {
            SweepSpans::Forward(self.axes[axis].forward_spans())
        }
    }
}

/// Spans of either kind of sweep.
#[derive(Clone, Debug)]
pub enum SweepSpans {
    /// Windows of the input.
    Forward(Spans),
    /// Windows of the output gradient.
    GradInput(GradInputSpans),
}

impl Iterator for SweepSpans {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        match self {
            Self::Forward(spans) => spans.next(),
            Self::GradInput(spans) => spans.next(),
        }
    }
}
