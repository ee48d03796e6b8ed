//! `depthwise mark`: passes of networks' layers, each once between marker instructions, for an
//! emulator that counts. Without a choice, it lists the layers.
//!
//! The markers are those of the crate `depthwise-counter`: hints that processors ignore.

use std::arch::asm;
use std::hint::black_box;
use std::io::Write;
use std::mem;

use anyhow::{Context, Result};
use depthwise::{Conv, INSTANCES, Isa, Layout, Plan, Problem, Update};
use serde_json::{Value, json};

use crate::networks::{self, Layer, Network};
use crate::threads::Pool;

/// Run networks' layers between marker instructions, for `cargo xtask cost`
///
/// Prints a line of JSON for each layer, or for each region between markers. Layers that several
/// networks have, or one of them under several names, are one.
#[derive(clap::Args)]
#[command(hide = true)]
pub struct Args {
    /// Networks, or how their names begin
    #[arg(value_name = "NET", value_parser = networks::find)]
    networks: Vec<Network>,
    /// Run all passes of the layer with this number in both layouts
    #[arg(long, value_name = "NUMBER")]
    layer: Option<usize>,
    /// With every instance that can compute it, not only the one that is chosen
    #[arg(long)]
    instances: bool,
    /// Run a loop whose counts are known instead
    #[arg(long, conflicts_with_all = ["networks", "layer", "instances"])]
    calibrate: bool,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<()> {
    if args.calibrate {
        return calibrate(out);
    }
    let layers = distinct(&args.networks)?;
    let Some(number) = args.layer else {
        for layer in layers {
            let problem = &layer.problem;
            let names = layer.names.iter().map(|(network, layer)| {
                json!({ "network": network.name, "layer": layer.name, "count": layer.count })
            });
            let line = json!({
                "shape": shape(problem),
                "names": names.collect::<Vec<_>>(),
                "channels": problem.channels(),
                "products": problem.products(),
                "bytes": problem.bytes(),
            });
            writeln!(out, "{line}")?;
        }
        return Ok(());
    };
    let (_, layer) = layers.get(number).context("no layer has that number")?.names[0];
    // In one thread, which counts all. Not the main one: its stack begins where the program's name and
    // arguments end, and which sets of a cache a stack falls into should depend on neither.
    let marked = Pool::new(1)?.run(|| {
        let marked = Layout::ALL.map(|layout| mark(layer, layout, args.instances));
        marked.into_iter().collect::<Result<Vec<_>>>()
    });
    for line in marked?.iter().flatten() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// A layer under all its names.
struct Distinct<'a> {
    problem: Problem,
    names: Vec<(&'a Network, &'a Layer)>,
}

fn distinct(networks: &[Network]) -> Result<Vec<Distinct<'_>>> {
    let mut all: Vec<Distinct> = Vec::new();
    for network in networks {
        for layer in &network.layers {
            let problem = *layer.conv(Layout::default(), Isa::best())?.problem();
            match all.iter_mut().find(|known| known.problem == problem) {
                Some(known) => known.names.push((network, layer)),
                None => all.push(Distinct { problem, names: vec![(network, layer)] }),
            }
        }
    }
    Ok(all)
}

/// What makes a layer different from others, as text: batch, channels, height and width, then kernel,
/// stride and dilation, then the padding at the top, left, bottom and right.
fn shape(problem: &Problem) -> String {
    let (height, width) = (problem.height(), problem.width());
    format!(
        "{}x{}x{}x{}_k{}x{}_s{}x{}_d{}x{}_p{},{},{},{}",
        problem.batch(),
        problem.channels(),
        height.input(),
        width.input(),
        height.kernel(),
        width.kernel(),
        height.stride(),
        width.stride(),
        height.dilation(),
        width.dilation(),
        height.pad_low(),
        width.pad_low(),
        height.pad_high(),
        width.pad_high()
    )
}

/// Runs every pass of a layer; what each region is.
fn mark(layer: &Layer, layout: Layout, instances: bool) -> Result<Vec<Value>> {
    let conv = layer.conv(layout, Isa::best())?;
    let problem = conv.problem();
    let (input, weights, output) =
        (problem.input_len(), problem.weights_len(), problem.output_len());
    let mut memory = Vec::new();
    let [x, w, y, grad_x, grad_w] = tensors(&mut memory, [input, weights, output, input, weights]);
    let mut regions = Vec::new();
    let mut each = |plan: &Plan, run: &mut Run| {
        regions.extend(each_instance(layer, plan, instances, run)?);
        Ok::<_, depthwise::Error>(())
    };
    each(conv.plan(), &mut |conv| marked::<112, _>(|| conv.forward(x, w, None, y)))?;
    each(conv.grad_input_plan(), &mut |conv| {
        marked::<113, _>(|| conv.grad_input(y, w, grad_x, Update::Overwrite))
    })?;
    each(conv.grad_weight_plan(), &mut |conv| {
        marked::<114, _>(|| conv.grad_weight(x, y, grad_w, Update::Overwrite))
    })?;
    Ok(regions)
}

