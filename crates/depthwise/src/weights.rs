use depthwise_description::Layout;

use crate::error::{Argument, Error};

/// Rearranges weights from one layout's order to the other's: `[kh][kw][c·m]` for NHWC,
/// `[c·m][kh][kw]` for NCHW.
///
/// - `kernel`: `[kh][kw]`
/// - `channels`: output channels, `c·m`
///
/// # Errors
/// [`Error::Length`] if a slice has not `kh·kw·channels` elements; `to` is untouched.
pub fn convert_weights(
    (from, from_layout): (&[f32], Layout),
    (to, to_layout): (&mut [f32], Layout),
    kernel: [usize; 2],
    channels: usize,
) -> Result<(), Error> {
    let expected = kernel[0].saturating_mul(kernel[1]).saturating_mul(channels);
    let lengths = [(Argument::Weights, from.len()), (Argument::Output, to.len())];
    for (argument, found) in lengths {
        if found != expected {
            return Err(Error::Length { argument, expected, found });
        }
    }
    if from_layout == to_layout {
        to.copy_from_slice(from);
        return Ok(());
    }
    // The rows of one order are the columns of the other.
    let taps = kernel[0].saturating_mul(kernel[1]);
    let columns = if from_layout == Layout::Nhwc { channels } else { taps };
    let rows = expected.checked_div(columns).unwrap_or(0);
    for (i, &weight) in from.iter().enumerate() {
        to[i % columns * rows + i / columns] = weight;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        // Two channels of a 1×3 kernel.
        let nhwc = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        let nchw = [1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
        for (from, from_layout, to, to_layout) in [
            (&nhwc, Layout::Nhwc, &nchw, Layout::Nchw),
            (&nchw, Layout::Nchw, &nhwc, Layout::Nhwc),
            (&nhwc, Layout::Nhwc, &nhwc, Layout::Nhwc),
        ] {
            let mut out = [0.0; 6];
            convert_weights((from, from_layout), (&mut out, to_layout), [1, 3], 2).unwrap();
            assert_eq!(&out, to);
        }
    }

    #[test]
    fn lengths_are_checked() {
        let mut out = [7.0; 5];
        let refused =
            convert_weights((&[0.0; 6], Layout::Nhwc), (&mut out, Layout::Nchw), [1, 3], 2);
        let length = Error::Length { argument: Argument::Output, expected: 6, found: 5 };
        assert_eq!((refused, out), (Err(length), [7.0; 5]));
        let huge =
            convert_weights((&[], Layout::Nhwc), (&mut [], Layout::Nchw), [usize::MAX; 2], 2);
        assert!(huge.is_err());
    }
}
