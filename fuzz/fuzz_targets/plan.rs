//! Plans for any sizes: nothing panics or overflows, and each result is covered once.
#![no_main]

use depthwise_verification::hostile;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match hostile::plan(bytes) {
        Ok(_) => Corpus::Keep,
        Err(_) => Corpus::Reject,
    }
});
