//! What the page shows, in the order in which it shows it.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use depthwise_campaign::{Checked, Classes, Finding};

use crate::campaign::Campaign;
use crate::chart::{Bars, Squares};
use crate::numbers::{percent, short, whole};
use crate::proof::Proven;

/// The page, whole in itself.
#[derive(Template)]
#[template(path = "page.html")]
pub struct Page {
    date: String,
    tools: Vec<String>,
    findings: Vec<Finding>,
    unfinished: usize,
    tiles: Vec<Tile>,
    proof: Option<Proof>,
    properties: Properties,
    agreements: Vec<Agreement>,
    coverage: Option<Coverage>,
    errors: Errors,
    campaigns: Campaigns,
}

/// A number and what it counts.
struct Tile {
    number: String,
    what: &'static str,
}

/// Shapes that are proven for all data.
struct Proof {
    chart: Bars,
    rows: Vec<[String; 5]>,
    total: [String; 5],
}

/// Comparisons of each check on each instruction set.
struct Properties {
    checks: Vec<String>,
    rows: Vec<(String, String, Vec<Option<String>>)>,
}

/// Instruction sets that gave the same bits, or didn't.
struct Agreement {
    source: String,
    pass: String,
    contract: String,
    isas: Vec<String>,
    cases: String,
    hash: String,
    holds: bool,
}

impl Agreement {
    fn verdict(&self) -> &'static str {
        match (self.holds, self.isas.len()) {
            (false, _) => "differ",
            (true, 1) => "alone",
            _ => "agree",
        }
    }
}

/// Boundary classes of all kernels.
struct Coverage {
    chart: Squares,
    machines: String,
    passes: Vec<[String; 4]>,
    kernels: Vec<[String; 4]>,
}

/// Largest errors of each pass, as shares of their bounds.
struct Errors {
    chart: Bars,
    passes: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

/// What was run, and how fast.
struct Campaigns {
    chart: Bars,
    rows: Vec<[String; 6]>,
}

impl Page {
    /// A page of what campaigns and proof have shown by a date, made with certain tools.
    pub fn new(date: &str, tools: &[String], campaigns: &[Campaign], proven: &[Proven]) -> Self {
        Self {
            date: date.into(),
            tools: tools.into(),
            findings: campaigns.iter().flat_map(|of| &of.findings).cloned().collect(),
            unfinished: campaigns.iter().filter(|campaign| !campaign.done).count(),
            tiles: tiles(campaigns, proven),
            proof: (!proven.is_empty()).then(|| Proof::of(proven)),
            properties: Properties::of(campaigns),
            agreements: agreements(campaigns),
            coverage: Coverage::of(campaigns),
            errors: Errors::of(campaigns),
            campaigns: Campaigns::of(campaigns),
        }
    }

    /// Whether everything on the page holds.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
            && self.unfinished == 0
            && self.agreements.iter().all(|agreement| agreement.holds)
            && self.coverage.as_ref().is_none_or(Coverage::is_complete)
    }
}

fn tiles(campaigns: &[Campaign], proven: &[Proven]) -> Vec<Tile> {
    let shapes: u64 = proven.iter().map(|pass| pass.shapes).sum();
    let verified = || campaigns.iter().flat_map(|campaign| &campaign.verified);
    let compared: u64 = verified().flat_map(|of| &of.checks).map(|check| check.compared).sum();
    let cases: u64 = verified().map(|of| of.cases).sum();
    let mut isas: Vec<_> = campaigns.iter().flat_map(Campaign::isas).collect();
    isas.sort_unstable();
    isas.dedup();
    let mut tiles = vec![
        Tile { number: isas.len().to_string(), what: "instruction sets" },
        Tile { number: whole(cases), what: "cases run" },
        Tile { number: short(compared), what: "results compared" },
    ];
    if shapes > 0 {
        tiles.insert(0, Tile { number: whole(shapes), what: "shapes proven for all data" });
    }
    tiles
}

