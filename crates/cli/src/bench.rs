//! `depthwise bench`: the layers of networks, checked and then timed beside a plain loop.

use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use depthwise::{Conv, Isa, Layout, Pass};
use depthwise_verification::random::Random;

use crate::check::Reference;
use crate::networks::{self, Layer, Network};
use crate::options;
use crate::plain;
use crate::progress::Progress;
use crate::report::{Host, LayerReport, NetworkReport, Report, Total};
use crate::roofline::Roofline;
use crate::svg;
use crate::table::{Align, Table};
use crate::timing;

/// Check and time the layers of networks, beside a plain loop and the machine's limits
///
/// Every output of a layer is checked against a reference in f64 before it is timed. Layers and the
/// plain loop are timed in turns, warm, in one thread.
#[derive(clap::Args)]
pub struct Args {
    /// Networks, or how their names begin
    #[arg(value_name = "NET", default_value = "mobilenet_v2", value_parser = networks::find)]
    networks: Vec<Network>,
    /// List the networks instead
    #[arg(long)]
    list: bool,
    /// What is computed
    #[arg(long, default_value = Pass::Forward.name(), value_parser = options::pass())]
    pass: Pass,
    /// Instruction set
    #[arg(long, default_value = "auto", value_parser = options::isa())]
    isa: Isa,
    /// Order of the dimensions
    #[arg(long, default_value = Layout::Nhwc.name(), value_parser = options::layout())]
    layout: Layout,
    /// Check, but don't time
    #[arg(long)]
    check_only: bool,
    /// Time spent on each layer, and on its plain loop
    #[arg(long, value_name = "MS", default_value_t = 200)]
    min_time: u64,
    /// Write the results as JSON, too
    #[arg(long, value_name = "FILE", conflicts_with = "check_only")]
    json: Option<PathBuf>,
    /// Draw a roofline chart
    #[arg(long, value_name = "FILE", conflicts_with = "check_only")]
    svg: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<()> {
    if args.list {
        return list(out);
    }
    options::require(args.isa)?;
    let roofline = if args.check_only { None } else { Some(Roofline::measure(args.isa)?) };
    let mut networks = Vec::new();
    for network in &args.networks {
        let layers = check(network, args)?;
        match &roofline {
            None => {
                let worst = layers.iter().map(|layer| layer.error).fold(0.0, f64::max);
                writeln!(
                    out,
                    "{}: {} layers checked, {} {} on {}, worst error {:.1} % of its bound",
                    network.name,
                    layers.len(),
                    args.pass,
                    args.layout,
                    args.isa,
                    worst * 100.0
                )?;
            }
            Some(roofline) => networks.push(time(network, layers, roofline, args)),
        }
    }
    let Some(roofline) = roofline else { return Ok(()) };
    let report = Report {
        host: Host::this(),
        pass: args.pass.name(),
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

/// A layer with its tensors, whose results are right.
struct Checked<'a> {
    layer: &'a Layer,
    conv: Conv,
    x: Vec<f32>,
    weights: Vec<f32>,
    y: Vec<f32>,
    plain: Vec<f32>,
    /// Largest error as a share of its bound.
    error: f64,
}

impl<'a> Checked<'a> {
    fn new(layer: &'a Layer, layout: Layout, isa: Isa) -> Result<Self> {
        let conv = layer.conv(layout, isa)?;
        let problem = conv.problem();
        let mut random = Random::new(1);
        let mut tensor = |length| (0..length).map(|_| random.signed_unit()).collect::<Vec<f32>>();
        let (x, weights) = (tensor(problem.input_len()), tensor(problem.weights_len()));
        // An output that is not written stays NaN, which is never right.
        let mut y = vec![f32::NAN; problem.output_len()];
        let mut plain = y.clone();
        conv.forward(&x, &weights, None, &mut y)?;
        plain::forward(problem, &x, &weights, &mut plain);
        let reference = Reference::forward(problem, &x, &weights);
        let error = reference.check(&y)?;
        reference.check(&plain).context("plain loop")?;
        Ok(Self { layer, conv, x, weights, y, plain, error })
    }
}

fn check<'a>(network: &'a Network, args: &Args) -> Result<Vec<Checked<'a>>> {
    let progress = Progress::new(format!("checking {}", network.name), network.layers.len());
    let checked = network.layers.iter().map(|layer| {
        let checked = Checked::new(layer, args.layout, args.isa);
        progress.step();
        checked.with_context(|| {
            format!(
                "{} {}: {} {} on {}",
                network.name, layer.name, args.pass, args.layout, args.isa
            )
        })
    });
    checked.collect()
}

fn time(
    network: &Network,
    mut layers: Vec<Checked>,
    roofline: &Roofline,
    args: &Args,
) -> NetworkReport {
    let progress = Progress::new(format!("timing {}", network.name), timing::ROUNDS);
    let mut subjects: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    for Checked { conv, x, weights, y, plain, .. } in &mut layers {
        let (conv, x, weights) = (&*conv, &*x, &*weights);
        subjects.push(Box::new(move || {
            // It succeeded when it was checked.
            let _ = black_box(conv.forward(black_box(x), weights, None, y));
        }));
        subjects.push(Box::new(move || {
            plain::forward(conv.problem(), black_box(x), weights, black_box(plain));
        }));
    }
    let budget = Duration::from_millis(args.min_time);
    let times = timing::interleaved(&mut subjects, budget, || progress.step());
    drop(subjects);
    let (pairs, _) = times.as_chunks();
    let layers: Vec<_> = layers
        .iter()
        .zip(pairs)
        .map(|(checked, &[time, plain])| {
            let Checked { layer, conv, error, .. } = checked;
            LayerReport::new(layer, conv, *error, (time, plain), roofline)
        })
        .collect();
    NetworkReport { name: network.name.clone(), total: Total::of(&layers), layers }
}
