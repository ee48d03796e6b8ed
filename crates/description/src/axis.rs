use crate::error::{DescriptionError, Dimension};

/// One axis of a convolution: how an input of `input` elements, a kernel of `kernel` taps,
/// `dilation` apart, and windows `stride` apart meet. Sizes are in elements.
///
/// Window `j` puts tap `u` on input position `j·stride − pad_low + u·dilation`. Positions outside
/// `0..input` are padding: they contribute nothing and are never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    pad_low: isize,
    pad_high: isize,
}

/// A run of `len` consecutive results that use the same `taps` taps:
///
/// ```text
/// result[out + j·out_step] += Σ_u source[src + j·src_step + u·src_tap] · tap[tap + u·tap_step]
///                             j < len, u < taps
/// ```
///
/// All positions are inside their tensors. A span without taps still has its results, to be
/// written as 0 (or the bias).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// First result.
    pub out: usize,
    /// Number of results, at least 1.
    pub len: usize,
    /// Step between results.
    pub out_step: usize,
    /// Source position of the first tap of the first result; 0 if there are no taps.
    pub src: usize,
    /// Step of the source from one result to the next.
    pub src_step: usize,
    /// Step of the source from one tap to the next.
    pub src_tap: usize,
    /// First tap; 0 if there are none.
    pub tap: usize,
    /// Step between taps; negative where the kernel is read backwards.
    pub tap_step: isize,
    /// Number of taps.
    pub taps: usize,
}

/// An input gradient in pairs of neighbours, `2·p` and `2·p + 1`, each pair with a window of the
/// output gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// Window `p` holds all that pair `p` takes. Element `r` of it meets the even tap
    /// `2·(kernel − 1 − r)`, and the odd tap one above; or, if `odd_first`, one below.
    pub windows: Axis,
    /// Whether the first of each pair takes the odd taps.
    pub odd_first: bool,
}

impl Span {
    /// The part of this span that holds results `from..to` of the tensor, if any.
    #[must_use]
    pub fn clip(&self, from: usize, to: usize) -> Option<Self> {
        let skipped = from.saturating_sub(self.out).div_ceil(self.out_step);
        let end = to.saturating_sub(self.out).div_ceil(self.out_step).min(self.len);
        if skipped >= end {
            return None;
        }
        let src = if self.taps == 0 { 0 } else { self.src + skipped * self.src_step };
        let out = self.out + skipped * self.out_step;
        Some(Self { out, len: end - skipped, src, ..*self })
    }
}

impl Axis {
    /// Largest length, step or padding: eight times it still fits `isize`, so that no sum of a few
    /// of them overflows.
    const LIMIT: usize = isize::MAX as usize / 8;

    /// An axis, checked: sizes at least 1, at least one window, nothing that overflows.
    ///
    /// # Errors
    /// [`DescriptionError::Zero`], [`DescriptionError::TooLarge`] or
    /// [`DescriptionError::KernelTooLarge`], in terms of the height; see [`Problem`](crate::Problem)
    /// for two axes.
    pub fn new(
        input: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        pad_low: isize,
        pad_high: isize,
    ) -> Result<Self, DescriptionError> {
        let axis = Self { input, kernel, stride, dilation, pad_low, pad_high };
        axis.check(AxisDimensions::HEIGHT).map(|()| axis)
    }

    pub(crate) fn checked(self, names: AxisDimensions) -> Result<Self, DescriptionError> {
        self.check(names).map(|()| self)
    }

    pub(crate) const fn unchecked(
        input: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        (pad_low, pad_high): (isize, isize),
    ) -> Self {
        Self { input, kernel, stride, dilation, pad_low, pad_high }
    }

