//! What is checked of one case on one subject.

use depthwise::{INSTANCES, Machine};

use crate::case::{Case, is_misfit};
use crate::contract;
use crate::data::{Data, EXACT, Tensors};
use crate::memory::Memory;
use crate::order;
use crate::passes;
use crate::subject::Subject;
use crate::verdict::{Evidence, Failure, Fault};

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
}

impl Check {
    /// All checks.
    pub const ALL: [Self; 5] = [Self::Exact, Self::Bound, Self::Bits, Self::Guard, Self::Tiles];

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Bound => "bound",
            Self::Bits => "bits",
            Self::Guard => "guard",
            Self::Tiles => "tiles",
        }
    }

    /// The numbers that the check runs: the case's own where it can judge them.
    fn data(self, own: Data) -> Data {
        match (self, own) {
            (Self::Exact, _) => Data::Odd,
            (Self::Bound, Data::Odd) => Data::Uniform,
            (Self::Bound, Data::Special) => Data::Normal,
            (Self::Bits, Data::Odd) => Data::Special,
            _ => own,
        }
    }

    /// Runs the check.
    ///
    /// # Errors
    /// What is wrong, with the case as it was run.
    pub fn run(self, case: &Case, subject: &dyn Subject) -> Result<Evidence, Box<Failure>> {
        let case = Case { data: self.data(case.data), ..*case };
        let check = match self {
            Self::Exact => exact,
            Self::Bound => within_bound,
            Self::Bits => bits,
            Self::Guard => guard,
            Self::Tiles => tiles,
        };
        let evidence = check(&case, subject).and_then(|evidence| match evidence.shortfall() {
            Some(reason) => Err(Fault::Wrong(reason)),
            None => Ok(evidence),
        });
        let subject = subject.name();
        evidence.map_err(|fault| Box::new(Failure { check: self, subject, case, fault }))
    }
}

fn computed(case: &Case, tensors: &Tensors, subject: &dyn Subject) -> Result<Memory, Fault> {
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

fn tiles(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let memory = computed(case, &tensors, subject)?;
    let mut evidence = Evidence { compared: 0, ..Evidence::of(case, &memory) };
    for machine in Machine::ALL {
        for instance in INSTANCES.iter().map(Some).chain([None]) {
            let other = Case { machine, instance, ..*case };
            let memory = match computed(&other, &tensors, subject) {
                Ok(memory) => memory,
                Err(Fault::Refused(error)) if instance.is_some() && is_misfit(&error) => continue,
                Err(fault) => return Err(fault),
            };
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
