//! Cases as bytes, for fuzzers and for lines that repeat a case.
//!
//! `transfer` alone says what the bytes mean: it reads them and writes them.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | pass, layout, update, bias, whether it is large |
//! | 1 | data, activation, machine |
//! | 1 | offset, first-level cache |
//! | 2 | instance, by a hash of its name: lines that are added to the table change hardly any case |
//! | 4 | seed |
//! | 1–3 each | kernel, stride and dilation of each axis, where the instance leaves them open |
//! | 1–3 each | of each axis the padding, the elements after the last window, and the number of windows |
//! | 1–3 each | batch, channels, and the multiplier where the instance leaves it open |
//!
//! Common sizes are one byte, which random bytes mostly are, too; large ones follow an escape. Missing
//! bytes are 0, and zeros at the end are left out.

use arbitrary::{Arbitrary, Result, Unstructured};
use depthwise::{Activation, INSTANCES, Instance, Layout, Machine, Size, Update};

use crate::case::Case;
use crate::cases::{ACTIVATIONS, UPDATES};
use crate::data::Data;
use crate::pass::Pass;
use crate::shape::Shape;
use crate::text::ParseError;

impl Case {
    /// Bytes that decide a case; more are not used, and missing ones count as 0.
    pub const BYTES: usize = 32;

    /// The case that bytes stand for: any bytes make a case that can be run, and soon.
    ///
    /// # Errors
    /// Never, so far; [`arbitrary`] asks for the type.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::arbitrary(&mut Unstructured::new(&bytes[..bytes.len().min(Self::BYTES)]))
    }

    /// The bytes that stand for this case, unless it is larger than any bytes can say.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut writer = Writer(Vec::new());
        transfer(&mut writer, self).ok()?;
        let mut bytes = writer.0;
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        let fits = bytes.len() <= Self::BYTES && Self::from_bytes(&bytes) == Ok(*self);
        fits.then_some(bytes)
    }

    /// The hexadecimal digits of its bytes, which parse back.
    pub fn to_hex(&self) -> Option<String> {
        let digits: String = self.to_bytes()?.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(if digits.is_empty() { "00".into() } else { digits })
    }
}

/// The bytes that hexadecimal digits stand for.
pub fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// The bytes of each line: hexadecimal digits, and what is said about them after a `#`.
pub fn lines(text: &str) -> impl Iterator<Item = std::result::Result<Vec<u8>, ParseError>> {
    let digits = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    digits
        .filter(|digits| !digits.is_empty())
        .map(|digits| from_hex(digits).ok_or_else(|| ParseError::Bytes(digits.into())))
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let nothing = Self {
            pass: Pass::Forward,
            shape: Sizes::default().shape(),
            layout: Layout::Nhwc,
            bias: false,
            update: Update::Overwrite,
            activation: Activation::None,
            data: Data::Odd,
            seed: 0,
            offset: 0,
            machine: Machine::ARM64,
            instance: None,
        };
        transfer(&mut Reader(u), &nothing)
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (0, Some(Self::BYTES))
    }
}

/// One of so many random cases is large.
const LARGE: usize = 8;

/// Bytes that are read, or written.
trait Codec {
    /// The byte that is read, or `value`, which is written.
    fn byte(&mut self, value: u8) -> Result<u8>;

    /// Several digits in one byte, the first the least, each below its radix.
    fn digits<const N: usize>(
        &mut self,
        radices: [usize; N],
        values: [usize; N],
    ) -> Result<[usize; N]> {
        let all =
            radices.iter().zip(values).rev().fold(0, |all, (radix, value)| all * radix + value);
        let mut all = usize::from(self.byte(all as u8)?);
        Ok(radices.map(|radix| {
            let digit = all % radix;
            all /= radix;
            digit
        }))
    }

    /// Two bytes.
    fn word(&mut self, value: u16) -> Result<u16> {
        let [low, high] = value.to_le_bytes();
        Ok(u16::from_le_bytes([self.byte(low)?, self.byte(high)?]))
    }