impl Proof {
    fn of(proven: &[Proven]) -> Self {
        let bar = |of: &Proven| (of.pass.clone(), of.shapes as f64, whole(of.shapes));
        let row = |of: &Proven| {
            let seconds = format!("{}\u{202f}s", of.seconds);
            [of.pass.clone(), whole(of.shapes), short(of.results), short(of.operations), seconds]
        };
        let sum = |of: fn(&Proven) -> u64| proven.iter().map(of).sum();
        let total = Proven {
            pass: "all".into(),
            shapes: sum(|of| of.shapes),
            results: sum(|of| of.results),
            operations: sum(|of| of.operations),
            seconds: sum(|of| of.seconds),
        };
        Self {
            chart: Bars::new("proof", "Shapes proven".into(), proven.iter().map(bar).collect()),
            rows: proven.iter().map(row).collect(),
            total: row(&total),
        }
    }
}

/// What was checked on an instruction set, with the machine it ran on.
struct OnIsa<'a> {
    isa: &'a str,
    machine: &'a str,
    /// By pass.
    checked: Vec<(&'a str, &'a Checked)>,
}

/// Everything of the campaigns on each instruction set.
fn by_isa(campaigns: &[Campaign]) -> Vec<OnIsa<'_>> {
    let mut all: Vec<OnIsa<'_>> = Vec::new();
    for campaign in campaigns {
        for verified in &campaign.verified {
            let (isa, machine) = (verified.isa.as_str(), campaign.machine.as_str());
            let checks = verified.checks.iter().map(|checked| (verified.pass.as_str(), checked));
            match all.iter_mut().find(|other| (other.isa, other.machine) == (isa, machine)) {
                Some(of) => of.checked.extend(checks),
                None => all.push(OnIsa { isa, machine, checked: checks.collect() }),
            }
        }
    }
    all
}

/// Different ones, in their order.
fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut unique = Vec::new();
    names.for_each(|name| {
        if !unique.contains(&name) {
            unique.push(name);
        }
    });
    unique
}

impl Properties {
    fn of(campaigns: &[Campaign]) -> Self {
        let isas = by_isa(campaigns);
        let all = isas.iter().flat_map(|of| &of.checked);
        let checks = unique(all.map(|(_, checked)| checked.check.as_str()));
        let compared = |of: &OnIsa<'_>, check: &str| {
            let same = of.checked.iter().filter(|(_, checked)| checked.check == check);
            let compared = same.map(|(_, checked)| checked.compared).sum();
            (compared > 0).then(|| short(compared))
        };
        let row = |of: &OnIsa<'_>| {
            let cells = checks.iter().map(|check| compared(of, check)).collect();
            (of.isa.to_owned(), of.machine.to_owned(), cells)
        };
        let rows = isas.iter().map(row).collect();
        Self { checks: checks.into_iter().map(str::to_owned).collect(), rows }
    }
}

/// What ran the same cases under the same contract, and what it gave.
fn agreements(campaigns: &[Campaign]) -> Vec<Agreement> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut order = Vec::new();
    for campaign in campaigns {
        for verified in campaign.verified.iter().filter(|verified| verified.cases > 0) {
            let (source, contract) = (campaign.plan.source.as_str(), verified.contract.as_str());
            let key = (source, contract, verified.pass.as_str(), verified.cases);
            let group = groups.entry(key).or_default();
            if group.is_empty() {
                order.push(key);
            }
            group.push((verified.isa.as_str(), verified.hash));
        }
    }
    let agreement = |key: (&str, &str, &str, u64)| {
        let of = &groups[&key];
        let hashes: BTreeSet<u64> = of.iter().map(|(_, hash)| *hash).collect();
        let text: Vec<_> = hashes.iter().map(|hash| format!("{hash:016x}")).collect();
        Agreement {
            source: key.0.into(),
            contract: key.1.into(),
            pass: key.2.into(),
            cases: whole(key.3),
            isas: unique(of.iter().map(|(isa, _)| *isa)).into_iter().map(str::to_owned).collect(),
            hash: text.join(" "),
            holds: hashes.len() == 1,
        }
    };
    order.into_iter().map(agreement).collect()
}

