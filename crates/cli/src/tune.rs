//! `depthwise tune`: which instance is fastest here, for people with machines that the table of machines
//! has not been tried on.

use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use depthwise::{Body, Builder, Conv, INSTANCES, Instance, Isa, Layout, Padding, Plan};
use depthwise_verification::Pass;
use serde::Serialize;

use crate::checked::{compute, operands};
use crate::options;
use crate::progress::Progress;
use crate::report::{Host, Run};
use crate::table::{Align, Table};
use crate::threads::Pool;
use crate::timing::{self, Subject};

/// Time every kernel that can compute a layer, and show which is the fastest
///
/// For each class of layers (kernel, stride, size of the map, layout, pass) all instances compute the same layer, in turns
/// and in one thread, and must give the same bits. The lines that begin with `!` are those where another instance
/// than the chosen one is faster by more than the noise: worth a report, with the JSON and the machine's name.
#[derive(clap::Args)]
pub struct Args {
    /// Instruction set
    #[arg(long, default_value = "auto", value_parser = options::isa())]
    isa: Isa,
    /// Kernels, separated by commas
    #[arg(long, value_name = "K,…", value_delimiter = ',', default_value = "3,5,7")]
    kernel: Vec<usize>,
    /// Sizes of the map, separated by commas
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "56,28,14,7")]
    size: Vec<usize>,
    /// Channels
    #[arg(long, default_value_t = 192)]
    channels: usize,
    /// Time spent on each instance of each class
    #[arg(long, value_name = "MS", default_value_t = 100)]
    min_time: u64,
    /// Write the results as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The passes that have instances.
const PASSES: [Pass; 3] = [Pass::Forward, Pass::GradInput, Pass::GradWeight];

/// A share of a time that is no news.
const NOISE: f64 = 0.05;

/// A run of the tuner.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    run: Run,
    host: Host,
    isa: &'static str,
    channels: usize,
    classes: Vec<Class>,
}

/// A class of layers, and what each instance takes for one of them.
#[derive(Serialize)]
struct Class {
    kernel: usize,
    stride: usize,
    size: usize,
    layout: &'static str,
    pass: &'static str,
    /// The instance that the plan chooses.
    chosen: &'static str,
    /// The fastest first.
    times: Vec<Timed>,
}

/// What an instance takes.
#[derive(Serialize)]
struct Timed {
    instance: &'static str,
    /// Seconds, median.
    time: f64,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<()> {
    options::require(args.isa)?;
    let mut report = Report {
        run: Run::now(),
        host: Host::this(),
        isa: args.isa.name(),
        channels: args.channels,
        classes: Vec::new(),
    };
    let progress = Progress::new("tuning".into(), args.kernel.len() * 2 * args.size.len());
    let pool = Pool::new(1)?;
    for &kernel in &args.kernel {
        for stride in [1, 2] {
            for &size in &args.size {
                for layout in Layout::ALL {
                    let layer = layer(args, kernel, stride, size, layout);
                    for pass in PASSES {
                        let (chosen, times) = time(layer, pass, args, &pool)?;
                        let (layout, pass) = (layout.name(), pass.name());
                        let class = Class { kernel, stride, size, layout, pass, chosen, times };
                        report.classes.push(class);
                    }
                }
                progress.step();
            }
        }
    }
    write!(out, "{}", table(&report))?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report)? + "\n";
        fs::write(path, json).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// A layer of a class.
fn layer(args: &Args, kernel: usize, stride: usize, size: usize, layout: Layout) -> Builder {
    Conv::builder()
        .channels(args.channels)
        .input([size; 2])
        .kernel([kernel; 2])
        .stride([stride; 2])
        .padding(Padding::symmetric(kernel as isize / 2, kernel as isize / 2))
        .layout(layout)
        .isa(args.isa)
}

/// The instance that the plan chooses, and the times of all that can compute a pass, the fastest first.
fn time(
    layer: Builder,
    pass: Pass,
    args: &Args,
    pool: &Pool,
) -> Result<(&'static str, Vec<Timed>)> {
    let conv = layer.build()?;
    let plan = *pass.plan(&conv).context("the pass has no plan")?;
    let chosen = plan.instance();
    let candidates = INSTANCES.iter().filter(|instance| candidate(instance, &plan));
    let candidates: Vec<_> = candidates.map(|i| (i, layer.instance(i).build())).collect();
    let tensors = operands(conv.problem());
    let length = match pass {
        Pass::Forward => conv.problem().output_len(),
        Pass::GradInput => conv.problem().input_len(),
        Pass::GradWeight => conv.problem().weights_len(),
        Pass::GradBias => conv.problem().output_channels(),
    };
    let mut expected = vec![0.0; length];
    compute(pass, &conv, &tensors, &mut expected)?;
    let results = Mutex::new(vec![0.0_f32; length]);
    let mut subjects = Vec::new();
    for (instance, conv) in &candidates {
        let conv = conv.as_ref().map_err(|error| *error)?;
        let mut found = vec![f32::NAN; length];
        compute(pass, conv, &tensors, &mut found)?;
        let same = expected.iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits());
        ensure!(same, "{} and {} give different bits", chosen.name, instance.name);
        let (results, tensors) = (&results, &tensors);
        let call = move || {
            // It succeeded when it was checked.
            let results = &mut *results.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = black_box(compute(pass, conv, black_box(tensors), results));
        };
        subjects.push(Subject { pool, call: Box::new(call) });
    }
    let budget = Duration::from_millis(args.min_time);
    let times = timing::interleaved(&mut subjects, budget, || ());
    let timed = candidates.iter().zip(times);
    let timed = timed.map(|((i, _), time)| Timed { instance: i.name, time: time.median });
    let mut timed: Vec<_> = timed.collect();
    timed.sort_by(|a, b| a.time.total_cmp(&b.time));
    Ok((chosen.name, timed))
}

