//! How far a sum of products in f32 may be from the exact one, in any order, fused or not.
//!
//! `|error| ≤ n·u·S + n·2⁻¹⁵⁰` with n terms, u = 2⁻²⁴ and S the sum of the terms' magnitudes, as long as
//! nothing overflows. The first part is Higham's bound (Accuracy and Stability of Numerical Algorithms,
//! chapter 3) without its denominator, after Jeannerod and Rump ("Improved error bounds for inner
//! products in floating-point arithmetic", SIAM J. Matrix Anal. Appl. 34, 2013). The second is the
//! underflow of each product. A bias is a term, so it makes n one larger.
//!
//! Of a sum over a tree, the first n is the most roundings that a term goes through (Higham, 4.2).

use crate::reference::Sum;

/// Unit roundoff of f32.
const U: f64 = 1.0 / (1 << 24) as f64;

/// Unit roundoff of f64: the reference itself is a rounded sum.
const U_REFERENCE: f64 = f64::EPSILON / 2.0;

/// Half the smallest subnormal of f32, 2⁻¹⁵⁰.
const UNDERFLOW: f64 = f32::MIN_POSITIVE as f64 * U;

/// Largest distance that a correct f32 result may have from the reference `sum`.
pub fn of(sum: &Sum) -> f64 {
    at_depth(sum, sum.terms)
}

/// As [`of`], for a sum whose terms go through at most `depth` roundings each.
pub fn at_depth(sum: &Sum, depth: usize) -> f64 {
    let (depth, terms) = (depth.min(sum.terms) as f64, sum.terms as f64);
    (depth * U + terms * U_REFERENCE) * sum.magnitude + terms * UNDERFLOW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants() {
        assert_eq!(U, f64::from(f32::EPSILON) / 2.0);
        assert_eq!(UNDERFLOW, f64::from(f32::from_bits(1)) / 2.0);
    }

    #[test]
    fn a_rounded_product_is_inside_and_the_next_number_outside() {
        let (a, b) = (1.0 + f32::EPSILON, 1.0 - f32::EPSILON);
        let exact = f64::from(a) * f64::from(b);
        let sum = Sum { value: exact, magnitude: exact, terms: 1 };
        let error = |result: f32| (f64::from(result) - exact).abs();
        assert!(error(a * b) <= of(&sum));
        assert!(error((a * b).next_down().next_down()) > of(&sum));
    }

    #[test]
    fn an_underflow_is_inside() {
        let (a, b) = (2f32.powi(-100), 2f32.powi(-50));
        let exact = f64::from(a) * f64::from(b);
        let sum = Sum { value: exact, magnitude: exact, terms: 1 };
        assert_eq!(a * b, 0.0);
        assert!(exact <= of(&sum));
        assert!(exact <= UNDERFLOW);
    }
}