    /// A number from `first` on: `common` of them, at most 254, take a byte, the next 256 two, and numbers
    /// 2¹⁵ around `first` three.
    fn number(&mut self, value: i64, first: i64, common: i64) -> Result<i64> {
        let (above, common) = (value - first, common.clamp(1, 254));
        let escape = match above {
            _ if (0..common).contains(&above) => above as u8,
            _ if (0..common + 256).contains(&above) => 254,
            _ => 255,
        };
        let above = match self.byte(escape)? {
            254 => common + i64::from(self.byte((above - common) as u8)?),
            255 => i64::from(self.word(above as u16)? as i16),
            byte => i64::from(byte) % common,
        };
        Ok(first + above)
    }
}

struct Reader<'r, 'u>(&'r mut Unstructured<'u>);

impl Codec for Reader<'_, '_> {
    fn byte(&mut self, _value: u8) -> Result<u8> {
        self.0.arbitrary()
    }
}

struct Writer(Vec<u8>);

impl Codec for Writer {
    fn byte(&mut self, value: u8) -> Result<u8> {
        self.0.push(value);
        Ok(value)
    }
}

/// Reads a case, or writes `case`.
fn transfer(codec: &mut impl Codec, case: &Case) -> Result<Case> {
    let index = |found: Option<usize>| found.unwrap_or(0);
    let activation = index(ACTIVATIONS.iter().position(|a| *a == case.activation));
    let machine = index(Machine::ALL.iter().position(|m| m.name == case.machine.name));
    let mut sizes = Sizes::of(&case.shape);
    let large = if sizes.work() > Sizes::SMALL { LARGE - 1 } else { 0 };
    let (layout, update) = (case.layout as usize, case.update as usize);
    let [pass, layout, update, bias, large] = codec.digits(
        [4, 2, 2, 2, LARGE],
        [case.pass as usize, layout, update, usize::from(case.bias), large],
    )?;
    let [data, activation, machine] =
        codec.digits([4, ACTIVATIONS.len(), 4], [case.data as usize, activation, machine])?;
    let [offset, cache] = codec.digits([4, 16], [case.offset, cache::index(case.machine)])?;
    let pass = Pass::ALL[pass];
    let machine = cache::machine(Machine::ALL[machine % Machine::ALL.len()], cache);
    let instance = key::instance(pass, codec.word(key::of(pass, case.instance))?);
    let mut seed = case.seed.to_le_bytes();
    for byte in &mut seed {
        *byte = codec.byte(*byte)?;
    }

    let fixed = Fixed::by(pass, instance);
    for axis in &mut sizes.axes {
        axis.transfer_window(codec, &fixed)?;
    }
    for (axis, outputs) in sizes.axes.iter_mut().zip([12, 36]) {
        axis.transfer_padding(codec, outputs)?;
    }
    sizes.batch = codec.number(sizes.batch, 1, 3)?;
    sizes.channels = codec.number(sizes.channels, 1, 20)?;
    sizes.multiplier = fixed.multiplier.map_or_else(|| codec.number(sizes.multiplier, 1, 8), Ok)?;
    sizes.limit(&fixed, if large == LARGE - 1 { Sizes::LARGE } else { Sizes::SMALL });

    let forward = pass == Pass::Forward;
    let case = Case {
        pass,
        shape: sizes.shape(),
        layout: instance.map_or(Layout::ALL[layout], |instance| instance.layout),
        bias: forward && bias == 1,
        update: if forward { Update::Overwrite } else { UPDATES[update] },
        activation: if forward { ACTIVATIONS[activation] } else { Activation::None },
        data: Data::ALL[data],
        seed: u32::from_le_bytes(seed),
        offset,
        machine,
        instance,
    };
    Ok(case.or_best())
}

/// The first-level cache of a machine, as a number below 16.
mod cache {
    use depthwise::Machine;

    /// Bytes of the caches that are numbers 1 and up; other numbers are the machine's own.
    const SMALL: [usize; 5] = [64, 128, 256, 512, 1024];

    pub fn index(machine: Machine) -> usize {
        SMALL.iter().position(|l1| *l1 == machine.l1).map_or(0, |place| place + 1)
    }

    pub fn machine(machine: Machine, index: usize) -> Machine {
        let small = index.checked_sub(1).and_then(|place| SMALL.get(place));
        Machine { l1: *small.unwrap_or(&machine.l1), ..machine }
    }
}

