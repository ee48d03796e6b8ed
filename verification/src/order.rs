//! Where the element at given coordinates lies in memory.

use depthwise::Layout;

use crate::pass::Pass;
use crate::shape::Shape;

/// Index of element `[n, c, h, w]` in a tensor of `channels` channels of `[h, w]` elements.
pub fn image(
    layout: Layout,
    channels: usize,
    [height, width]: [usize; 2],
    [n, c, h, w]: [usize; 4],
) -> usize {
    match layout {
        Layout::Nhwc => ((n * height + h) * width + w) * channels + c,
        Layout::Nchw => ((n * channels + c) * height + h) * width + w,
    }
}

/// Index of input element `[n, c, h, w]`.
pub fn input(layout: Layout, shape: &Shape, at: [usize; 4]) -> usize {
    image(layout, shape.channels, shape.input, at)
}

/// Index of output element `[n, c·m, oh, ow]`.
pub fn output(layout: Layout, shape: &Shape, at: [usize; 4]) -> usize {
    image(layout, shape.output_channels(), shape.output(), at)
}

/// Index of weight `[c·m, kh, kw]`.
pub fn weight(layout: Layout, shape: &Shape, [o, u, v]: [usize; 3]) -> usize {
    let [rows, columns] = shape.kernel;
    match layout {
        Layout::Nhwc => (u * columns + v) * shape.output_channels() + o,
        Layout::Nchw => (o * rows + u) * columns + v,
    }
}

/// Coordinates of all elements `[n, c, h, w]`, in this order.
pub fn coordinates(
    batch: usize,
    channels: usize,
    [height, width]: [usize; 2],
) -> impl Iterator<Item = [usize; 4]> {
    let sizes = [batch, channels, height, width];
    let mut next = [0; 4];
    // Counted, not divided: there are more of these than of anything else.
    (0..sizes.iter().product()).map(move |_| {
        let at = next;
        for axis in (0..4).rev() {
            next[axis] += 1;
            if axis == 0 || next[axis] < sizes[axis] {
                break;
            }
            next[axis] = 0;
        }
        at
    })
}

/// Coordinates of all results of a pass, in the order of [`reference`](crate::reference)'s results.
pub fn results(pass: Pass, shape: &Shape) -> impl Iterator<Item = [usize; 4]> + use<> {
    let (batch, channels, size) = pass.results(shape);
    coordinates(batch, channels, size)
}

/// How many results a pass has.
pub fn count(pass: Pass, shape: &Shape) -> usize {
    let (batch, channels, [height, width]) = pass.results(shape);
    batch * channels * height * width
}

/// Index of the result of a pass at the coordinates that [`results`] gives it.
pub fn result(pass: Pass, layout: Layout, shape: &Shape, at: [usize; 4]) -> usize {
    let [_, o, u, v] = at;
    match pass {
        Pass::Forward => output(layout, shape, at),
        Pass::GradInput => input(layout, shape, at),
        Pass::GradWeight => weight(layout, shape, [o, u, v]),
        Pass::GradBias => o,
    }
}

/// Coordinates of all output elements, in the order of [`reference`](crate::reference)'s results.
pub fn outputs(shape: &Shape) -> impl Iterator<Item = [usize; 4]> {
    coordinates(shape.batch, shape.output_channels(), shape.output())
}