    fn check(&self, names: AxisDimensions) -> Result<(), DescriptionError> {
        let sizes = [
            (self.input, names.input),
            (self.kernel, names.kernel),
            (self.stride, names.stride),
            (self.dilation, names.dilation),
        ];
        for (size, name) in sizes {
            if size == 0 {
                return Err(DescriptionError::Zero(name));
            }
            if size > Self::LIMIT {
                return Err(DescriptionError::TooLarge(name));
            }
        }
        for pad in [self.pad_low, self.pad_high] {
            if pad.unsigned_abs() > Self::LIMIT {
                return Err(DescriptionError::TooLarge(names.padding));
            }
        }
        let extent = (self.kernel - 1)
            .checked_mul(self.dilation)
            .filter(|&reach| reach < Self::LIMIT)
            .ok_or(DescriptionError::TooLarge(names.kernel))?
            + 1;
        let padded = self.input as isize + self.pad_low + self.pad_high;
        if padded < extent as isize {
            let padded = padded.max(0) as usize;
            return Err(DescriptionError::KernelTooLarge {
                dimension: names.kernel,
                extent,
                padded,
            });
        }
        Ok(())
    }

    /// Elements of the input.
    #[must_use]
    pub const fn input(&self) -> usize {
        self.input
    }

    /// Taps of the kernel.
    #[must_use]
    pub const fn kernel(&self) -> usize {
        self.kernel
    }

    /// Step between windows.
    #[must_use]
    pub const fn stride(&self) -> usize {
        self.stride
    }

    /// Step between taps.
    #[must_use]
    pub const fn dilation(&self) -> usize {
        self.dilation
    }

    /// Padding before the first element.
    #[must_use]
    pub const fn pad_low(&self) -> isize {
        self.pad_low
    }

    /// Padding after the last element.
    #[must_use]
    pub const fn pad_high(&self) -> isize {
        self.pad_high
    }