/// Instances by keys: each key goes to the instance that it scores highest with, so that a new instance
/// takes a few keys from all others, and nothing else changes.
mod key {
    use super::{INSTANCES, Instance, Pass};
    use crate::campaign::Digest;
    use crate::random::Random;

    /// Keys below are the plan's choice.
    const BEST: u16 = 1 << 13;

    pub fn instance(pass: Pass, key: u16) -> Option<&'static Instance> {
        let score = |instance: &&Instance| {
            let mut digest = Digest::default();
            digest.add_bytes(&key.to_le_bytes());
            digest.add_bytes(instance.name.as_bytes());
            // Its high bits hardly know the name's end.
            Random::new(digest.0).next()
        };
        let computing = INSTANCES.iter().filter(|instance| pass.is_computed_by(instance));
        computing.filter(|_| key >= BEST).max_by_key(score)
    }

    /// The least key of an instance.
    pub fn of(pass: Pass, instance: Option<&Instance>) -> u16 {
        let wanted = |key: &u16| self::instance(pass, *key) == instance;
        instance.map_or(0, |_| (BEST..=u16::MAX).find(wanted).unwrap_or(0))
    }
}

/// Sizes that an instance has.
struct Fixed {
    kernel: Option<i64>,
    stride: Option<i64>,
    dilation: Option<i64>,
    multiplier: Option<i64>,
}

impl Fixed {
    fn by(pass: Pass, instance: Option<&Instance>) -> Self {
        let exactly = |size: Size| match size {
            Size::Exactly(size) => Some(size as i64),
            Size::Any => None,
        };
        let kernel = instance.and_then(|instance| exactly(instance.kernel));
        let single = |instance: &Instance| {
            kernel.is_some() && (instance.layout == Layout::Nhwc || pass == Pass::GradInput)
        };
        Self {
            kernel,
            stride: instance.and_then(|instance| exactly(instance.stride)),
            dilation: kernel.map(|_| 1),
            multiplier: instance.is_some_and(single).then_some(1),
        }
    }
}

/// The sizes of a shape, with numbers of windows for those of inputs: any of them are possible.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: i64,
    channels: i64,
    multiplier: i64,
    axes: [AxisSizes; 2],
}

#[derive(Clone, Copy, Debug)]
struct AxisSizes {
    kernel: i64,
    stride: i64,
    dilation: i64,
    low: i64,
    high: i64,
    /// Elements after the last window.
    slack: i64,
    output: i64,
}

impl Default for Sizes {
    fn default() -> Self {
        let one = |_| AxisSizes {
            kernel: 1,
            stride: 1,
            dilation: 1,
            low: 0,
            high: 0,
            slack: 0,
            output: 1,
        };
        Self { batch: 1, channels: 1, multiplier: 1, axes: [(), ()].map(one) }
    }
}

impl AxisSizes {
    fn extent(&self) -> i64 {
        (self.kernel - 1) * self.dilation + 1
    }

    /// Elements of the input; where there would be none, one, which makes more windows.
    fn input(&self) -> i64 {
        let padded = (self.output - 1) * self.stride + self.extent() + self.slack;
        (padded - self.low - self.high).max(1)
    }

    /// Windows that there are.
    fn windows(&self) -> i64 {
        (self.input() + self.low + self.high - self.extent()) / self.stride + 1
    }

    fn transfer_window(&mut self, codec: &mut impl Codec, fixed: &Fixed) -> Result<()> {
        for (size, fixed, common) in [
            (&mut self.kernel, fixed.kernel, 11),
            (&mut self.stride, fixed.stride, 4),
            (&mut self.dilation, fixed.dilation, 3),
        ] {
            *size = fixed.map_or_else(|| codec.number(*size, 1, common), Ok)?.max(1);
        }
        Ok(())
    }

    fn transfer_padding(&mut self, codec: &mut impl Codec, outputs: i64) -> Result<()> {
        // From two elements cropped to two windows without a tap.
        let paddings = self.extent() + 5;
        self.low = codec.number(self.low, -2, paddings)?;
        self.high = codec.number(self.high, -2, paddings)?;
        if self.stride > 1 {
            self.slack = codec.number(self.slack, 0, self.stride)?.rem_euclid(self.stride);
        }
        self.output = codec.number(self.output, 1, outputs)?.max(1);
        Ok(())
    }
}

