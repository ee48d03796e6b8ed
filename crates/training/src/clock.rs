use std::fmt;

/// What time is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Making the images of a batch.
    Drawing,
    /// Forward passes of depthwise layers.
    Forward,
    /// Their input gradients.
    GradInput,
    /// Their weight gradients.
    GradWeight,
    /// Their bias gradients.
    GradBias,
    /// Pointwise layers, forward.
    Pointwise,
    /// The gradients of pointwise layers.
    PointwiseGradients,
    /// Moving the parameters.
    Descent,
}

impl Work {
    /// Everything that is timed.
    pub const ALL: [Self; 8] = [
        Self::Drawing,
        Self::Forward,
        Self::GradInput,
        Self::GradWeight,
        Self::GradBias,
        Self::Pointwise,
        Self::PointwiseGradients,
        Self::Descent,
    ];

    /// Name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drawing => "drawing",
            Self::Forward => "depthwise forward",
            Self::GradInput => "depthwise grad_input",
            Self::GradWeight => "depthwise grad_weight",
            Self::GradBias => "depthwise grad_bias",
            Self::Pointwise => "pointwise forward",
            Self::PointwiseGradients => "pointwise gradients",
            Self::Descent => "Adam",
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where the time goes.
#[derive(Clone, Debug)]
pub struct Clock {
    now: fn() -> f64,
    seconds: [f64; Work::ALL.len()],
}

impl Clock {
    /// A clock that has timed nothing yet. `now` tells the time in seconds, since whenever.
    #[must_use]
    pub fn new(now: fn() -> f64) -> Self {
        Self { now, seconds: [0.0; Work::ALL.len()] }
    }

    /// Does some work, and adds up how long that takes.
    pub fn time<T>(&mut self, work: Work, run: impl FnOnce() -> T) -> T {
        let start = (self.now)();
        let result = run();
        self.seconds[work as usize] += (self.now)() - start;
        result
    }

    /// Seconds spent on that work so far.
    #[must_use]
    pub fn seconds(&self, work: Work) -> f64 {
        self.seconds[work as usize]
    }
}
