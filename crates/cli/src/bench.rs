//! `depthwise bench`: the layers of networks, checked and then timed beside plain loops.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::builder::RangedU64ValueParser;
use depthwise::{Isa, Layout};
use depthwise_verification::Pass;

use crate::checked::CheckedLayer;
use crate::networks::{self, Network};
use crate::options;
use crate::progress::Progress;
use crate::report::{Host, LayerReport, NetworkReport, Report, Run};
use crate::roofline::Roofline;
use crate::svg;
use crate::table::{Align, Table};
use crate::threads::Pool;
use crate::timing;

/// Check and time the layers of networks, beside plain loops and the machine's limits
///
/// Every result of a layer is checked against a reference in f64 before it is timed. All passes of all
/// layers and the plain loops are timed in turns, warm; the loops in one thread.
#[derive(clap::Args)]
pub struct Args {
    /// Networks, or how their names begin
    #[arg(value_name = "NET", default_value = "mobilenet_v2", value_parser = networks::find)]
    networks: Vec<Network>,
    /// List the networks instead
    #[arg(long)]
    list: bool,
    /// What is computed, separated by commas; with the forward pass, gradients are compared with it
    #[arg(
        long,
        value_name = "PASS,…",
        value_delimiter = ',',
        default_value = Pass::Forward.name(),
        value_parser = options::pass()
    )]
    pass: Vec<Pass>,
    /// Instruction set
    #[arg(long, default_value = "auto", value_parser = options::isa())]
    isa: Isa,
    /// Order of the dimensions
    #[arg(long, default_value = Layout::Nhwc.name(), value_parser = options::layout())]
    layout: Layout,
    /// Numbers of threads, separated by commas, to compare with one thread
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024)
    )]
    threads: Vec<usize>,
    /// Check, but don't time
    #[arg(long)]
    check_only: bool,
    /// Time spent on each pass of each layer, and on its plain loop
    #[arg(long, value_name = "MS", default_value_t = 200)]
    min_time: u64,
    /// Write the results as JSON, too
    #[arg(long, value_name = "FILE", conflicts_with = "check_only")]
    json: Option<PathBuf>,
    /// Draw a roofline chart
    #[arg(long, value_name = "FILE", conflicts_with = "check_only")]
    svg: Option<PathBuf>,
}

impl Args {
    /// The chosen passes, each once, forward first.
    fn passes(&self) -> Vec<Pass> {
        Pass::ALL.into_iter().filter(|pass| self.pass.contains(pass)).collect()
    }

    /// A pool of one thread, then the chosen ones.
    fn pools(&self) -> Result<Vec<Pool>> {
        let mut threads = self.threads.clone();
        threads.push(1);
        threads.sort_unstable();
        threads.dedup();
        threads.into_iter().map(Pool::new).collect()
    }
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<()> {
    if args.list {
        return list(out);
    }
    options::require(args.isa)?;
    let (passes, pools) = (args.passes(), args.pools()?);
    let roofline = if args.check_only { None } else { Some(Roofline::measure(args.isa)?) };
    let mut networks = Vec::new();
    for network in &args.networks {
        let layers = check(network, args, &passes, &pools)?;
        match &roofline {
            None => write_checked(network, &layers, args, out)?,
            Some(roofline) => networks.push(time(network, &layers, roofline, &pools, args)),
        }
    }
    let Some(roofline) = roofline else { return Ok(()) };
    let report = Report {
        run: Run::now(),
        host: Host::this(),
        passes: passes.into_iter().map(Pass::name).collect(),
        layout: args.layout.name(),
        isa: args.isa.name(),
        contract: args.isa.contract().to_string(),
        roofline,
        networks,
    };
    write!(out, "{report}")?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report)? + "\n";
        fs::write(path, json).with_context(|| path.display().to_string())?;
    }
    if let Some(path) = &args.svg {
        fs::write(path, svg::chart(&report)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn list(out: &mut impl Write) -> Result<()> {
    let mut table =
        Table::new(&[("network", Align::Left), ("layers", Align::Right), ("MFLOP", Align::Right)]);
    for network in networks::all()? {
        let (mut layers, mut flops) = (0, 0);
        for layer in &network.layers {
            let conv = layer.conv(Layout::default(), Isa::best())?;
            layers += layer.count;
            flops += layer.count * conv.problem().flops();
        }
        table.row([network.name, layers.to_string(), format!("{:.1}", flops as f64 / 1e6)]);
    }
    write!(out, "{table}")?;
    Ok(())
}

fn check<'a>(
    network: &'a Network,
    args: &Args,
    passes: &[Pass],
    pools: &[Pool],
) -> Result<Vec<CheckedLayer<'a>>> {
    let progress = Progress::new(format!("checking {}", network.name), network.layers.len());
    let checked = network.layers.iter().map(|layer| {
        let checked = CheckedLayer::new(layer, args.layout, args.isa, passes, pools);
        progress.step();
        checked.with_context(|| {
            format!("{} {}: {} on {}", network.name, layer.name, args.layout, args.isa)
        })
    });
    checked.collect()
}

/// A line for each pass that was checked.
fn write_checked(
    network: &Network,
    layers: &[CheckedLayer],
    args: &Args,
    out: &mut impl Write,
) -> Result<()> {
    for pass in args.passes() {
        let checked = layers.iter().flat_map(|layer| &layer.passes);
        let errors: Vec<_> =
            checked.filter(|checked| checked.pass == pass).map(|checked| checked.error).collect();
        writeln!(
            out,
            "{}: {} layers checked, {} {} on {}, worst error {:.1} % of its bound",
            network.name,
            errors.len(),
            pass.name(),
            args.layout,
            args.isa,
            errors.into_iter().fold(0.0, f64::max) * 100.0
        )?;
    }
    Ok(())
}

fn time(
    network: &Network,
    layers: &[CheckedLayer],
    roofline: &Roofline,
    pools: &[Pool],
    args: &Args,
) -> NetworkReport {
    let progress = Progress::new(format!("timing {}", network.name), timing::ROUNDS);
    let mut subjects: Vec<_> = layers.iter().flat_map(|layer| layer.subjects(pools)).collect();
    let budget = Duration::from_millis(args.min_time);
    let times = timing::interleaved(&mut subjects, budget, || progress.step());
    let passes = layers.iter().flat_map(|layer| layer.passes.iter().map(move |pass| (layer, pass)));
    let records = passes
        .zip(times.chunks_exact(pools.len() + 1))
        .map(|((layer, pass), times)| LayerReport::new(layer, pass, pools, times, roofline));
    NetworkReport::new(&network.name, records.collect())
}
