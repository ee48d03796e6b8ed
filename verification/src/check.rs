//! What is checked of one case on one subject.

use depthwise::{Activation, INSTANCES, Machine};

use crate::case::Case;
use crate::contract;
use crate::data::{Data, EXACT, Tensors};
use crate::fence::{self, Fence};
use crate::memory::Memory;
use crate::order;
use crate::pass::Pass;
use crate::passes;
use crate::properties;
use crate::subject::Subject;
use crate::verdict::{self, Evidence, Failure, Fault};

/// A named check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Odd integers give exactly the reference's sums.
    Exact,
    /// Reals give the reference's sums within the error bound.
    Bound,
    /// Reals and special values give the bits of the arithmetic contract.
    Bits,
    /// All results are written, and nothing else.
    Guard,
    /// Every instance that computes the problem gives the same bits on every machine.
    Tiles,
    /// Tensors may end, or begin, where memory does.
    Fence,
    /// The results of a sum are the sum of the results.
    Linear,
    /// Images know nothing of each other; gradients of weights and biases are sums over them.
    Images,
    /// Channels know nothing of each other.
    Channels,
    /// An element changes the results that it has a product in, and no others.
    Influence,
    /// What windows miss may be anything.
    Clipped,
    /// Padding is as good as zeros, and cropping as good as a smaller input.
    Padded,
    /// Windows that are left out change nothing for others.
    Translated,
    /// Addresses change nothing.
    Offsets,
    /// The same bits, again and again.
    Repeated,
}

impl Check {
    /// The checks that every case goes through.
    pub const ALL: [Self; 6] =
        [Self::Exact, Self::Bound, Self::Bits, Self::Guard, Self::Tiles, Self::Fence];

    /// What must hold between several runs.
    pub const PROPERTIES: [Self; 9] = [
        Self::Linear,
        Self::Images,
        Self::Channels,
        Self::Influence,
        Self::Clipped,
        Self::Padded,
        Self::Translated,
        Self::Offsets,
        Self::Repeated,
    ];

    /// All checks, and all properties.
    pub fn every() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::PROPERTIES)
    }

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Bound => "bound",
            Self::Bits => "bits",
            Self::Guard => "guard",
            Self::Tiles => "tiles",
            Self::Fence => "fence",
            Self::Linear => "linear",
            Self::Images => "images",
            Self::Channels => "channels",
            Self::Influence => "influence",
            Self::Clipped => "clipped",
            Self::Padded => "padded",
            Self::Translated => "translated",
            Self::Offsets => "offsets",
            Self::Repeated => "repeated",
        }
    }

    /// The case as the check runs it: with its own numbers and activation where the check can judge them.
    fn judged(self, case: &Case) -> Case {
        let sums = matches!(case.pass, Pass::GradWeight | Pass::GradBias);
        let data = match (self, case.data) {
            (Self::Exact | Self::Linear | Self::Influence | Self::Clipped, _) => Data::Odd,
            (Self::Images, _) if sums => Data::Odd,
            (Self::Translated, _) if case.pass != Pass::Forward => Data::Odd,
            (Self::Bound, Data::Odd) => Data::Uniform,
            (Self::Bound | Self::Padded, Data::Special) => Data::Normal,
            (Self::Bits, Data::Odd) => Data::Special,
            (_, own) => own,
        };
        let activation = match self {
            Self::Linear | Self::Influence | Self::Clipped => Activation::None,
            _ => case.activation,
        };
        Case { data, activation, ..*case }
    }

    /// Runs the check.
    ///
    /// # Errors
    /// What is wrong, with the case as it was run.
    pub fn run(self, case: &Case, subject: &dyn Subject) -> Result<Evidence, Box<Failure>> {
        let case = self.judged(case);
        let check = match self {
            Self::Exact => exact,
            Self::Bound => within_bound,
            Self::Bits => bits,
            Self::Guard => guard,
            Self::Tiles => tiles,
            Self::Fence => fence,
            Self::Linear => properties::linear,
            Self::Images => properties::images,
            Self::Channels => properties::channels,
            Self::Influence => properties::influence,
            Self::Clipped => properties::clipped,
            Self::Padded => properties::padded,
            Self::Translated => properties::translated,
            Self::Offsets => properties::offsets,
            Self::Repeated => properties::repeated,
        };
        let evidence = check(&case, subject).and_then(|evidence| match evidence.shortfall() {
            Some(reason) => Err(Fault::Wrong(reason)),
            None => Ok(evidence),
        });
        let subject = subject.name();
        evidence.map_err(|fault| Box::new(Failure { check: self, subject, case, fault }))
    }
}

/// The memory after a run that began with the case's tensors in it.
pub(crate) fn computed(
    case: &Case,
    tensors: &Tensors,
    subject: &dyn Subject,
) -> Result<Memory, Fault> {
    let mut memory = Memory::new(case, tensors);
    subject.run(case, &mut memory).map_err(Fault::Refused)?;
    Ok(memory)
}

/// Compares each result with what is expected of it: `judge` says what is wrong with a pair.
fn compare<T>(
    case: &Case,
    memory: &Memory,
    expected: &[T],
    mut judge: impl FnMut(f32, &T) -> Option<String>,
) -> Result<Evidence, Fault> {
    let Case { pass, layout, shape, .. } = case;
    let mut compared = 0;
    for (at, expected) in order::results(*pass, shape).zip(expected) {
        let value = memory.results.values()[order::result(*pass, *layout, shape, at)];
        if let Some(reason) = judge(value, expected) {
            let ([n, c, h, w], name) = (at, pass.name());
            let place = format!("{name} of image {n}, channel {c}, row {h}, column {w}");
            return Err(Fault::Wrong(format!("{place} is {value:e}, {reason}")));
        }
        compared += 1;
    }
    if compared != memory.results.values().len() {
        return Err(Fault::Wrong(format!("only {compared} results are expected")));
    }
    Ok(Evidence::of(case, memory))
}

