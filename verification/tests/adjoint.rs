//! The passes of a convolution belong together: all are the derivatives of one trilinear form.
//!
//! `⟨gy, conv x⟩ = ⟨grad_input gy, x⟩ = ⟨grad_weight(x, gy), w⟩`, and a bias adds `⟨grad_bias gy, b⟩` to the
//! first. On integers that are small enough, every pass is exact, and so are the products.

use depthwise::{Activation, Isa, Update};
use depthwise_verification::campaign::Digest;
use depthwise_verification::data::EXACT;
use depthwise_verification::random::Random;
use depthwise_verification::{Case, Pass, Report, cases, harness};

/// Every few of the gradients' cases, as one convolution that all passes are of.
fn convolutions() -> Vec<Case> {
    let gradients = [Pass::GradInput, Pass::GradWeight].map(cases::of);
    let few = gradients.into_iter().flatten().step_by(5);
    few.map(|case| Case { pass: Pass::Forward, activation: Activation::None, ..*case }.or_best())
        .collect()
}

/// Integers up to `most` in magnitude.
fn integers(random: &mut Random, len: usize, most: usize) -> Vec<f32> {
    (0..len).map(|_| random.below(2 * most + 1) as f32 - most as f32).collect()
}

/// The inner product; each term and sum is an integer that f64 holds.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn verify(isa: Isa, cases: &[Case]) -> Report {
    let (mut hash, mut zero) = (Digest::default(), 0);
    for case in cases {
        let conv = case.conv(isa).expect("a case that can be run");
        let terms = Pass::ALL.map(|pass| pass.terms(&case.shape) + 1).into_iter().max();
        let most = (EXACT / terms.expect("a pass")).isqrt();
        let random = &mut Random::new(case.seed.into());
        let (problem, update) = (conv.problem(), Update::Overwrite);
        let mut operand = |len| integers(random, len, most);
        let (x, w) = (operand(problem.input_len()), operand(problem.weights_len()));
        let (b, gy) = (operand(problem.output_channels()), operand(problem.output_len()));
        let mut y = vec![f32::NAN; gy.len()];
        let [mut gx, mut gw, mut gb] = [&x, &w, &b].map(|operand| vec![f32::NAN; operand.len()]);
        conv.forward(&x, &w, Some(&b), &mut y).expect("right lengths");
        conv.grad_input(&gy, &w, &mut gx, update).expect("right lengths");
        conv.grad_weight(&x, &gy, &mut gw, update).expect("right lengths");
        conv.grad_bias(&gy, &mut gb, update).expect("right lengths");
        let expected = dot(&gy, &y) - dot(&gb, &b);
        assert_eq!(dot(&gx, &x), expected, "grad_input of {case}");
        assert_eq!(dot(&gw, &w), expected, "grad_weight of {case}");
        zero += usize::from(expected == 0.0);
        [y, gx, gw, gb].iter().for_each(|results| hash.add(results));
    }
    assert!(zero * 10 < cases.len(), "{zero} products are 0");
    Report {
        check: "adjoint".into(),
        subject: isa.name().into(),
        contract: isa.contract(),
        cases: cases.len(),
        compared: 2 * cases.len(),
        worst: 0.0,
        hash: hash.0,
    }
}

#[test]
fn adjoint() {
    let cases = convolutions();
    assert!(cases.len() > 1000, "only {} cases", cases.len());
    let reports: Vec<_> = harness::isas().map(|isa| verify(isa, &cases)).collect();
    assert!(!reports.is_empty());
    for report in &reports {
        harness::print(report);
        assert_eq!(report.hash, reports[0].hash, "exact results are the same in any contract");
    }
}