    /// Elements that a window spans, `(kernel − 1)·dilation + 1`.
    #[must_use]
    pub const fn extent(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// Number of windows: elements of the output.
    #[must_use]
    pub const fn output(&self) -> usize {
        let padded = self.input as isize + self.pad_low + self.pad_high;
        (padded as usize - self.extent()) / self.stride + 1
    }

    /// The taps of a window that lie inside the input, at dilation 1.
    #[inline]
    #[must_use]
    pub fn dense_taps(&self, window: usize) -> core::ops::Range<usize> {
        let position = (window * self.stride) as isize - self.pad_low;
        let end = (self.input as isize - position).clamp(0, self.kernel as isize) as usize;
        ((-position).max(0) as usize).min(end)..end
    }

    /// The windows all of whose taps lie inside the input.
    #[must_use]
    pub fn whole_windows(&self) -> core::ops::Range<usize> {
        let first = div_ceil(self.pad_low, self.stride as isize).max(0);
        let last = self.input as isize - self.extent() as isize + self.pad_low;
        let end = (last.div_euclid(self.stride as isize) + 1).min(self.output() as isize);
        let first = first.min(end.max(0));
        first as usize..end.max(0) as usize
    }

    /// The windows that have a tap inside the input, at dilation 1.
    #[must_use]
    pub fn live_windows(&self) -> core::ops::Range<usize> {
        let (stride, input) = (self.stride as isize, self.input as isize);
        let first = div_ceil(self.pad_low - (self.kernel as isize - 1), stride).max(0);
        let end = div_ceil(input + self.pad_low, stride).clamp(0, self.output() as isize);
        first.min(end) as usize..end as usize
    }

    /// At stride 1, the axis whose forward pass is this one's input gradient, if the kernel is read
    /// backwards: from the output back to the input.
    #[must_use]
    pub fn adjoint(&self) -> Option<Self> {
        let reach = ((self.kernel - 1) * self.dilation) as isize;
        let (input, output) = (self.input as isize, self.output() as isize);
        let pad_low = reach - self.pad_low;
        let pad_high = input + reach - output - pad_low;
        (self.stride == 1).then_some(Self { input: self.output(), pad_low, pad_high, ..*self })
    }

    /// At stride 2, the input gradient in pairs of neighbours, if the kernel is odd.
    ///
    /// Tap `t` brings output `o` to position `2·o + t − pad_low`, so one of a pair takes the even taps
    /// and the other the odd ones, and the outputs that either takes lie within ⌈kernel/2⌉.
    #[must_use]
    pub fn pairs(&self) -> Option<Pairs> {
        if self.stride != 2 || self.dilation != 1 || self.kernel.is_multiple_of(2) {
            return None;
        }
        let (kernel, count) = (self.kernel.div_ceil(2), self.input.div_ceil(2));
        let odd_first = self.pad_low.rem_euclid(2) == 1;
        let pad_low = kernel as isize - 1 - self.pad_low.div_euclid(2) - isize::from(odd_first);
        let pad_high = (count + kernel - 1) as isize - self.output() as isize - pad_low;
        let (input, stride, dilation) = (self.output(), 1, 1);
        let windows = Self { input, kernel, stride, dilation, pad_low, pad_high };
        Some(Pairs { windows, odd_first })
    }

    /// Number of (window, tap) pairs that lie inside the input: the multiplications along this axis.
    #[must_use]
    pub fn products(&self) -> usize {
        self.forward_spans().map(|span| span.len * span.taps).sum()
    }

    /// The forward pass: results are output positions, the source is the input.
    #[must_use]
    pub fn forward_spans(&self) -> Spans {
        Spans {
            windows: Windows {
                next: 0,
                count: self.output(),
                base: -self.pad_low,
                step: self.stride as isize,
                reach: self.dilation as isize,
                taps: self.kernel,
                limit: self.input as isize,
            },
            role: Role::Forward,
        }
    }

    /// The gradient of the input: results are input positions, the source is the output gradient.
    ///
    /// With `g = gcd(stride, dilation)`, the positions `i ≡ r (mod stride)` use the taps
    /// `t ≡ t₀ (mod stride/g)`, which read the output gradient `dilation/g` apart: a plain
    /// convolution for each residue class `r`, in ascending order of its source, so with the
    /// kernel read backwards. A class that no tap reaches is one span without taps.
    #[must_use]
    pub fn grad_input_spans(&self) -> GradInputSpans {
        GradInputSpans { axis: *self, class: 0, current: None }
    }

    /// The gradient of the kernel: results are taps, the source is the input, and the reduction
    /// runs over output positions; `tap` and `taps` select the output gradient.
    #[must_use]
    pub fn grad_weight_spans(&self) -> Spans {
        Spans {
            windows: Windows {
                next: 0,
                count: self.kernel,
                base: -self.pad_low,
                step: self.dilation as isize,
                reach: self.stride as isize,
                taps: self.output(),
                limit: self.input as isize,
            },
            role: Role::Forward,
        }
    }

    /// The spans of residue class `class` of the input gradient.
    fn class_spans(&self, class: usize) -> Spans {
        let (stride, dilation) = (self.stride as isize, self.dilation as isize);
        let common = gcd(self.stride, self.dilation) as isize;
        let period = stride / common;
        let count = if class < self.input { (self.input - 1 - class) / self.stride + 1 } else { 0 };
        let position = class as isize + self.pad_low;
        // The first tap on this class, if any: t·dilation ≡ position (mod stride).
        let first = (0..period.min(self.kernel as isize))
            .find(|&tap| (position - tap * dilation).rem_euclid(stride) == 0);
        let taps = first.map_or(0, |first| (self.kernel as isize - 1 - first) / period + 1);
        let last_tap = first.unwrap_or(0) + (taps - 1).max(0) * period;
        Spans {
            windows: Windows {
                next: 0,
                count,
                base: (position - last_tap * dilation).div_euclid(stride),
                step: 1,
                reach: dilation / common,
                taps: taps as usize,
                limit: self.output() as isize,
            },
            role: Role::GradInput {
                class,
                stride: self.stride,
                last_tap: last_tap as usize,
                period,
            },
        }
    }
}

/// Names of an axis's sizes in error messages.
#[derive(Clone, Copy)]
pub(crate) struct AxisDimensions {
    input: Dimension,
    kernel: Dimension,
    stride: Dimension,
    dilation: Dimension,
    padding: Dimension,
}

impl AxisDimensions {
    pub(crate) const HEIGHT: Self = Self {
        input: Dimension::InputHeight,
        kernel: Dimension::KernelHeight,
        stride: Dimension::StrideHeight,
        dilation: Dimension::DilationHeight,
        padding: Dimension::PaddingHeight,
    };
    pub(crate) const WIDTH: Self = Self {
        input: Dimension::InputWidth,
        kernel: Dimension::KernelWidth,
        stride: Dimension::StrideWidth,
        dilation: Dimension::DilationWidth,
        padding: Dimension::PaddingWidth,
    };
}

const fn gcd(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A family of `count` windows: window `j` has the positions `base + j·step + u·reach`, `u < taps`,
/// of which those in `0..limit` exist. Since both ends of that range of `u` only fall as `j`
/// grows, the windows that share it are consecutive.
#[derive(Clone, Debug)]
struct Windows {
    next: usize,
    count: usize,
    base: isize,
    step: isize,
    reach: isize,
    taps: usize,
    limit: isize,
}

/// Windows `first..first + len` have the taps `low..high`, none if `low == high`.
struct Run {
    first: usize,
    len: usize,
    low: usize,
    high: usize,
}

impl Windows {
    fn position(&self, window: usize) -> isize {
        self.base + window as isize * self.step
    }

    /// The taps of a window, and the first window whose range differs.
    fn taps_of(&self, window: usize) -> (usize, usize, usize) {
        let position = self.position(window);
        let taps = self.taps as isize;
        let low = div_ceil(-position, self.reach).clamp(0, taps);
        let high = ((self.limit - 1 - position).div_euclid(self.reach) + 1).clamp(0, taps);
        let mut end = self.count as isize;
        if low > 0 {
            end = end.min(div_ceil(-(low - 1) * self.reach - self.base, self.step));
        }
        if high > 0 {
            let last = self.limit - 1 - (high - 1) * self.reach - self.base;
            end = end.min(last.div_euclid(self.step) + 1);
        }
        (low as usize, high as usize, end as usize)
    }
}

impl Iterator for Windows {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let first = self.next;
        if first >= self.count {
            return None;
        }
        let (low, high, mut end) = self.taps_of(first);
        if low < high {
            self.next = end;
            return Some(Run { first, len: end - first, low, high });
        }
        while end < self.count {
            let (low, high, next) = self.taps_of(end);
            if low < high {
                break;
            }
            end = next;
        }
        self.next = end;
        Some(Run { first, len: end - first, low: 0, high: 0 })
    }
}

fn div_ceil(a: isize, b: isize) -> isize {
    -(-a).div_euclid(b)
}

#[derive(Clone, Debug)]
enum Role {
    Forward,
    GradInput { class: usize, stride: usize, last_tap: usize, period: isize },
}

/// The spans of a pass along one axis, in ascending order of their results (for the input
/// gradient: within each residue class).
#[derive(Clone, Debug)]
pub struct Spans {
    windows: Windows,
    role: Role,
}

impl Iterator for Spans {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let Run { first, len, low, high } = self.windows.next()?;
        let taps = high - low;
        let source = self.windows.position(first) + low as isize * self.windows.reach;
        let src = if taps == 0 { 0 } else { source as usize };
        let span = Span {
            out: first,
            len,
            out_step: 1,
            src,
            src_step: self.windows.step as usize,
            src_tap: self.windows.reach as usize,
            tap: low,
            tap_step: 1,
            taps,
        };
        Some(match self.role {
            Role::Forward => span,
            Role::GradInput { class, stride, last_tap, period } => Span {
                out: class + first * stride,
                out_step: stride,
                tap: if taps == 0 { 0 } else { last_tap - low * period as usize },
                tap_step: -period,
                ..span
            },
        })
    }
}