/// Whether an instance is to be timed: the chosen one, and all special ones that compute the pass.
fn candidate(instance: &'static Instance, plan: &Plan) -> bool {
    let special = instance.body != Body::Span
        && Plan::with_instance(*plan.problem(), plan.machine(), instance).is_ok();
    special || instance == plan.instance()
}

fn table(report: &Report) -> Table {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("kernel", Align::Left),
        ("map", Align::Right),
        ("layout", Align::Left),
        ("pass", Align::Left),
        ("chosen", Align::Left),
        ("µs", Align::Right),
        ("fastest", Align::Left),
        ("µs", Align::Right),
        ("times", Align::Right),
    ]);
    for class in &report.classes {
        let (chosen, fastest) = (class.chosen_time(), &class.times[0]);
        let times = chosen / fastest.time;
        table.row([
            if times > 1.0 + NOISE { "!" } else { "" }.to_owned(),
            format!("{0}×{0} s{1}", class.kernel, class.stride),
            class.size.to_string(),
            class.layout.into(),
            class.pass.into(),
            class.chosen.into(),
            format!("{:.1}", chosen * 1e6),
            fastest.instance.into(),
            format!("{:.1}", fastest.time * 1e6),
            format!("{times:.2}"),
        ]);
    }
    table
}

impl Class {
    /// What the chosen instance takes.
    fn chosen_time(&self) -> f64 {
        let mut chosen = self.times.iter().filter(|timed| timed.instance == self.chosen);
        chosen.next().map_or(f64::NAN, |timed| timed.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_instance_that_is_faster_is_marked() {
        let class = |chosen, times: &[(&'static str, f64)]| Class {
            kernel: 3,
            stride: 1,
            size: 7,
            layout: "nhwc",
            pass: "forward",
            chosen,
            times: times.iter().map(|&(instance, time)| Timed { instance, time }).collect(),
        };
        let report = Report {
            run: Run::now(),
            host: Host::this(),
            isa: "portable",
            channels: 8,
            classes: vec![
                class("b", &[("a", 1e-6), ("b", 2e-6)]),
                class("a", &[("b", 1e-6), ("a", 1.01e-6)]),
            ],
        };
        let text = table(&report).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].starts_with("! ") && lines[1].ends_with("2.00"), "{text}");
        assert!(lines[2].starts_with("  ") && lines[2].ends_with("1.01"), "{text}");
    }
}