fn exact(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let memory = computed(case, &tensors, subject)?;
    compare(case, &memory, &passes::sums(case, &tensors), |value, sum| {
        if sum.magnitude > EXACT as f64 {
            return Some(format!("but magnitudes add up to {}: not exact", sum.magnitude));
        }
        let exact = contract::activate(case.activation, sum.value as f32);
        (value != exact).then(|| format!("not {exact:e}"))
    })
}

fn within_bound(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let memory = computed(case, &tensors, subject)?;
    let (low, high) = contract::bounds(case.activation);
    let (mut worst, bound): (f64, _) = (0.0, passes::bound(case));
    let evidence = compare(case, &memory, &passes::sums(case, &tensors), |value, sum| {
        // Clamping brings two numbers no further apart.
        let exact = sum.value.max(low.into()).min(high.into());
        let (error, bound) = ((f64::from(value) - exact).abs(), bound(sum));
        if bound > 0.0 {
            worst = worst.max(error / bound);
        }
        // A NaN is not within any bound.
        let within = error <= bound;
        (!within).then(|| format!("not {exact:e} ± {bound:e}"))
    })?;
    Ok(Evidence { worst, ..evidence })
}

fn bits(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let memory = computed(case, &tensors, subject)?;
    let expected = passes::model(subject.contract(), case, &tensors);
    compare(case, &memory, &expected, |value, model| {
        let same = contract::bits(value) == contract::bits(*model);
        (!same).then(|| format!("not {model:e}, of the contract's bits"))
    })
}

fn guard(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let memory = computed(case, &tensors, subject)?;
    match memory.damage(&tensors) {
        Some(damage) => Err(Fault::Wrong(damage)),
        None => Ok(Evidence::of(case, &memory)),
    }
}

fn fence(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let open = computed(case, &tensors, subject)?;
    let mut evidence = Evidence { compared: 0, ..Evidence::of(case, &open) };
    let line = verdict::repeat(Check::Fence, &subject.name(), case);
    for fence in Fence::ALL {
        let mut memory = Memory::new(case, &tensors);
        memory.put_at(*fence);
        fence::during(&line, || subject.run(case, &mut memory)).map_err(Fault::Refused)?;
        if let Some(damage) = memory.damage(&tensors) {
            return Err(Fault::Wrong(damage));
        }
        let pairs = evidence.results.iter().zip(memory.results.values());
        for (index, (open, fenced)) in pairs.enumerate() {
            if contract::bits(*open) != contract::bits(*fenced) {
                let reason = format!("result {index} is {open:e}, but {fenced:e} at a fence");
                return Err(Fault::Wrong(reason));
            }
        }
        evidence.compared += evidence.results.len();
    }
    Ok(evidence)
}

fn tiles(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let memory = computed(case, &tensors, subject)?;
    let mut evidence = Evidence { compared: 0, ..Evidence::of(case, &memory) };
    let computing: Vec<_> =
        INSTANCES.iter().filter(|instance| case.is_computed_by(instance)).collect();
    for machine in Machine::ALL {
        let best = Case { machine, instance: None, ..*case };
        for instance in computing.iter().copied().map(Some).chain([None]) {
            let other = Case { instance, ..best };
            // What the plan would choose anyway is run once.
            if instance.is_some() && other.plan() == best.plan() {
                continue;
            }
            let memory = computed(&other, &tensors, subject)?;
            let pairs = evidence.results.iter().zip(memory.results.values());
            for (index, (a, b)) in pairs.enumerate() {
                if contract::bits(*a) != contract::bits(*b) {
                    let name = instance.map_or("the plan's choice", |instance| instance.name);
                    let place = format!("result {index} is {a:e}");
                    let reason = format!("{place}, but {b:e} by {name} on {}", machine.name);
                    return Err(Fault::Wrong(reason));
                }
            }
            evidence.compared += evidence.results.len();
        }
    }
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::pass::Pass;
    use crate::subject::Kernels;
    use depthwise::Isa;

    /// Special values would show nothing if all results were NaN.
    #[test]
    fn special_values_reach_the_results() {
        for pass in Pass::ALL {
            let special = cases::of(pass).iter().filter(|case| case.data == Data::Special);
            let results: Vec<f32> = special
                .flat_map(|case| Check::Guard.run(case, &Kernels(Isa::best())).unwrap().results)
                .collect();
            let share = |which: fn(&f32) -> bool| {
                results.iter().filter(|value| which(value)).count() as f64 / results.len() as f64
            };
            let shares = [share(|v| v.is_nan()), share(|v| v.is_infinite())];
            assert!(shares.iter().all(|s| (0.01..0.3).contains(s)), "{pass:?} {shares:?}");
            let subnormal = share(|v| v.is_subnormal());
            assert!(subnormal > 0.02, "{pass:?} {subnormal}");
            // Gradients start at +0: only what is accumulated to can be −0, and stays so seldom.
            let negative_zero = share(|v| v.to_bits() == (-0f32).to_bits());
            assert!(negative_zero > 0.005 || pass != Pass::Forward, "{pass:?}");
        }
    }
}
