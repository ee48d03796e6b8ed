//! Every check of a case on every instruction set of this machine; `PASS=grad_weight` leaves other
//! passes out. Failures are shrunk, and end in the command that repeats them.
#![no_main]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};

use depthwise::Isa;
use depthwise_verification::campaign::trial;
use depthwise_verification::classes::met;
use depthwise_verification::shrink::shrink;
use depthwise_verification::{Case, Check, Kernels, Pass};
use libfuzzer_sys::{Corpus, fuzz_target};

const COUNTERS: usize = 1 << 14;

/// What the fuzzer counts as coverage, beside the code: the boundary classes that a case meets.
// Nobody here reads it.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = "__libfuzzer_extra_counters"))]
static CLASSES: [AtomicU8; COUNTERS] = [const { AtomicU8::new(0) }; COUNTERS];

static PASS: LazyLock<Option<Pass>> = LazyLock::new(|| {
    let name = std::env::var("PASS").ok()?;
    Some(Pass::ALL.into_iter().find(|pass| pass.name() == name).expect("PASS names a pass"))
});

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(case) = Case::from_bytes(bytes) else { return Corpus::Reject };
    if PASS.is_some_and(|pass| case.pass != pass) {
        return Corpus::Reject;
    }
    met::each(&case, |kernel, event| {
        for class in event.classes() {
            let mut hasher = DefaultHasher::new();
            (kernel.pass.name(), kernel.name(), class).hash(&mut hasher);
            CLASSES[hasher.finish() as usize % COUNTERS].store(1, Ordering::Relaxed);
        }
    });
    for isa in Isa::ALL.into_iter().filter(|isa| isa.available()) {
        for check in Check::ALL {
            if let Err(failure) = trial(check, &Kernels(isa), &case) {
                panic!("{}", shrink(failure, &Kernels(isa)));
            }
        }
    }
    Corpus::Keep
});
