//! Runs the cases of a campaign, batch by batch, and counts.

use std::io::Write;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use depthwise::Isa;
use depthwise_campaign::{Classes, Finding, Goal, Report};
use depthwise_verification::campaign::{Digest, trial};
use depthwise_verification::classes::Coverages;
use depthwise_verification::shrink::shrink;
use depthwise_verification::{Case, Check, Failure, Kernels, Pass, panics};

use crate::progress::Share;
use crate::verify::cases::{Cases, Source};
use crate::verify::plan::Campaign;
use crate::verify::running::{Batch, Running};

/// Cases of a batch for each thread.
const BATCH: u64 = 16;

/// Deaths after which a case is not begun again: the first may have been the user's doing.
const DEADLY: u64 = 2;

/// How often the report is written.
const SAVED: Duration = Duration::from_secs(1);

/// Runs cases until the campaign's goal, and keeps its report in `file`.
///
/// # Errors
/// Files that can't be written; failed checks are no errors here.
pub fn run(
    campaign: &Campaign,
    report: &mut Report,
    cases: &Cases,
    file: Option<&Path>,
    threads: Option<usize>,
    out: &mut impl Write,
) -> Result<()> {
    let threads = if cfg!(target_family = "wasm") { Some(1) } else { threads };
    let threads = threads.or_else(|| thread::available_parallelism().ok().map(NonZero::get));
    let running = Running::beside(file);
    let mut run = Run::new(campaign, report, cases, threads.unwrap_or(1), file, running);
    let last = run.running.last();
    if let Some(batch) = last.filter(|batch| batch.count == 1 && batch.deaths + 1 >= DEADLY) {
        run.has_died(batch.first, out)?;
    }
    // After a death, each case of the last batch is run alone, to know which one it was.
    let alone = last.map_or(0, |batch| batch.first + batch.count);
    while let Some(batch) = run.next(alone, last) {
        run.batch(batch, out)?;
    }
    run.report.done = true;
    run.save()?;
    run.running.end();
    Ok(())
}

/// A campaign that is running.
struct Run<'r> {
    campaign: &'r Campaign,
    report: &'r mut Report,
    cases: &'r Cases,
    threads: usize,
    file: Option<&'r Path>,
    running: Running,
    /// By pass.
    coverages: Vec<(Pass, Coverages)>,
    share: Share,
    start: Instant,
    saved: Instant,
    seconds_before: f64,
}

/// What a case has given.
struct Outcome {
    index: u64,
    case: Case,
    /// Name of the instance that the plan has.
    instance: &'static str,
    /// By instruction set and check: what was found, and the hash of the results.
    trials: Vec<Trial>,
}

struct Trial {
    isa: Isa,
    check: Check,
    /// Comparisons, worst error and hash.
    found: Result<(usize, f64, u64), Box<Failure>>,
}

impl<'r> Run<'r> {
    fn new(
        campaign: &'r Campaign,
        report: &'r mut Report,
        cases: &'r Cases,
        threads: usize,
        file: Option<&'r Path>,
        running: Running,
    ) -> Self {
        let mut coverages: Vec<_> =
            campaign.passes.iter().map(|pass| (*pass, Coverages::of(*pass))).collect();
        for case in (0..report.cases).filter_map(|index| cases.get(index)) {
            // What was found then is in the report.
            let _ = meet(&mut coverages, &case);
        }
        let seconds_before = report.seconds;
        let (share, start, saved) = (Share::new(), Instant::now(), Instant::now());
        Self {
            campaign,
            report,
            cases,
            threads,
            file,
            running,
            coverages,
            share,
            start,
            saved,
            seconds_before,
        }
    }

    /// The next cases, unless the goal is reached.
    fn next(&self, alone: u64, last: Option<Batch>) -> Option<Batch> {
        let first = self.report.cases;
        let goal = self.campaign.goal.unwrap_or(Goal { cases: None, seconds: None });
        let ends = [self.cases.count(), goal.cases].into_iter().flatten();
        let left = ends.min().unwrap_or(u64::MAX).saturating_sub(first);
        if left == 0 || goal.seconds.is_some_and(|seconds| self.seconds() >= seconds) {
            return None;
        }
        let count = if first < alone { 1 } else { left.min(BATCH * self.threads as u64) };
        let again = last.filter(|last| (last.first, last.count) == (first, count));
        let deaths = again.map_or(0, |last| last.deaths + 1);
        Some(Batch { first, count, deaths })
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.start.elapsed().as_secs_f64()
    }