/// The spans of the input gradient, residue class after residue class.
#[derive(Clone, Debug)]
pub struct GradInputSpans {
    axis: Axis,
    class: usize,
    current: Option<Spans>,
}

impl Iterator for GradInputSpans {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        loop {
            if let Some(span) = self.current.as_mut().and_then(Iterator::next) {
                return Some(span);
            }
            if self.class >= self.axis.stride.min(self.axis.input) {
                return None;
            }
            self.current = Some(self.axis.class_spans(self.class));
            self.class += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    /// Every axis with input ≤ 12, kernel ≤ 7, stride ≤ 4, dilation ≤ 3 and −2 ≤ padding ≤ 7.
    fn every_axis() -> impl Iterator<Item = Axis> {
        let sizes = (1..=12).flat_map(|i| (1..=7).map(move |k| (i, k)));
        let steps = sizes.flat_map(|(i, k)| (1..=4).map(move |s| (i, k, s)));
        let windows = steps.flat_map(|(i, k, s)| (1..=3).map(move |d| (i, k, s, d)));
        let low = windows.flat_map(|w| (-2..=7).map(move |l| (w, l)));
        low.flat_map(|(w, l)| (-2..=7).map(move |h| (w, l, h)))
            .filter_map(|((i, k, s, d), l, h)| Axis::new(i, k, s, d, l, h).ok())
    }