/// A pass between markers.
type Run<'a> = dyn FnMut(&Conv) -> Result<(), depthwise::Error> + 'a;

/// Runs a pass with the instance that `plan` has chosen, and with `all` that can compute it.
fn each_instance(
    layer: &Layer,
    plan: &Plan,
    all: bool,
    run: &mut Run,
) -> Result<Vec<Value>, depthwise::Error> {
    let (problem, chosen) = (*plan.problem(), plan.instance());
    let others = INSTANCES.iter().filter(|&other| {
        all && other != chosen && Plan::with_instance(problem, plan.machine(), other).is_ok()
    });
    let regions = [chosen].into_iter().chain(others).map(|instance| {
        let conv = layer.builder(problem.layout()).instance(instance).build()?;
        run(black_box(&conv))?;
        Ok(json!({
            "pass": problem.pass().name(),
            "layout": problem.layout().name(),
            "instance": instance.name,
            "chosen": instance == chosen,
        }))
    });
    regions.collect()
}

/// Tensors of ones, one after another in `memory`. Which sets of a cache they fall into depends on their
/// lengths alone.
fn tensors<const N: usize>(memory: &mut Vec<f32>, lengths: [usize; N]) -> [&mut [f32]; N] {
    /// Bytes after which the sets of the caches repeat.
    const PERIOD: usize = 1 << 16;
    /// Elements that a tensor begins at a multiple of.
    const PAGE: usize = 1024;
    let pages = lengths.map(|length| length.next_multiple_of(PAGE));
    memory.resize(pages.iter().sum::<usize>() + PERIOD / size_of::<f32>(), 1.0);
    let first = memory.as_ptr().align_offset(PERIOD);
    let mut rest = &mut memory[first..];
    std::array::from_fn(|i| {
        let (tensor, after) = mem::take(&mut rest).split_at_mut(pages[i]);
        rest = after;
        &mut tensor[..lengths[i]]
    })
}

/// Does `work` between the marker with that number and the one that ends a region.
fn marked<const MARKER: u32, T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: a hint that is not allocated does nothing.
    unsafe { asm!("hint #{}", const MARKER, options(nostack, preserves_flags)) };
    let result = work();
    // SAFETY: as above.
    unsafe { asm!("hint #120", options(nostack, preserves_flags)) };
    result
}

/// Marks a loop that loads and stores a vector and multiplies and adds in each iteration.
fn calibrate(out: &mut impl Write) -> Result<()> {
    const ITERATIONS: u64 = 1000;
    /// Instructions in the loop, and before it.
    const INSTRUCTIONS: [u64; 2] = [5, 1];
    #[repr(align(64))]
    struct Line([f32; 16]);
    let mut line = Line([1.0; 16]);
    // SAFETY: the vectors that are loaded and stored are the first and the second of the line; every
    // register that is written is named.
    unsafe {
        asm!(
            "hint #112",
            "mov {i}, #{iterations}",
            "2: ldr q0, [{line}]",
            "fmla v1.4s, v0.4s, v0.4s",
            "str q1, [{line}, #16]",
            "subs {i}, {i}, #1",
            "b.ne 2b",
            "hint #120",
            line = in(reg) line.0.as_mut_ptr(),
            i = out(reg) _,
            iterations = const ITERATIONS,
            out("v0") _,
            inout("v1") 0.0_f32 => _,
            options(nostack),
        );
    }
    black_box(&line.0);
    let line = json!({
        "instructions": ITERATIONS * INSTRUCTIONS[0] + INSTRUCTIONS[1],
        "fmas": ITERATIONS,
        "lanes": ITERATIONS * 4,
        "vector_loads": ITERATIONS,
        "load_bytes": ITERATIONS * 16,
        "store_bytes": ITERATIONS * 16,
        "l1_fills": 1,
        "l2_fills": 1,
    });
    writeln!(out, "{line}")?;
    Ok(())
}