    fn batch(&mut self, batch: Batch, out: &mut impl Write) -> Result<()> {
        let numbers = (batch.first..batch.first + batch.count)
            .filter(|index| !self.report.deadly.contains(index));
        let cases: Vec<(u64, Case)> =
            numbers.filter_map(|index| Some((index, self.cases.get(index)?))).collect();
        self.running.begin(batch)?;
        let (mut new, failures) = (false, self.report.failures);
        for outcome in outcomes(self.campaign, &cases, self.threads) {
            new |= self.count(outcome, out)?;
        }
        self.report.cases = batch.first + batch.count;
        self.report.seconds = self.seconds();
        self.report.rate = self.report.cases as f64 / self.report.seconds.max(f64::MIN_POSITIVE);
        if new || self.saved.elapsed() >= SAVED || failures != self.report.failures {
            self.save()?;
        }
        self.show();
        Ok(())
    }

    /// Takes in what a case has given; whether there is a new finding.
    fn count(&mut self, outcome: Outcome, out: &mut impl Write) -> Result<bool> {
        let Outcome { case, trials, .. } = &outcome;
        let pass = case.pass.name();
        let instances = self.report.instances.entry(pass.into()).or_default();
        *instances.entry(outcome.instance.into()).or_default() += 1;
        for verified in self.report.verified.iter_mut().filter(|verified| verified.pass == pass) {
            verified.cases += 1;
            let mut digest = Digest(verified.hash);
            for trial in trials.iter().filter(|trial| trial.isa.name() == verified.isa) {
                let Ok((compared, worst, hash)) = &trial.found else { continue };
                digest.add_bytes(&hash.to_le_bytes());
                let mut checks = verified.checks.iter_mut();
                if let Some(checked) = checks.find(|other| other.check == trial.check.name()) {
                    checked.passed += 1;
                    checked.compared += *compared as u64;
                    checked.worst = checked.worst.max(*worst);
                }
            }
            verified.hash = digest.0;
        }
        let mut new = false;
        // The model of what is possible has sizes like those of the listed cases; others may exceed it.
        let modelled = self.campaign.source == Source::Listed;
        if let Err(reason) = meet(&mut self.coverages, case)
            && modelled
        {
            let finding = outcome.finding("any", "classes", reason);
            new |= self.found(finding, None, out)?;
        }
        for Trial { isa, check, found } in trials {
            if let Err(failure) = found {
                let fault = failure.fault.to_string();
                let finding = outcome.finding(isa.name(), check.name(), fault);
                new |= self.found(finding, Some((*isa, failure)), out)?;
            }
        }
        Ok(new)
    }

    /// Counts a failure; the first of its kind is shrunk, if that can be, and kept.
    fn found(
        &mut self,
        finding: Finding,
        failure: Option<(Isa, &Failure)>,
        out: &mut impl Write,
    ) -> Result<bool> {
        self.report.failures += 1;
        if self.report.findings.iter().any(|other| are_alike(other, &finding)) {
            return Ok(false);
        }
        let finding = match failure {
            None => finding,
            Some((isa, failure)) => {
                let small = shrink(Box::new(failure.clone()), &Kernels(isa));
                let (reason, case) = (small.fault.to_string(), small.case.to_string());
                Finding { reason, case, repeat: small.repeat(), ..finding }
            }
        };
        self.share.beside(|| writeln!(out, "{finding}").and_then(|()| out.flush()))?;
        self.report.findings.push(finding);
        Ok(true)
    }

    /// The program has died of a case: that is a finding, and the case is not run again.
    fn has_died(&mut self, index: u64, out: &mut impl Write) -> Result<()> {
        let Some(case) = self.cases.get(index) else { return Ok(()) };
        let outcome = Outcome { index, case, instance: "none", trials: Vec::new() };
        let reason = format!("the program ended {DEADLY} times while it ran this");
        self.report.deadly.push(index);
        self.found(outcome.finding("any", "survival", reason), None, out)?;
        self.save()
    }

    fn save(&mut self) -> Result<()> {
        self.report.classes =
            self.coverages.iter().flat_map(|(_, coverages)| classes(coverages)).collect();
        self.saved = Instant::now();
        let Some(file) = self.file else { return Ok(()) };
        self.report.save(file).with_context(|| file.display().to_string())
    }