    /// Number of products that the definition has for each (result, source, tap).
    fn defined(axis: &Axis, mut product: impl FnMut(usize, usize, usize)) {
        for window in 0..axis.output() {
            for tap in 0..axis.kernel {
                let position = (window * axis.stride + tap * axis.dilation) as isize - axis.pad_low;
                if (0..axis.input as isize).contains(&position) {
                    product(window, position as usize, tap);
                }
            }
        }
    }

    /// Checks spans against the defining products: each result written once, each product once,
    /// ascending in its source, and no position outside its tensor.
    fn check(
        spans: impl Iterator<Item = Span>,
        [results, sources, taps]: [usize; 3],
        mut products: Vec<(usize, usize, usize)>,
    ) -> usize {
        let mut written = vec![0; results];
        let mut found = Vec::new();
        let mut count = 0;
        for span in spans {
            count += 1;
            assert!(span.len > 0, "{span:?}");
            for j in 0..span.len {
                let out = span.out + j * span.out_step;
                written[out] += 1;
                for u in 0..span.taps {
                    let source = span.src + j * span.src_step + u * span.src_tap;
                    let tap = span.tap as isize + u as isize * span.tap_step;
                    assert!(source < sources && (0..taps as isize).contains(&tap), "{span:?}");
                    found.push((out, source, tap as usize));
                }
            }
        }
        assert!(written.iter().all(|&times| times == 1), "written {written:?}");
        found.sort_unstable();
        products.sort_unstable();
        assert_eq!(found, products);
        count
    }

    #[test]
    fn spans_give_the_defining_sums() {
        let (mut axes, mut spans) = (0, 0);
        for axis in every_axis() {
            axes += 1;
            let mut products = [Vec::new(), Vec::new(), Vec::new()];
            defined(&axis, |window, position, tap| {
                products[0].push((window, position, tap));
                products[1].push((position, window, tap));
                products[2].push((tap, position, window));
            });
            let [forward, grad_input, grad_weight] = products;
            assert_eq!(axis.products(), forward.len());
            let (input, output, kernel) = (axis.input, axis.output(), axis.kernel);
            spans += check(axis.forward_spans(), [output, input, kernel], forward);
            spans += check(axis.grad_input_spans(), [input, output, kernel], grad_input);
            spans += check(axis.grad_weight_spans(), [kernel, input, output], grad_weight);
        }
        std::println!("{axes} axes, {spans} spans");
        assert_eq!((axes, spans), (76_360, 694_281));
    }

    #[test]
    fn spans_are_the_longest_runs() {
        for axis in every_axis() {
            let spans: Vec<_> = axis.forward_spans().collect();
            for pair in spans.windows(2) {
                assert_ne!((pair[0].tap, pair[0].taps), (pair[1].tap, pair[1].taps), "{axis:?}");
            }
        }
    }

