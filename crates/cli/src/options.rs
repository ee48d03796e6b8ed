//! Values of options that several commands share.

use std::fmt::Display;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use depthwise::{Activation, Isa, Layout, Padding};
use depthwise_verification::Pass;

const AUTO: &str = "auto";

/// `--isa`: `auto` is the best of this build on this machine.
pub fn isa() -> impl TypedValueParser<Value = Isa> {
    let names = [AUTO].into_iter().chain(Isa::ALL.map(Isa::name));
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        AUTO => Ok(Isa::best()),
        name => name.parse(),
    })
}

/// Refuses an instruction set that this build or machine does not have.
pub fn require(isa: Isa) -> anyhow::Result<()> {
    anyhow::ensure!(
        isa.available(),
        "this build has no {isa} on this machine, it has {}",
        available().join(", ")
    );
    Ok(())
}

/// Names of the instruction sets that this build has on this machine.
pub fn available() -> Vec<&'static str> {
    Isa::ALL.into_iter().filter(|isa| isa.available()).map(Isa::name).collect()
}

/// `--layout`
pub fn layout() -> impl TypedValueParser<Value = Layout> {
    PossibleValuesParser::new(Layout::ALL.map(Layout::name))
        .map(|name| if name == Layout::Nchw.name() { Layout::Nchw } else { Layout::Nhwc })
}

/// `--pass`
pub fn pass() -> impl TypedValueParser<Value = Pass> {
    PossibleValuesParser::new(Pass::ALL.map(Pass::name)).try_map(|name| {
        let pass = Pass::ALL.into_iter().find(|pass| pass.name() == name);
        pass.ok_or("no such pass")
    })
}

/// `N`, or `H,W`.
pub fn pair(text: &str) -> Result<[usize; 2], String> {
    match *numbers(text)?.as_slice() {
        [both] => Ok([both; 2]),
        [height, width] => Ok([height, width]),
        _ => Err("expected N or H,W".into()),
    }
}

/// The padding of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PaddingRule {
    /// TensorFlow's SAME, ONNX's `SAME_UPPER`.
    SameUpper,
    /// ONNX's `SAME_LOWER`.
    SameLower,
    /// These rows and columns.
    Explicit(Padding),
}

/// `same-upper`, `same-lower`, `valid`, `N`, `H,W` or `T,B,L,R`.
pub fn padding(text: &str) -> Result<PaddingRule, String> {
    let padding = match text {
        "same-upper" => return Ok(PaddingRule::SameUpper),
        "same-lower" => return Ok(PaddingRule::SameLower),
        "valid" => Padding::valid(),
        _ => match *numbers(text)?.as_slice() {
            [all] => Padding::symmetric(all, all),
            [height, width] => Padding::symmetric(height, width),
            [top, bottom, left, right] => Padding { top, bottom, left, right },
            _ => return Err("expected N, H,W or T,B,L,R".into()),
        },
    };
    Ok(PaddingRule::Explicit(padding))
}

/// `none`, `relu`, `relu6`, `relu-n1-to-1` or `MIN,MAX`.
pub fn activation(text: &str) -> Result<Activation, String> {
    match text {
        "none" => Ok(Activation::None),
        "relu" => Ok(Activation::Relu),
        "relu6" => Ok(Activation::Relu6),
        "relu-n1-to-1" => Ok(Activation::Clamp { min: -1.0, max: 1.0 }),
        _ => match *numbers(text)?.as_slice() {
            [min, max] => Ok(Activation::Clamp { min, max }),
            _ => Err("expected a name or MIN,MAX".into()),
        },
    }
}

fn numbers<N: FromStr<Err: Display>>(text: &str) -> Result<Vec<N>, String> {
    let number = |word: &str| word.trim().parse().map_err(|error| format!("`{word}`: {error}"));
    text.split(',').map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        assert_eq!(pair("2"), Ok([2, 2]));
        assert_eq!(pair("2, 1"), Ok([2, 1]));
        for wrong in ["", "1,2,3", "-1", "x", "1,"] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn paddings() {
        let explicit = |top, bottom, left, right| {
            Ok(PaddingRule::Explicit(Padding { top, bottom, left, right }))
        };
        assert_eq!(padding("same-upper"), Ok(PaddingRule::SameUpper));
        assert_eq!(padding("same-lower"), Ok(PaddingRule::SameLower));
        assert_eq!(padding("valid"), explicit(0, 0, 0, 0));
        assert_eq!(padding("3"), explicit(3, 3, 3, 3));
        assert_eq!(padding("1,2"), explicit(1, 1, 2, 2));
        assert_eq!(padding("1,2,3,-4"), explicit(1, 2, 3, -4));
        for wrong in ["same", "1,2,3", "1,2,3,4,5", "", "1.5"] {
            assert!(padding(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn activations() {
        assert_eq!(activation("relu6"), Ok(Activation::Relu6));
        assert_eq!(activation("relu-n1-to-1"), activation("-1,1"));
        let (min, max) = (f32::NEG_INFINITY, 2.5);
        assert_eq!(activation("-inf,2.5"), Ok(Activation::Clamp { min, max }));
        for wrong in ["RELU", "1", "1,2,3", "a,b"] {
            assert!(activation(wrong).is_err(), "{wrong}");
        }
    }
}