impl Coverage {
    /// Of the listed cases, which are to meet every class: the worst of all targets.
    fn of(campaigns: &[Campaign]) -> Option<Self> {
        let listed = || campaigns.iter().filter(|campaign| campaign.is_listed());
        let mut kernels: Vec<Classes> = Vec::new();
        for of in listed().flat_map(|campaign| &campaign.classes) {
            let same =
                |other: &&mut Classes| (&other.pass, &other.kernel) == (&of.pass, &of.kernel);
            match kernels.iter_mut().find(same) {
                None => kernels.push(of.clone()),
                Some(worst) => {
                    worst.met = worst.met.min(of.met);
                    worst.met_pairs = worst.met_pairs.min(of.met_pairs);
                    worst.unexpected_pairs = worst.unexpected_pairs.max(of.unexpected_pairs);
                }
            }
        }
        if kernels.is_empty() {
            return None;
        }
        let words = |of: &Classes| {
            let share = |met: usize, all: usize| {
                format!("{}\u{202f}/\u{202f}{}", whole(met as u64), whole(all as u64))
            };
            [share(of.met, of.of), share(of.met_pairs, of.of_pairs)]
        };
        let row = |of: &Classes| {
            let [classes, pairs] = words(of);
            [of.pass.clone(), of.kernel.clone(), classes, pairs]
        };
        let square = |of: &Classes| {
            let [classes, pairs] = words(of);
            let label = format!("{} {}: {classes} classes, {pairs} pairs", of.pass, of.kernel);
            (label, of.is_complete())
        };
        let pass = |pass: &str| {
            let of = || kernels.iter().filter(|kernel| kernel.pass == pass);
            let sum = |number: fn(&Classes) -> usize| of().map(number).sum();
            let all = Classes {
                pass: pass.into(),
                kernel: String::new(),
                met: sum(|of| of.met),
                of: sum(|of| of.of),
                met_pairs: sum(|of| of.met_pairs),
                of_pairs: sum(|of| of.of_pairs),
                unexpected_pairs: sum(|of| of.unexpected_pairs),
            };
            let [classes, pairs] = words(&all);
            [pass.to_owned(), of().count().to_string(), classes, pairs]
        };
        let complete = kernels.iter().filter(|kernel| kernel.is_complete()).count();
        let title = format!("{complete} of {} kernels met every class and pair", kernels.len());
        let machines = unique(listed().map(|campaign| campaign.machine.as_str())).join("; ");
        Some(Self {
            chart: Squares::new("classes", title, kernels.iter().map(square).collect()),
            machines,
            passes: unique(kernels.iter().map(|of| of.pass.as_str()))
                .into_iter()
                .map(pass)
                .collect(),
            kernels: kernels.iter().map(row).collect(),
        })
    }

    fn is_complete(&self) -> bool {
        self.chart.are_complete()
    }
}