    fn show(&mut self) {
        let report = &self.report;
        let goal = self.campaign.goal.unwrap_or(Goal { cases: None, seconds: None });
        let ends = [self.cases.count(), goal.cases].into_iter().flatten();
        let done = ends.map(|end| report.cases as f64 / end.max(1) as f64);
        let passed = goal.seconds.map(|seconds| report.seconds / seconds);
        let share = done.chain(passed).fold(0.0, f64::max);
        self.share.show(share, || {
            let [met, of, met_pairs, of_pairs] = report.coverage();
            let percent = |met: usize, of: usize| 100.0 * met as f64 / of.max(1) as f64;
            format!(
                "{} cases, {:.0} a second, {:.1} % of classes, {:.1} % of pairs, {} failures",
                report.cases,
                report.rate,
                percent(met, of),
                percent(met_pairs, of_pairs),
                report.failures
            )
        });
    }
}

impl Outcome {
    /// What is wrong with the case.
    fn finding(&self, isa: &str, check: &str, reason: String) -> Finding {
        let Self { index, case, instance, .. } = self;
        let text = case.to_hex().unwrap_or_else(|| format!("'{case}'"));
        Finding {
            index: *index,
            isa: isa.into(),
            pass: case.pass.name().into(),
            instance: (*instance).into(),
            check: check.into(),
            reason,
            case: case.to_string(),
            repeat: format!("depthwise verify --case {text}"),
        }
    }
}

/// Whether the same bug is likely behind two failures. Deaths are all different.
fn are_alike(one: &Finding, other: &Finding) -> bool {
    fn kind(finding: &Finding) -> [&str; 4] {
        let Finding { isa, pass, instance, check, .. } = finding;
        [isa, pass, instance, check]
    }
    kind(one) == kind(other) && (one.instance != "none" || one.index == other.index)
}

/// Every check of each case on each instruction set, in the order of the cases.
fn outcomes(campaign: &Campaign, cases: &[(u64, Case)], threads: usize) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(outcome(campaign, *index, case));
        }
        done
    };
    let mut done: Vec<Outcome> = match threads.min(cases.len()) {
        0 | 1 => work(),
        threads => thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let done = workers.into_iter().map(|worker| worker.join());
            done.flat_map(|done| done.unwrap_or_else(|panic| resume_unwind(panic))).collect()
        }),
    };
    done.sort_by_key(|outcome| outcome.index);
    done
}

fn outcome(campaign: &Campaign, index: u64, case: &Case) -> Outcome {
    let run = |isa: Isa, check: Check| {
        let found = trial(check, &Kernels(isa), case).map(|evidence| {
            let mut hash = Digest::default();
            hash.add(&evidence.results);
            (evidence.compared, evidence.worst, hash.0)
        });
        Trial { isa, check, found }
    };
    let checks =
        |isa: &Isa| campaign.checks.iter().map(|check| run(*isa, *check)).collect::<Vec<_>>();
    // A plan that panics fails its checks, too.
    let plan = panics::caught(String::new, || case.plan());
    let instance = match plan {
        _ if case.pass == Pass::GradBias => case.layout.name(),
        Ok(Ok(plan)) => plan.instance().name,
        _ => "none",
    };
    let trials = campaign.isas.iter().flat_map(checks).collect();
    Outcome { index, case: *case, instance, trials }
}

/// Counts the classes that a case meets.
fn meet(coverages: &mut [(Pass, Coverages)], case: &Case) -> Result<(), String> {
    let of_pass = coverages.iter_mut().find(|(pass, _)| *pass == case.pass);
    let Some((_, coverages)) = of_pass else { return Ok(()) };
    let unexpected = |coverages: &Coverages| -> usize {
        coverages.iter().map(|(.., coverage)| coverage.unexpected()).sum()
    };
    let before = unexpected(coverages);
    panics::caught(String::new, || coverages.meet(case))?;
    match unexpected(coverages) - before {
        0 => Ok(()),
        new => Err(format!("the plan has {new} pairs of classes that this geometry has not")),
    }
}

fn classes(coverages: &Coverages) -> impl Iterator<Item = Classes> {
    coverages.iter().map(|(kernel, _, coverage)| {
        let [met, of, met_pairs, of_pairs] = coverage.counts();
        Classes {
            pass: kernel.pass.name().into(),
            kernel: kernel.name().into(),
            met,
            of,
            met_pairs,
            of_pairs,
            unexpected_pairs: coverage.unexpected(),
        }
    })
}
