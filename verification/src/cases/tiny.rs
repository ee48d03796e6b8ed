//! Few cases for machines on which a case takes a second: interpreters.

use std::collections::{BTreeMap, BTreeSet};

use super::of;
use crate::case::Case;
use crate::classes::{Class, Kernel, met};
use crate::order;

/// Cases of each kernel.
const EACH: usize = 1;

/// Products and results that cost as much as whatever a case does anyway.
const OVERHEAD: usize = 60;

/// Of the cases of each kernel, the few that meet the most classes for what they cost.
pub fn tiny() -> Vec<Case> {
    let mut tiny: Vec<Case> = Vec::new();
    for kernel in Kernel::all() {
        let candidates = candidates(&kernel);
        let mut met = BTreeSet::new();
        for _ in 0..EACH {
            let worth = |(case, classes): &&(Case, BTreeSet<Class>)| {
                1_000_000 * classes.difference(&met).count() / (OVERHEAD + cost(case))
            };
            let Some((case, classes)) = candidates.iter().max_by_key(worth) else { continue };
            met.extend(classes.iter().copied());
            if !tiny.contains(case) {
                tiny.push(*case);
            }
        }
    }
    tiny
}

/// The cases that run a kernel and can be told in bytes, with the classes that they make it meet.
fn candidates(kernel: &Kernel) -> Vec<(Case, BTreeSet<Class>)> {
    let named = of(kernel.pass).iter().filter(|case| case.instance == kernel.instance);
    let mut candidates = Vec::new();
    for case in named.filter(|case| case.layout == kernel.layout && case.to_bytes().is_some()) {
        let mut classes: BTreeMap<bool, BTreeSet<Class>> = BTreeMap::new();
        met::each(case, |other, event| {
            classes.entry(other == kernel).or_default().extend(event.classes());
        });
        candidates.extend(classes.remove(&true).map(|classes| (*case, classes)));
    }
    candidates
}

fn cost(case: &Case) -> usize {
    let results = order::count(case.pass, &case.shape);
    results * case.pass.terms(&case.shape) + order::outputs(&case.shape).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_has_tiny_cases() {
        let tiny = tiny();
        for kernel in Kernel::all() {
            let runs = |case: &&Case| {
                let mut runs = false;
                met::each(case, |other, _| runs |= *other == kernel);
                runs
            };
            assert!(tiny.iter().filter(runs).count() >= EACH, "{}", kernel.name());
        }
        let cost: usize = tiny.iter().map(cost).sum();
        assert!(cost < 1500 * tiny.len(), "{cost} products in {} cases", tiny.len());
    }
}