impl Sizes {
    /// Most elements and products of a case that isn't large.
    const SMALL: f64 = (1 << 15) as f64;

    /// Most elements and products of a case.
    const LARGE: f64 = (1 << 22) as f64;

    fn of(shape: &Shape) -> Self {
        let output = shape.output();
        let axes = [0, 1].map(|axis| {
            let mut sizes = AxisSizes {
                kernel: shape.kernel[axis] as i64,
                stride: shape.stride[axis] as i64,
                dilation: shape.dilation[axis] as i64,
                low: shape.low[axis] as i64,
                high: shape.high[axis] as i64,
                slack: 0,
                output: output[axis] as i64,
            };
            let padded = shape.input[axis] as i64 + sizes.low + sizes.high;
            sizes.slack = (padded - sizes.extent()) % sizes.stride;
            sizes
        });
        let [batch, channels, multiplier] =
            [shape.batch, shape.channels, shape.multiplier].map(|size| size as i64);
        Self { batch, channels, multiplier, axes }
    }

    fn shape(&self) -> Shape {
        let of = |size: fn(&AxisSizes) -> i64| self.axes.map(|axis| size(&axis) as usize);
        let padding = |size: fn(&AxisSizes) -> i64| self.axes.map(|axis| size(&axis) as isize);
        Shape {
            batch: self.batch as usize,
            channels: self.channels as usize,
            multiplier: self.multiplier as usize,
            input: of(AxisSizes::input),
            kernel: of(|axis| axis.kernel),
            stride: of(|axis| axis.stride),
            dilation: of(|axis| axis.dilation),
            low: padding(|axis| axis.low),
            high: padding(|axis| axis.high),
        }
    }

    /// Elements of the input, and products.
    fn work(&self) -> f64 {
        let both = |size: fn(&AxisSizes) -> i64| -> f64 {
            self.axes.iter().map(|axis| size(axis) as f64).product()
        };
        let products = both(AxisSizes::windows) * both(|axis| axis.kernel) * self.multiplier as f64;
        (products + both(AxisSizes::input)) * self.batch as f64 * self.channels as f64
    }

    /// Halves the largest sizes until no case takes long.
    fn limit(&mut self, fixed: &Fixed, most: f64) {
        self.make_positive();
        while self.work() > most {
            let mut sizes = vec![&mut self.batch, &mut self.channels];
            sizes.extend(fixed.multiplier.is_none().then_some(&mut self.multiplier));
            for axis in &mut self.axes {
                sizes.extend([&mut axis.low, &mut axis.high, &mut axis.output]);
                sizes.extend(fixed.kernel.is_none().then_some(&mut axis.kernel));
                sizes.extend(fixed.stride.is_none().then_some(&mut axis.stride));
                sizes.extend(fixed.dilation.is_none().then_some(&mut axis.dilation));
            }
            if let Some(largest) = sizes.into_iter().max_by_key(|size| size.abs()) {
                *largest /= 2;
            }
            self.make_positive();
        }
    }

