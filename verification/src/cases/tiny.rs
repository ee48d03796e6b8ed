//! Few cases for machines on which a case takes a second: interpreters.

use std::collections::{BTreeMap, BTreeSet};

use depthwise::{Body, Layout};

use super::of;
use crate::case::Case;
use crate::classes::{Class, Kernel, met};
use crate::order;
use crate::pass::Pass;

/// Cases of each kernel.
const EACH: usize = 1;

/// Products and results that cost as much as whatever a case does anyway.
const OVERHEAD: usize = 60;

/// Of the cases of each kernel, the few that meet the most classes for what they cost; of kernels of one pass, layout and
/// body, every `step`th from the first on.
pub fn tiny(step: usize) -> Vec<Case> {
    let mut tiny: Vec<Case> = Vec::new();
    let mut families: Vec<(Pass, Layout, Option<Body>)> = Vec::new();
    for kernel in Kernel::all() {
        let family = family(&kernel);
        let before = families.iter().filter(|other| **other == family).count();
        families.push(family);
        if !before.is_multiple_of(step) {
            continue;
        }
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

/// What a kernel has in common with others that differ in kernel, stride and tile alone.
fn family(kernel: &Kernel) -> (Pass, Layout, Option<Body>) {
    (kernel.pass, kernel.layout, kernel.instance.map(|instance| instance.body))
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
        let tiny = tiny(1);
        for kernel in Kernel::all() {
            let runs = |case: &&Case| {
                let mut runs = false;
                met::each(case, |other, _| runs |= *other == kernel);
                runs
            };
            assert!(tiny.iter().filter(runs).count() >= EACH, "{}", kernel.name());
        }
        let few = super::tiny(1000);
        for kernel in Kernel::all() {
            let mut runs = false;
            few.iter().for_each(|case| {
                met::each(case, |other, _| runs |= family(other) == family(&kernel));
            });
            assert!(runs, "no case of the family of {kernel}");
        }
        assert!(few.len() < 25, "{}", few.len());
        let cost: usize = tiny.iter().map(cost).sum();
        assert!(cost < 1500 * tiny.len(), "{cost} products in {} cases", tiny.len());
    }
}
