//! A progress bar on stderr, where that is a terminal.

#[cfg(not(target_family = "wasm"))]
mod bar {
    use indicatif::{ProgressBar, ProgressStyle};

    /// A bar that vanishes when it is dropped.
    pub struct Progress(ProgressBar);

    impl Progress {
        /// A bar of `steps`, labelled `what`.
        pub fn new(what: String, steps: usize) -> Self {
            let bar = ProgressBar::new(steps as u64).with_message(what);
            if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len}") {
                bar.set_style(style);
            }
            Self(bar)
        }

        /// One step done.
        pub fn step(&self) {
            self.0.inc(1);
        }
    }

    impl Drop for Progress {
        fn drop(&mut self) {
            self.0.finish_and_clear();
        }
    }
}

#[cfg(target_family = "wasm")]
mod bar {
    /// No bar: the library that draws them needs a browser here.
    pub struct Progress;

    impl Progress {
        /// A bar of `_steps`, labelled `_what`.
        pub fn new(_what: String, _steps: usize) -> Self {
            Self
        }

        /// One step done.
        pub fn step(&self) {}
    }
}

pub use bar::Progress;