    fn make_positive(&mut self) {
        let mut sizes = vec![&mut self.batch, &mut self.channels, &mut self.multiplier];
        for AxisSizes { kernel, stride, dilation, output, slack, .. } in &mut self.axes {
            *stride = (*stride).max(1);
            *slack = slack.rem_euclid(*stride);
            sizes.extend([kernel, dilation, output]);
        }
        sizes.into_iter().for_each(|size| *size = (*size).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::random::Random;

    fn random_bytes(random: &mut Random, length: usize) -> Vec<u8> {
        (0..length).map(|_| random.next() as u8).collect()
    }

    #[test]
    fn any_bytes_make_a_case_that_can_be_run() {
        let mut random = Random::new(3);
        let mut instances = 0;
        for length in 0..=4 * Case::BYTES {
            let bytes = random_bytes(&mut random, length);
            let case = Case::from_bytes(&bytes).unwrap();
            case.conv(depthwise::Isa::best()).unwrap();
            assert_eq!(case, Case::from_bytes(&bytes[..length.min(Case::BYTES)]).unwrap());
            instances += usize::from(case.instance.is_some());
        }
        assert!(instances > Case::BYTES);
    }

    #[test]
    fn large_sizes_are_cut_to_what_can_be_run() {
        let mut random = Random::new(5);
        for _ in 0..2000 {
            let mut bytes = random_bytes(&mut random, Case::BYTES);
            // Escapes everywhere among the sizes, and any bytes between them.
            bytes[9..].iter_mut().for_each(|byte| *byte |= random.pick(&[0, 255]));
            let case = Case::from_bytes(&bytes).unwrap();
            assert!(case.shape.is_possible(), "{case}");
            assert!(Sizes::of(&case.shape).work() <= Sizes::LARGE, "{case}");
            case.conv(depthwise::Isa::best()).unwrap();
        }
    }

    #[test]
    fn every_case_has_bytes() {
        let (mut count, mut length) = (0, 0);
        for case in cases::all() {
            let Some(bytes) = case.to_bytes() else { panic!("no bytes for {case}") };
            assert_eq!(Case::from_bytes(&bytes), Ok(case));
            (count, length) = (count + 1, length + bytes.len());
        }
        assert!(count > 5000 && length < count * Case::BYTES, "{count} {length}");
    }

    #[test]
    fn cases_of_random_bytes_have_bytes() {
        let mut random = Random::new(4);
        for _ in 0..2000 {
            let case = Case::from_bytes(&random_bytes(&mut random, Case::BYTES)).unwrap();
            let bytes = case.to_bytes();
            assert!(bytes.is_some_and(|bytes| Case::from_bytes(&bytes) == Ok(case)), "{case}");
        }
    }

    /// What bytes mean must not change, or all lines that were ever printed repeat something else.
    #[test]
    fn bytes_keep_their_meaning() {
        let hex = "2b11230040070000ff0303010106ff3c000501";
        let text = "pass=grad_bias batch=1 channels=1 multiplier=1 input=5x66 kernel=4x2 stride=4x3 \
                    dilation=2x61 low=3,-2 high=-1,-2 layout=nhwc bias=0 update=accumulate activation=none \
                    data=normal seed=4278190087 offset=3 machine=arm64 instance=best";
        assert_eq!(hex.parse::<Case>().unwrap().to_string(), text);
    }

    #[test]
    fn every_instance_has_a_key() {
        let mut keys = 0;
        for pass in Pass::ALL {
            for instance in INSTANCES.iter().filter(|instance| pass.is_computed_by(instance)) {
                let key = key::of(pass, Some(instance));
                assert_eq!(key::instance(pass, key), Some(instance));
                keys += 1;
            }
            assert_eq!(key::of(pass, None), 0);
            let computing = INSTANCES.iter().filter(|instance| pass.is_computed_by(instance));
            for instance in computing.clone() {
                let some = (0..=u16::MAX).step_by(16);
                let keys = some.filter(|k| key::instance(pass, *k) == Some(instance)).count();
                let fair = (usize::from(u16::MAX) / 16) / computing.clone().count();
                assert!(keys * 2 > fair && keys < fair * 2, "{keys} of {}", instance.name);
            }
        }
        assert!(keys >= INSTANCES.len());
    }

    #[test]
    fn what_is_too_large_has_no_bytes() {
        let mut case = Case::from_bytes(&[]).unwrap();
        assert_eq!(case.to_hex().as_deref(), Some("00"));
        case.shape.channels = 1 << 24;
        assert_eq!(case.to_bytes(), None);
    }

    #[test]
    fn lines_have_digits_and_remarks() {
        let text = "00ff # both\n\n# nothing\n  12\n1";
        let all: Vec<_> = lines(text).collect();
        let wrong = Err(ParseError::Bytes("1".into()));
        assert_eq!(all, [Ok(vec![0, 255]), Ok(vec![18]), wrong]);
    }

    #[test]
    fn digits_are_bytes() {
        assert_eq!(from_hex("00fFa1"), Some(vec![0, 255, 161]));
        for wrong in ["0", "0g", "+1", "é"] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }
}
