//! Cases from a fuzzer's bytes.

use arbitrary::{Arbitrary, Result, Unstructured};
use depthwise::{Activation, INSTANCES, Layout, Machine, Size, Update};

use crate::case::Case;
use crate::cases::ACTIVATIONS;
use crate::data::Data;
use crate::geometry::{Extent, Window};
use crate::pass::Pass;
use crate::shape::Shape;

impl Case {
    /// Bytes that decide a case; more are not used, and missing ones count as 0.
    pub const BYTES: usize = 32;

    /// The case that bytes stand for: any bytes make a case that can be run.
    ///
    /// # Errors
    /// Never, so far; [`arbitrary`] asks for the type.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::arbitrary(&mut Unstructured::new(&bytes[..bytes.len().min(Self::BYTES)]))
    }
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let pass = *u.choose(&Pass::ALL)?;
        let instances: Vec<_> = INSTANCES.iter().filter(|i| pass.is_computed_by(i)).collect();
        let instance = instances.get(u.int_in_range(0..=instances.len())?).copied();
        let layout = match instance {
            Some(instance) => instance.layout,
            None => *u.choose(&Layout::ALL)?,
        };
        let mut size = |size: Option<Size>, most: usize| match size {
            Some(Size::Exactly(size)) => Ok(size),
            _ => u.int_in_range(1..=most),
        };
        let kernel = instance.map(|instance| instance.kernel);
        let stride = instance.map(|instance| instance.stride);
        let exact = matches!(kernel, Some(Size::Exactly(_)));
        let dilation = exact.then_some(Size::Exactly(1));
        let [mut height, mut width] = [Extent { input: 1, low: 0, high: 0 }; 2];
        let mut windows = [Window { kernel: 1, stride: 1, dilation: 1 }; 2];
        for window in &mut windows {
            window.kernel = size(kernel, 11)?;
            window.stride = size(stride, 4)?;
            window.dilation = size(dilation, 3)?;
        }
        for (window, axis, outputs) in [(windows[0], &mut height, 12), (windows[1], &mut width, 36)]
        {
            let most = window.extent() as isize + 2;
            let (low, high) = (u.int_in_range(-2..=most)?, u.int_in_range(-2..=most)?);
            let slack = u.int_in_range(0..=window.stride - 1)?;
            *axis = window.padded(low, high, u.int_in_range(1..=outputs)?, slack);
        }
        let single = exact && (layout == Layout::Nhwc || pass == Pass::GradInput);
        let forward = pass == Pass::Forward;
        let update = if u.arbitrary()? { Update::Accumulate } else { Update::Overwrite };
        let case = Self {
            pass,
            shape: Shape {
                batch: u.int_in_range(1..=3)?,
                channels: u.int_in_range(1..=20)?,
                multiplier: if single { 1 } else { u.int_in_range(1..=8)? },
                input: [height.input, width.input],
                kernel: windows.map(|window| window.kernel),
                stride: windows.map(|window| window.stride),
                dilation: windows.map(|window| window.dilation),
                low: [height.low, width.low],
                high: [height.high, width.high],
            },
            layout,
            bias: u.arbitrary::<bool>()? && forward,
            update: if forward { Update::Overwrite } else { update },
            activation: if forward { *u.choose(&ACTIVATIONS)? } else { Activation::None },
            data: *u.choose(&Data::ALL)?,
            seed: u.arbitrary()?,
            offset: u.int_in_range(0..=3)?,
            machine: *u.choose(&Machine::ALL)?,
            instance,
        };
        Ok(case.or_best())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn any_bytes_make_a_case_that_can_be_run() {
        let mut random = Random::new(3);
        let mut instances = 0;
        for length in 0..=4 * Case::BYTES {
            let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
            let case = Case::from_bytes(&bytes).unwrap();
            case.conv(depthwise::Isa::best()).unwrap();
            assert_eq!(case, Case::from_bytes(&bytes[..length.min(Case::BYTES)]).unwrap());
            instances += usize::from(case.instance.is_some());
        }
        assert!(instances > Case::BYTES);
    }
}