impl Errors {
    fn of(campaigns: &[Campaign]) -> Self {
        let isas = by_isa(campaigns);
        let worst = |of: &OnIsa<'_>, pass: &str| {
            let same = of.checked.iter().filter(|(other, _)| *other == pass);
            same.map(|(_, checked)| checked.worst).fold(0.0, f64::max)
        };
        let passes = unique(isas.iter().flat_map(|of| &of.checked).map(|(pass, _)| *pass));
        let row = |of: &OnIsa<'_>| {
            let cells = passes.iter().map(|pass| percent(worst(of, pass))).collect();
            (of.isa.to_owned(), cells)
        };
        let bar = |pass: &&str| {
            let worst = isas.iter().map(|of| worst(of, pass)).fold(0.0, f64::max);
            ((*pass).to_owned(), worst, percent(worst))
        };
        let title = "Largest error as a share of its bound".to_owned();
        Self {
            chart: Bars::of_limit("errors", title, passes.iter().map(bar).collect(), "bound"),
            rows: isas.iter().map(row).collect(),
            passes: passes.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Campaigns {
    fn of(campaigns: &[Campaign]) -> Self {
        let rate = |of: &Campaign| of.cases as f64 / of.seconds.max(f64::MIN_POSITIVE);
        let name = |of: &Campaign| {
            format!("{} ({}), {}", of.isas().join(", "), of.machine, of.plan.source)
        };
        let bar = |of: &Campaign| (name(of), rate(of), format!("{:.0} cases/s", rate(of)));
        let row = |of: &Campaign| {
            [
                of.machine.clone(),
                of.plan.source.clone(),
                of.isas().join(", "),
                whole(of.cases),
                format!("{:.0}\u{202f}s", of.seconds),
                format!("{:.0}", rate(of)),
            ]
        };
        let title = "Cases per second".to_owned();
        Self {
            chart: Bars::new("rates", title, campaigns.iter().map(bar).collect()),
            rows: campaigns.iter().map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use depthwise_campaign::{Plan, Report, Verified};

    use super::*;

    /// All listed cases of a small campaign.
    fn report() -> Report {
        let classes = Classes {
            pass: "forward".into(),
            kernel: "k".into(),
            met: 3,
            of: 3,
            met_pairs: 2,
            of_pairs: 2,
            unexpected_pairs: 0,
        };
        let checked = Checked { check: "bits".into(), passed: 7, compared: 70, worst: 0.25 };
        let verified = Verified {
            isa: "neon".into(),
            contract: "fused".into(),
            pass: "forward".into(),
            cases: 7,
            hash: 0x0123_4567_89ab_cdef,
            checks: vec![checked],
        };
        let plan = Plan {
            source: "listed".into(),
            isas: vec!["neon".into()],
            passes: vec!["forward".into()],
            checks: vec!["bits".into()],
            goal: None,
        };
        let empty = Report::new("0", "aarch64", plan, vec![verified]);
        Report { done: true, cases: 7, seconds: 2.0, rate: 3.5, classes: vec![classes], ..empty }
    }

    fn campaign(report: &Report, machine: &str) -> Campaign {
        Campaign { machine: machine.into(), report: report.clone() }
    }

    fn page(campaigns: &[Campaign]) -> Page {
        let shapes =
            Proven { pass: "forward".into(), shapes: 1234, results: 5, operations: 6, seconds: 7 };
        Page::new("2026-11-25", &["rustc".into()], campaigns, &[shapes])
    }

    #[test]
    fn a_page_is_whole_in_itself() {
        let page = page(&[campaign(&report(), "QEMU & co")]);
        assert!(page.holds());
        let html = page.render().unwrap();
        for text in
            ["1\u{202f}234", "QEMU &#38; co", "0123456789abcdef", "25.0\u{202f}%", "2026-11-25"]
        {
            assert!(html.contains(text), "{text}");
        }
        for outside in ["src=", "@import", "url(", "<script"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_finding_is_shown_with_its_command() {
        let mut wrong = report();
        wrong.findings.push(Finding {
            index: 5,
            isa: "neon".into(),
            pass: "forward".into(),
            instance: "k".into(),
            check: "bits".into(),
            reason: "7 is not 8".into(),
            case: "pass=forward".into(),
            repeat: "depthwise verify --case 01".into(),
        });
        let page = page(&[campaign(&wrong, "here")]);
        assert!(!page.holds());
        let html = page.render().unwrap();
        assert!(html.contains("7 is not 8") && html.contains("depthwise verify --case 01"));
    }

    #[test]
    fn targets_of_one_contract_agree() {
        let mut other = report();
        other.verified[0].isa = "portable-fused".into();
        let same = [campaign(&report(), "a"), campaign(&other, "b")];
        assert!(page(&same).holds());
        other.verified[0].hash = !0;
        let different = page(&[campaign(&report(), "a"), campaign(&other, "b")]);
        assert!(!different.holds());
        assert!(different.render().unwrap().contains("differ"));
        other.verified[0].contract = "mul-add".into();
        assert!(page(&[campaign(&report(), "a"), campaign(&other, "b")]).holds());
    }

    #[test]
    fn a_class_that_one_target_misses_is_missing() {
        let mut other = report();
        other.classes[0].met_pairs = 1;
        assert!(!page(&[campaign(&report(), "a"), campaign(&other, "b")]).holds());
        // Random cases need not meet every class.
        other.plan.source = "random 1".into();
        assert!(page(&[campaign(&report(), "a"), campaign(&other, "b")]).holds());
    }

    #[test]
    fn a_campaign_that_was_killed_does_not_count() {
        let mut killed = report();
        killed.done = false;
        assert!(!page(&[campaign(&killed, "a")]).holds());
    }
}
