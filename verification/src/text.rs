//! Cases as text.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use depthwise::{Activation, Instance, Layout, Machine, Update};

use crate::bytes::from_hex;
use crate::case::Case;
use crate::data::Data;
use crate::pass::Pass;
use crate::shape::Shape;

/// What is wrong with the text of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// A `name=value` is missing.
    Missing(&'static str),
    /// A value is not one of its kind.
    Value {
        /// The value's name.
        name: &'static str,
        /// The value.
        value: String,
    },
    /// A word that names nothing, or is there twice.
    Surplus(String),
    /// A single word that is no hexadecimal number of whole bytes, [`Case::BYTES`] at most.
    Bytes(String),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "{name}=… is missing"),
            Self::Value { name, value } => write!(f, "{name}={value} makes no sense"),
            Self::Surplus(word) => write!(f, "{word} is no part of a case"),
            Self::Bytes(word) => write!(f, "{word} is no case in hexadecimal digits"),
        }
    }
}

impl Error for ParseError {}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { batch, channels, multiplier, input, kernel, stride, dilation, low, high } =
            self.shape;
        let pair = |[h, w]: [usize; 2]| format!("{h}x{w}");
        write!(
            f,
            "pass={} batch={batch} channels={channels} multiplier={multiplier} ",
            self.pass.name()
        )?;
        write!(f, "input={} kernel={} ", pair(input), pair(kernel))?;
        write!(f, "stride={} dilation={} ", pair(stride), pair(dilation))?;
        write!(f, "low={},{} high={},{} ", low[0], low[1], high[0], high[1])?;
        write!(f, "layout={} bias={} ", self.layout, u8::from(self.bias))?;
        write!(f, "update={} activation=", update_name(self.update))?;
        match self.activation {
            Activation::Relu => write!(f, "relu")?,
            Activation::Relu6 => write!(f, "relu6")?,
            Activation::Clamp { min, max } => write!(f, "{min}..{max}")?,
            _ => write!(f, "none")?,
        }
        write!(f, " data={} seed={} offset={} ", self.data.name(), self.seed, self.offset)?;
        let instance = self.instance.map_or("best", |instance| instance.name);
        write!(f, "machine={}", self.machine.name)?;
        if !Machine::ALL.contains(&self.machine) {
            write!(f, "/{}", self.machine.l1)?;
        }
        write!(f, " instance={instance}")
    }
}

impl FromStr for Case {
    type Err = ParseError;

    /// Reads `name=value …`, or the hexadecimal digits of a case's bytes.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let [digits] = text.split_whitespace().collect::<Vec<_>>()[..]
            && !digits.contains('=')
        {
            let bytes = from_hex(digits).filter(|bytes| bytes.len() <= Self::BYTES);
            let case = bytes.and_then(|bytes| Self::from_bytes(&bytes).ok());
            return case.ok_or_else(|| ParseError::Bytes(digits.into()));
        }
        let mut words = Words(text.split_whitespace().collect());
        let case = Self {
            pass: words.find("pass", |v| Pass::ALL.into_iter().find(|p| p.name() == v))?,
            shape: Shape {
                batch: words.value("batch")?,
                channels: words.value("channels")?,
                multiplier: words.value("multiplier")?,
                input: words.pair("input", "x")?,
                kernel: words.pair("kernel", "x")?,
                stride: words.pair("stride", "x")?,
                dilation: words.pair("dilation", "x")?,
                low: words.pair("low", ",")?,
                high: words.pair("high", ",")?,
            },
            layout: words.find("layout", |v| Layout::ALL.into_iter().find(|l| l.name() == v))?,
            bias: words.value::<u8>("bias")? != 0,
            update: words.find("update", |v| UPDATES.into_iter().find(|u| update_name(*u) == v))?,
            activation: words.find("activation", activation)?,
            data: words.find("data", |v| Data::ALL.into_iter().find(|d| d.name() == v))?,
            seed: words.value("seed")?,
            offset: words.find("offset", |v| v.parse().ok().filter(|offset| *offset < 4))?,
            machine: words.find("machine", machine)?,
            instance: words.find("instance", |v| match v {
                "best" => Some(None),
                name => Instance::by_name(name).map(Some),
            })?,
        };
        match words.0.first() {
            None => Ok(case),
            Some(word) => Err(ParseError::Surplus((*word).into())),
        }
    }
}

