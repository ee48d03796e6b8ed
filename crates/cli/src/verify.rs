//! `depthwise verify`: the kernels of this machine against the judge, on cases without end.

mod cases;
mod plan;
mod run;
mod running;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use depthwise::Isa;
use depthwise_campaign::{Goal, Report, Verified};
use depthwise_verification::{Case, Check, Pass};

use crate::options;
use crate::verify::cases::Source;
use crate::verify::plan::Campaign;

/// Check every kernel of this machine, on the listed cases or on random ones
///
/// Without --for and --cases, the listed cases are run: together they meet every boundary class of every
/// kernel. A failure is shrunk and printed as a line that ends in the command that repeats it; the exit
/// code is 1 then. All results are hashed: where contract, check and cases are the same, so must be the
/// hash, on every machine.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Instruction set; each that this build has unless given
    #[arg(long, value_parser = options::isa())]
    isa: Option<Isa>,
    /// Passes, with commas between; all unless given
    #[arg(long, value_name = "PASS", value_delimiter = ',', value_parser = options::pass())]
    pass: Vec<Pass>,
    /// Checks, with commas between; the first six unless given
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = check())]
    check: Vec<Check>,
    /// Run so many random cases
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    cases: Option<u64>,
    /// Run random cases for so long: 90s, 10m, 8h
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Which random cases; the clock decides unless given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Run one case, as a failure prints it
    #[arg(long, value_name = "HEX", conflicts_with_all = ["cases", "time", "seed", "pass"])]
    case: Option<Case>,
    /// Run the cases of a fuzzer: a file, each file of a folder, or each line of a file NAME.hex
    #[arg(long, value_name = "PATH", conflicts_with_all = ["cases", "time", "seed", "case"])]
    corpus: Option<PathBuf>,
    /// Write counts, hashes and failures to this file, as they come
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Continue the campaign of a file that --json has written, up to its goal or a new one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["isa", "pass", "check", "seed", "case", "corpus", "json"])]
    resume: Option<PathBuf>,
    /// Threads that run cases; one for each core unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
}

/// `--check`
fn check() -> impl TypedValueParser<Value = Check> {
    PossibleValuesParser::new(Check::every().map(Check::name)).try_map(|name| {
        let check = Check::every().find(|check| check.name() == name);
        check.ok_or("no such check")
    })
}

impl Args {
    fn goal(&self) -> Option<Goal> {
        let time = self.time.map(|time| time.as_secs_f64());
        (self.cases.is_some() || time.is_some())
            .then_some(Goal { cases: self.cases, seconds: time })
    }

    fn campaign(&self) -> Result<Campaign> {
        let source = match (&self.case, &self.corpus) {
            (Some(case), _) => {
                // Hostile text is refused here, as the builder refuses it.
                case.conv(Isa::best())?;
                Source::One(*case)
            }
            (_, Some(path)) => Source::Corpus(path.clone()),
            _ if self.goal().is_some() || self.seed.is_some() => Source::Random(self.seed()),
            _ => Source::Listed,
        };
        ensure!(
            !matches!(source, Source::Random(_)) || self.goal().is_some(),
            "random cases have no end: --cases or --for says how many"
        );
        let isas = match self.isa {
            Some(isa) => vec![isa],
            None => Isa::ALL.into_iter().filter(|isa| isa.available()).collect(),
        };
        isas.iter().try_for_each(|isa| options::require(*isa))?;
        let or_all =
            |some: &[Pass]| if some.is_empty() { Pass::ALL.to_vec() } else { unique(some) };
        let passes = self.case.map_or_else(|| or_all(&self.pass), |case| vec![case.pass]);
        let checks = if self.check.is_empty() { Check::ALL.to_vec() } else { unique(&self.check) };
        Ok(Campaign { source, isas, passes, checks, goal: self.goal() })
    }

    fn seed(&self) -> u64 {
        let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok();
        // Short enough to be typed.
        self.seed
            .unwrap_or_else(|| clock().map_or(0, |time| time.as_millis() as u64 % 1_000_000_000))
    }
}

/// In the order given, without repetitions.
fn unique<T: Copy + PartialEq>(all: &[T]) -> Vec<T> {
    let mut unique = Vec::new();
    for one in all {
        if !unique.contains(one) {
            unique.push(*one);
        }
    }
    unique
}

/// What a file's campaign runs, up to a new goal if there is one, and what it has found.
///
/// # Errors
/// No such file, or one of another program.
fn resumed(path: &Path, goal: Option<Goal>) -> Result<(Campaign, Report)> {
    let name = || path.display().to_string();
    let mut report = Report::load(path).with_context(name)?;
    let mut campaign = Campaign::of(&report.plan).with_context(name)?;
    let this = campaign.report();
    let of = |report: &Report| (report.program.clone(), report.target.clone());
    ensure!(
        of(&report) == of(&this) && report.verified.len() == this.verified.len(),
        "{} is of depthwise {} on {}: what was counted there can't be continued here",
        path.display(),
        report.program,
        report.target
    );
    if goal.is_some() {
        ensure!(campaign.goal.is_some(), "these cases are not random, they have an end");
        campaign.goal = goal;
        report.plan = campaign.plan();
    }
    campaign.isas.iter().try_for_each(|isa| options::require(*isa))?;
    Ok((campaign, report))
}

/// A line for each instruction set and pass, and one in all.
fn show(campaign: &Campaign, report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    for Verified { isa, contract, pass, cases, hash, .. } in &report.verified {
        if *cases > 0 {
            let (target, name) = (&report.target, campaign.source.name());
            write!(out, "verified target={target} isa={isa} contract={contract} ")?;
            writeln!(out, "check={name}-{pass} cases={cases} hash={hash:016x}")?;
        }
    }
    let [met, of, met_pairs, of_pairs] = report.coverage();
    writeln!(
        out,
        "{} cases in {:.1} s, {:.0} a second; {met} of {of} classes, {met_pairs} of {of_pairs} pairs; \
         worst error {:.0} % of its bound; {} checks failed",
        report.cases,
        report.seconds,
        report.rate,
        100.0 * report.worst(),
        report.failures
    )
}

/// Runs the command.
///
/// # Errors
/// Any failed check is one.
pub fn run(args: &Args, out: &mut impl Write) -> Result<()> {
    let (campaign, mut report) = match &args.resume {
        Some(path) => resumed(path, args.goal())?,
        None => {
            let campaign = args.campaign()?;
            let report = campaign.report();
            (campaign, report)
        }
    };
    let file = args.json.as_deref().or(args.resume.as_deref());
    let cases = campaign.source.open(&campaign.passes).context("no cases")?;
    let threads = args.threads.map(|threads| threads as usize);
    run::run(&campaign, &mut report, &cases, file, threads, out)?;
    show(&campaign, &report, out)?;
    match (report.failures, report.cases) {
        (0, 0) => bail!("there was no case to be run"),
        (0, _) => Ok(()),
        (failures, _) => {
            bail!("{failures} checks failed, {} of them different", report.findings.len())
        }
    }
}
