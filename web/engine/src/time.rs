//! The time.

/// Seconds since some moment.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn now() -> f64 {
    crate::bindings::milliseconds() / 1000.0
}

/// Seconds since some moment.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn now() -> f64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}
