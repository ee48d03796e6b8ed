//! The same bits on any number of threads. In wasm there is one.

use depthwise::{Isa, Layout};
use depthwise_verification::data::Data;
use depthwise_verification::geometry::{Pads, Window};
use depthwise_verification::{Case, Check, Kernels, Pass, Report, Shape, campaign, cases, harness};

/// Numbers of threads: more than there are rows of some parts, and some that divide nothing.
const THREADS: &[usize] = if cfg!(target_family = "wasm") { &[1] } else { &[1, 2, 3, 7] };

/// Images, channels, multiplier, output size, kernel and stride of what is worth several threads.
/// The bias gradient of the last is, too.
const SIZES: [[usize; 6]; 6] = [
    [1, 37, 1, 41, 3, 1],
    [3, 21, 1, 31, 3, 2],
    [2, 20, 1, 25, 5, 1],
    [1, 7, 3, 29, 7, 2],
    [1, 444, 1, 7, 5, 1],
    [1, 36, 1, 61, 3, 1],
];

#[cfg(not(target_family = "wasm"))]
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("a pool of threads").install(work)
}

#[cfg(target_family = "wasm")]
fn on_threads<T>(_threads: usize, work: impl FnOnce() -> T) -> T {
    work()
}

fn large(pass: Pass) -> Vec<Case> {
    let mut large = Vec::new();
    for (seed, [batch, channels, multiplier, output, kernel, stride]) in (0..).zip(SIZES) {
        for layout in Layout::ALL {
            let axis = Window { kernel, stride, dilation: 1 }.place(Pads::SameUpper, output, 0);
            let shape = Shape {
                batch,
                channels,
                multiplier,
                input: [axis.input; 2],
                kernel: [kernel; 2],
                stride: [stride; 2],
                dilation: [1; 2],
                low: [axis.low; 2],
                high: [axis.high; 2],
            };
            let data = if seed % 2 == 0 { Data::Normal } else { Data::Special };
            large.push(Case { shape, layout, data, seed, instance: None, ..cases::of(pass)[0] });
        }
    }
    large
}

/// The contract's bits on one thread, and the same with nothing damaged on each other number.
fn verify(pass: Pass, isa: Isa) -> Report {
    let (cases, subject) = (large(pass), Kernels(isa));
    for case in &cases {
        let conv = case.conv(isa).expect("a convolution");
        assert!(pass.plan(&conv).unwrap_or(conv.plan()).is_worth_sharing(), "{case}");
    }
    let run = |check, threads| {
        on_threads(threads, || match campaign::run(check, &subject, &cases) {
            Ok(report) => report,
            Err(failure) => panic!("on {threads} threads: {failure}"),
        })
    };
    let expected = run(Check::Bits, 1);
    for threads in THREADS {
        let report = run(Check::Guard, *threads);
        assert_eq!(report.hash, expected.hash, "{} of {isa} on {threads} threads", pass.name());
    }
    Report { check: format!("{}-threads", pass.name()), ..expected }
}

#[test]
fn threads() {
    let mut reports = Vec::new();
    for isa in harness::isas() {
        reports.extend(Pass::ALL.map(|pass| verify(pass, isa)));
    }
    assert!(reports.len() >= Pass::ALL.len());
    for report in reports {
        harness::print(report);
    }
}
