//! Passes of any convolution over slices of any lengths: computed, or refused with a typed error.
#![no_main]

use depthwise_verification::hostile;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match hostile::api(bytes) {
        Ok(_) => Corpus::Keep,
        Err(_) => Corpus::Reject,
    }
});