const UPDATES: [Update; 2] = [Update::Overwrite, Update::Accumulate];

fn update_name(update: Update) -> &'static str {
    match update {
        Update::Overwrite => "overwrite",
        Update::Accumulate => "accumulate",
    }
}

/// A machine, `arm64`, or one that has so many bytes of first-level cache instead, `arm64/512`.
fn machine(text: &str) -> Option<Machine> {
    let (name, l1) = text.split_once('/').map_or((text, None), |(name, l1)| (name, Some(l1)));
    let machine = Machine::ALL.into_iter().find(|machine| machine.name == name)?;
    let l1 = l1.map_or(Some(machine.l1), |l1| l1.parse().ok())?;
    Some(Machine { l1, ..machine })
}

fn activation(text: &str) -> Option<Activation> {
    match text {
        "none" => Some(Activation::None),
        "relu" => Some(Activation::Relu),
        "relu6" => Some(Activation::Relu6),
        _ => {
            let (min, max) = text.split_once("..")?;
            Some(Activation::Clamp { min: min.parse().ok()?, max: max.parse().ok()? })
        }
    }
}

/// Words `name=value` that have not been used.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    /// What `parse` makes of a value.
    fn find<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&'a str) -> Option<T>,
    ) -> Result<T, ParseError> {
        let value = |word: &'a str| word.strip_prefix(name)?.strip_prefix('=');
        let found = self.0.iter().enumerate().find_map(|(i, word)| Some((i, value(word)?)));
        let (index, value) = found.ok_or(ParseError::Missing(name))?;
        self.0.remove(index);
        parse(value).ok_or_else(|| ParseError::Value { name, value: value.into() })
    }

    fn value<T: FromStr>(&mut self, name: &'static str) -> Result<T, ParseError> {
        self.find(name, |value| value.parse().ok())
    }

    fn pair<T: FromStr>(
        &mut self,
        name: &'static str,
        separator: &str,
    ) -> Result<[T; 2], ParseError> {
        self.find(name, |value| {
            let (h, w) = value.split_once(separator)?;
            Some([h.parse().ok()?, w.parse().ok()?])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    const TEXT: &str = "pass=forward batch=2 channels=3 multiplier=1 input=5x7 kernel=3x3 stride=1x2 dilation=1x1 \
                        low=1,0 high=-1,2 layout=nhwc bias=1 update=overwrite activation=-0.5..inf \
                        data=special seed=7 offset=3 machine=arm64 instance=best";

    #[test]
    fn text_and_back() {
        let case: Case = TEXT.parse().unwrap();
        assert_eq!(case.to_string(), TEXT);
        assert_eq!(case.shape.high, [-1, 2]);
        let small: Case = TEXT.replace("arm64", "arm64/512").parse().unwrap();
        assert_eq!(small.machine, Machine { l1: 512, ..case.machine });
        assert_eq!(small.to_string().parse(), Ok(small));
        for case in cases::all() {
            assert_eq!(case.to_string().parse(), Ok(case));
        }
    }

    #[test]
    fn digits_and_back() {
        let case: Case = TEXT.replace("-0.5..inf", "relu6").parse().unwrap();
        assert_eq!(case.to_hex().unwrap().parse(), Ok(case));
        let long = "00".repeat(Case::BYTES + 1);
        for wrong in ["abc", "0x", &long] {
            assert_eq!(wrong.parse::<Case>(), Err(ParseError::Bytes(wrong.into())));
        }
    }

    #[test]
    fn errors_name_the_word() {
        let parse = |from: &str, to: &str| TEXT.replace(from, to).parse::<Case>().unwrap_err();
        assert_eq!(parse("seed=7", ""), ParseError::Missing("seed"));
        assert_eq!(parse("seed=7", "seed=7 seed=8"), ParseError::Surplus("seed=8".into()));
        for (name, value) in [
            ("pass", "backward"),
            ("update", "subtract"),
            ("offset", "4"),
            ("input", "5"),
            ("machine", "abacus"),
            ("machine", "arm64/x"),
            ("instance", "forward"),
            ("activation", "1..x"),
        ] {
            let start = TEXT.find(&format!("{name}=")).unwrap();
            let old = TEXT[start..].split(' ').next().unwrap();
            let error = ParseError::Value { name, value: value.into() };
            assert_eq!(parse(old, &format!("{name}={value}")), error);
        }
    }
}
