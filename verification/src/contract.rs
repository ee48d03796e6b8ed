//! The two arithmetic contracts: how each operation of the exact [`model`](crate::model) rounds. Results are
//! compared with it bit for bit.

use depthwise::{Activation, Contract};

/// What the exact [`model`](crate::model) computes with: numbers of a contract, or expressions.
pub trait Arithmetic {
    /// What is added and multiplied.
    type Value: Copy;

    /// +0.
    fn zero(&self) -> Self::Value;

    /// `sum + a·b`, rounded as the contract says.
    fn step(&mut self, a: Self::Value, b: Self::Value, sum: Self::Value) -> Self::Value;

    /// `a + b`, rounded.
    fn add(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;

    /// `value` brought between two [`bounds`], unless both are infinite.
    fn clamp(&mut self, value: Self::Value, low: f32, high: f32) -> Self::Value;
}

impl Arithmetic for Contract {
    type Value = f32;

    fn zero(&self) -> f32 {
        0.0
    }

    fn step(&mut self, a: f32, b: f32, sum: f32) -> f32 {
        step(*self, a, b, sum)
    }

    fn add(&mut self, a: f32, b: f32) -> f32 {
        a + b
    }

    fn clamp(&mut self, value: f32, low: f32, high: f32) -> f32 {
        minimum(maximum(value, low), high)
    }
}

/// `sum + a·b`, rounded as the contract says.
pub fn step(contract: Contract, a: f32, b: f32, sum: f32) -> f32 {
    match contract {
        Contract::Fused => fused(a, b, sum),
        Contract::MulAdd => sum + a * b,
    }
}

/// `a·b + c` with one rounding, by no instruction and no library: `f32::mul_add` is a function
/// call where the hardware has none, and such functions round some subnormal results twice.
///
/// The product of two f32 is exact in f64. The sum is rounded to odd there, which a second rounding
/// to f32 can't spoil: f64 has more than two bits beyond f32's (Boldo and Melquiond, "Emulation of a
/// FMA and correctly rounded sums", IEEE Transactions on Computers 57(4), 2008).
pub fn fused(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    // Knuth's TwoSum: sum + error = product + c exactly.
    let part = sum - product;
    let error = (product - (sum - part)) + (c - part);
    let bits = sum.to_bits();
    let even = bits & 1 == 0;
    if !sum.is_finite() || error == 0.0 || !even {
        return sum as f32;
    }
    let beyond = (error > 0.0) == (sum > 0.0);
    f64::from_bits(if beyond { bits + 1 } else { bits - 1 }) as f32
}

/// The bounds of an activation; a bound that is a zero is +0.
pub fn bounds(activation: Activation) -> (f32, f32) {
    let positive_zero = |bound: f32| if bound == 0.0 { 0.0 } else { bound };
    match activation {
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Relu6 => (0.0, 6.0),
        Activation::Clamp { min, max } => (positive_zero(min), positive_zero(max)),
        _ => (f32::NEG_INFINITY, f32::INFINITY),
    }
}

/// The activation of a sum: IEEE 754-2019 `maximum` with the lower bound, then `minimum` with the
/// upper. NaN stays NaN, and −0 is below +0.
pub fn activate(activation: Activation, sum: f32) -> f32 {
    let (low, high) = bounds(activation);
    minimum(maximum(sum, low), high)
}

fn maximum(a: f32, b: f32) -> f32 {
    match a.partial_cmp(&b) {
        None => f32::NAN,
        Some(std::cmp::Ordering::Less) => b,
        Some(std::cmp::Ordering::Equal) if a.is_sign_negative() => b,
        Some(_) => a,
    }
}

fn minimum(a: f32, b: f32) -> f32 {
    -maximum(-a, -b)
}

/// The bits of a result, with one pattern for all NaNs: their payload and sign are unspecified.
pub fn bits(value: f32) -> u32 {
    if value.is_nan() { f32::NAN.to_bits() & 0x7fff_ffff } else { value.to_bits() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Bits of all magnitudes, subnormals among them.
    fn any(random: &mut Random) -> f32 {
        f32::from_bits(random.next() as u32)
    }

    #[test]
    fn fused_rounds_once() {
        let (small, one) = (f32::EPSILON, 1.0);
        assert_eq!(fused(one + small, one - small, -one), -small * small);
        assert_eq!(step(Contract::MulAdd, one + small, one - small, -one), 0.0);
        assert_eq!(fused(f32::MAX, 2.0, -f32::MAX), f32::MAX);
        assert!(fused(f32::INFINITY, 0.0, 1.0).is_nan());
        assert_eq!(bits(fused(-0.0, 1.0, -0.0)), bits(-0.0));
        assert_eq!(bits(fused(-0.0, 1.0, 0.0)), bits(0.0));
    }

    #[test]
    fn fused_breaks_subnormal_ties_by_what_is_beyond_f64() {
        // c + 2⁻¹⁵⁰ is halfway between two subnormals; the product is 2⁻¹⁹⁶ less than that.
        let c = f32::from_bits((1 << 22) + 1);
        let half = 2f32.powi(-75);
        assert_eq!(fused(half, half, c).to_bits(), c.to_bits() + 1);
        let (a, b) = (half + half * f32::EPSILON, half - half * f32::EPSILON);
        assert_eq!(fused(a, b, c), c);
    }

    /// Where `mul_add` is an instruction, it is right by hardware.
    #[test]
    fn fused_agrees_with_hardware() {
        let hardware = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
        let mut random = Random::new(7);
        let mut compared = 0;
        for _ in 0..200_000 {
            let (a, b) = (any(&mut random), any(&mut random));
            let product = a * b;
            // Near the product, so that cancellation and ties happen.
            let c = if random.below(2) == 0 { any(&mut random) } else { -product * 1.000_000_1 };
            let c =
                if random.below(8) == 0 { f32::from_bits(c.to_bits() & 0x807f_ffff) } else { c };
            let subnormal = fused(a, b, c).abs() < f32::MIN_POSITIVE;
            if hardware || !subnormal {
                assert_eq!(bits(fused(a, b, c)), bits(a.mul_add(b, c)), "{a:e}·{b:e} + {c:e}");
                compared += 1;
            }
        }
        assert!(compared > 100_000);
    }

    #[test]
    fn activations() {
        let same = |a: f32, b: f32| assert_eq!(bits(a), bits(b));
        same(activate(Activation::None, -0.0), -0.0);
        same(activate(Activation::Relu, -0.0), 0.0);
        same(activate(Activation::Relu, f32::NAN), f32::NAN);
        same(activate(Activation::Relu, f32::INFINITY), f32::INFINITY);
        same(activate(Activation::Relu6, 7.0), 6.0);
        let clamp = |min, max, value| activate(Activation::Clamp { min, max }, value);
        same(clamp(-0.0, 1.0, -0.0), 0.0);
        same(clamp(f32::NEG_INFINITY, -0.0, 3.0), 0.0);
        same(clamp(f32::NEG_INFINITY, 2.0, -0.0), -0.0);
        same(clamp(-1.0, 2.0, f32::NEG_INFINITY), -1.0);
    }

    #[test]
    fn one_pattern_for_nan() {
        assert_eq!(bits(-f32::NAN), bits(f32::from_bits(0x7fc0_dead)));
        assert_ne!(bits(0.0), bits(-0.0));
    }
}