    #[test]
    fn clipped_spans_keep_their_sources() {
        for stride in [1, 2, 3] {
            let axis = Axis::new(11, 3, stride, 1, 1, 1).unwrap();
            for span in axis.forward_spans().chain(axis.grad_input_spans()) {
                for (from, to) in [(0, 2), (1, 4), (2, 3), (3, 4), (4, 11)] {
                    let results = |span: Span| {
                        (0..span.len).map(move |j| {
                            (span.out + j * span.out_step, span.src + j * span.src_step)
                        })
                    };
                    let inside = results(span).filter(|(out, _)| (from..to).contains(out));
                    let clipped = span.clip(from, to).into_iter().flat_map(results);
                    if span.taps > 0 {
                        assert!(clipped.eq(inside), "{span:?} {from}..{to}");
                    } else {
                        assert_eq!(clipped.count(), inside.count(), "{span:?} {from}..{to}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_adjoint_is_the_input_gradient() {
        let mut adjoints = 0;
        for axis in every_axis() {
            let Some(adjoint) = axis.adjoint() else { continue };
            adjoints += 1;
            assert_eq!(adjoint.output(), axis.input, "{axis:?}");
            let reversed = adjoint.forward_spans().map(|span| {
                let tap = if span.taps == 0 { 0 } else { axis.kernel - 1 - span.tap };
                Span { tap, tap_step: -1, ..span }
            });
            assert!(reversed.eq(axis.grad_input_spans()), "{axis:?}");
        }
        assert!(adjoints > 10_000, "{adjoints}");
    }

    #[test]
    fn pairs_are_the_input_gradient() {
        let mut checked = 0;
        for axis in every_axis() {
            let Some(Pairs { windows, odd_first }) = axis.pairs() else { continue };
            checked += 1;
            let odd = usize::from(odd_first);
            let mut products = Vec::new();
            for span in windows.forward_spans() {
                for (j, u) in (0..span.len).flat_map(|j| (0..span.taps).map(move |u| (j, u))) {
                    let (output, pair) = (span.src + j + u, span.out + j);
                    let even_tap = 2 * (windows.kernel - 1 - span.tap - u);
                    let odd_tap = if odd_first { even_tap.wrapping_sub(1) } else { even_tap + 1 };
                    for (position, tap) in
                        [(2 * pair + odd, even_tap), (2 * pair + 1 - odd, odd_tap)]
                    {
                        if position < axis.input && tap < axis.kernel {
                            products.push((output, position, tap));
                        }
                    }
                }
            }
            let mut expected = Vec::new();
            defined(&axis, |window, position, tap| expected.push((window, position, tap)));
            products.sort_unstable();
            assert_eq!(products, expected, "{axis:?}");
        }
        assert!(checked > 2_000, "{checked}");
    }

    #[test]
    fn taps_and_whole_windows_are_those_of_the_spans() {
        for axis in every_axis() {
            let whole = axis.whole_windows();
            for span in axis.forward_spans() {
                for window in span.out..span.out + span.len {
                    assert_eq!(whole.contains(&window), span.taps == axis.kernel, "{axis:?}");
                    if axis.dilation == 1 {
                        let taps = axis.dense_taps(window);
                        assert_eq!(taps.len(), span.taps, "{axis:?} {window}");
                        assert!(taps.is_empty() || taps.start == span.tap, "{axis:?} {window}");
                    }
                }
            }
        }
    }

    #[test]
    fn hostile_sizes_are_refused() {
        let max = usize::MAX;
        let refused = |axis: Result<Axis, _>| axis.expect_err("refused");
        let zero = |d| DescriptionError::Zero(d);
        assert_eq!(refused(Axis::new(0, 1, 1, 1, 0, 0)), zero(Dimension::InputHeight));
        assert_eq!(refused(Axis::new(1, 0, 1, 1, 0, 0)), zero(Dimension::KernelHeight));
        assert_eq!(refused(Axis::new(1, 1, 0, 1, 0, 0)), zero(Dimension::StrideHeight));
        assert_eq!(refused(Axis::new(1, 1, 1, 0, 0, 0)), zero(Dimension::DilationHeight));
        let large = |d| DescriptionError::TooLarge(d);
        assert_eq!(refused(Axis::new(max, 1, 1, 1, 0, 0)), large(Dimension::InputHeight));
        assert_eq!(refused(Axis::new(9, 30, 1, max / 99, 0, 0)), large(Dimension::KernelHeight));
        assert_eq!(refused(Axis::new(9, 3, 1, 1, isize::MIN, 0)), large(Dimension::PaddingHeight));
        assert_eq!(
            refused(Axis::new(4, 3, 1, 2, 0, 0)),
            DescriptionError::KernelTooLarge {
                dimension: Dimension::KernelHeight,
                extent: 5,
                padded: 4
            }
        );
        let limit = Axis::LIMIT;
        for axis in [
            Axis::new(limit, 1, 1, 1, limit as isize, limit as isize),
            Axis::new(1, limit, limit, 1, limit as isize, limit as isize),
            Axis::new(limit, 2, limit, limit - 1, 0, 0),
        ] {
            let axis = axis.unwrap();
            assert!(axis.forward_spans().count() <= 5);
            assert!(axis.output() <= 3 * limit);
        }
    }
}
