//! The cases meet every class that every kernel can meet, and every two that it can meet together.
//!
//! Prints a line for each kernel: `covered target=… kernel=… pass=… classes=56/56 pairs=1365/1365`.

use depthwise::{INSTANCES, Size};
use depthwise_verification::classes::{Coverage, Coverages, Event, Expected, Kernel, met, truth};
use depthwise_verification::{Case, Pass, cases, harness, test_each_pass};

/// Fewest classes of a specialised instance, of a general one, and of a bias gradient, and as many pairs.
fn fewest(kernel: &Kernel) -> [usize; 2] {
    match kernel.instance.map(|instance| instance.kernel) {
        Some(Size::Exactly(_)) => [40, 800],
        Some(Size::Any) => [70, 2000],
        None => [25, 250],
    }
}

/// Counts what the cases of a pass meet.
fn verify(pass: Pass) {
    let mut coverages = Coverages::of(pass);
    cases::of(pass).iter().for_each(|case| coverages.meet(case));
    let mut kernels = 0;
    for (kernel, _, coverage) in coverages.iter() {
        let [met, classes, met_pairs, pairs] = coverage.counts();
        let target = std::env::consts::ARCH;
        harness::print(format_args!(
            "covered target={target} pass={} kernel={} classes={met}/{classes} pairs={met_pairs}/{pairs}",
            pass.name(),
            kernel.name(),
        ));
        let [fewest, fewest_pairs] = fewest(kernel);
        assert!(classes >= fewest && pairs >= fewest_pairs, "{classes}, {pairs} of {kernel}");
        if let Err(reason) = coverage.check() {
            panic!("{kernel}: {reason}");
        }
        kernels += 1;
    }
    let instances = INSTANCES.iter().filter(|instance| pass.is_computed_by(instance)).count();
    assert_eq!(kernels, if pass == Pass::GradBias { 2 } else { instances });
}

test_each_pass!(verify);

/// What a case makes its own instance meet.
fn events(kernel: &Kernel, case: &Case) -> Vec<Event> {
    let mut events = Vec::new();
    met::each(case, |other, event| {
        if other == kernel {
            events.push(*event);
        }
    });
    events
}

/// One specialised kernel of each pass that has some.
fn kernels() -> impl Iterator<Item = Kernel> {
    let special = |kernel: &Kernel| {
        kernel.instance.is_some_and(|instance| matches!(instance.kernel, Size::Exactly(_)))
    };
    Pass::ALL
        .into_iter()
        .filter_map(move |pass| Kernel::all().find(|kernel| kernel.pass == pass && special(kernel)))
}

/// Cases that meet some class are left out, for each class in turn.
#[test]
fn a_class_that_no_case_meets_is_missing() {
    let mut classes = 0;
    for kernel in kernels() {
        let expected = Expected::of(&kernel);
        let of: Vec<Vec<Event>> =
            cases::of(kernel.pass).iter().map(|case| events(&kernel, case)).collect();
        let all = expected.events().flat_map(Event::classes);
        for class in all.copied().collect::<std::collections::BTreeSet<_>>() {
            let mut coverage = Coverage::new(&expected);
            let without = of.iter().filter(|events| events.iter().all(|event| !event.has(class)));
            without.flatten().for_each(|event| coverage.meet(event));
            let reason = coverage.check().expect_err("a class is missing");
            assert!(coverage.misses(class, class), "{kernel}: {class} and {reason}");
            classes += 1;
        }
    }
    assert!(classes > 100, "{classes}");
}

/// Plans of other paddings and sizes, which say what can't be: but for elements that no window has.
#[test]
fn what_plans_say_is_compared() {
    let changes: [fn(&mut Case); 4] = [
        |case| case.shape.low[1] += 1,
        |case| std::mem::swap(&mut case.shape.low, &mut case.shape.high),
        |case| case.shape.input[0] += case.shape.stride[0],
        |case| case.shape.input[1] += case.shape.stride[1],
    ];
    for pass in [Pass::Forward, Pass::GradInput, Pass::GradWeight] {
        for change in changes {
            let (mut tried, mut found) = (0, 0);
            for case in cases::of(pass).iter().step_by(5) {
                let mut other = *case;
                change(&mut other);
                let differs = other.shape != case.shape && other.shape.is_possible();
                let Some(plan) = other.or_best().plan().ok().filter(|_| differs) else { continue };
                tried += 1;
                found += usize::from(truth::check(case, &plan).is_err());
            }
            assert!(tried > 300 && 10 * found > 9 * tried, "{found} of {tried} of {pass:?}");
        }
    }
}
