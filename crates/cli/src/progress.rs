//! Progress on stderr: a bar, where that is a terminal.

use std::time::{Duration, Instant};

#[cfg(not(target_family = "wasm"))]
mod bar {
    use indicatif::{ProgressBar, ProgressStyle};

    use super::Lines;

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

    /// A bar of a share of something, with a text; lines with a time, where there is no terminal.
    pub struct Share {
        bar: Option<ProgressBar>,
        lines: Lines,
    }

    impl Share {
        /// Parts of a whole bar.
        const WHOLE: u64 = 1000;

        /// None of it done.
        pub fn new() -> Self {
            let bar = ProgressBar::new(Self::WHOLE);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
                bar.set_style(style);
            }
            Self { bar: (!bar.is_hidden()).then_some(bar), lines: Lines::new() }
        }

        /// So much of it done.
        pub fn show(&mut self, share: f64, text: impl Fn() -> String) {
            match &self.bar {
                Some(bar) => {
                    bar.set_position((share * Self::WHOLE as f64) as u64);
                    bar.set_message(text());
                }
                None => self.lines.show(text),
            }
        }

        /// Does something that prints.
        pub fn beside<T>(&self, print: impl FnOnce() -> T) -> T {
            match &self.bar {
                Some(bar) => bar.suspend(print),
                None => print(),
            }
        }
    }

    impl Drop for Share {
        fn drop(&mut self) {
            if let Some(bar) = &self.bar {
                bar.finish_and_clear();
            }
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

    /// Lines with a text now and then.
    pub struct Share(super::Lines);

    impl Share {
        /// None of it done.
        pub fn new() -> Self {
            Self(super::Lines::new())
        }

        /// So much of it done.
        pub fn show(&mut self, _share: f64, text: impl Fn() -> String) {
            self.0.show(text);
        }

        /// Does something that prints.
        pub fn beside<T>(&self, print: impl FnOnce() -> T) -> T {
            print()
        }
    }
}

pub use bar::{Progress, Share};

/// Lines on stderr, ten seconds apart.
struct Lines(Instant);

impl Lines {
    const APART: Duration = Duration::from_secs(10);

    fn new() -> Self {
        Self(Instant::now())
    }

    fn show(&mut self, text: impl Fn() -> String) {
        if self.0.elapsed() >= Self::APART {
            eprintln!("{}", text());
            self.0 = Instant::now();
        }
    }
}
