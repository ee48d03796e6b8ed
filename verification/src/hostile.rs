//! Descriptions and slices as an enemy would choose them: each is refused with a typed error, or computed.
//! Nothing panics, overflows, or touches what it may not.
//!
//! Any bytes are an attack. The same ones attack in the same way on every target, but for what its
//! addresses can hold.

use arbitrary::{Result, Unstructured};
use depthwise::{
    Activation, Axis, Columns, Conv, DescriptionError, Error, INSTANCES, Isa, Layout, Leaves,
    Machine, Padding, Plan, Problem, ProblemBuilder, Rectangle, Update,
};

use crate::pass::Pass;

/// What became of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was refused.
    Refused,
    /// It was accepted, but is too large to be looked at as a whole.
    Accepted,
    /// It was accepted, and all of it is right.
    Right,
}

/// Most results whose covering is looked at, and most elements of a tensor that is computed.
const MOST: usize = 1 << 13;

/// Most products that are computed.
const MOST_PRODUCTS: usize = 1 << 20;

/// Parts and rectangles that are asked for where there are too many.
const SOME: usize = 50;

/// Bytes of the smallest cache that a plan is made for: two elements.
const FEWEST_BYTES: usize = 8;

/// Elements of an axis whose plan is looked at.
const MOST_LENGTH: usize = 1 << 20;

/// Threads that share a plan.
const MOST_THREADS: usize = 1 << 12;

/// What a tensor holds before, and after a refusal still.
const BEFORE: f32 = 7.5;

/// A size: often small, sometimes next to a power of two, seldom anything.
fn size(u: &mut Unstructured) -> Result<usize> {
    Ok(match u.int_in_range(0..=15)? {
        0..=9 => u.int_in_range(1..=9)?,
        10 | 11 => u.int_in_range(0..=40)?,
        12 => usize::from(u.arbitrary::<u16>()?),
        13 => u.arbitrary::<u64>()? as usize,
        _ => {
            let power = 1usize << u.int_in_range(0..=usize::BITS - 1)?;
            power.wrapping_add(usize::from(u.arbitrary::<u8>()?)).wrapping_sub(128)
        }
    })
}

/// A size up to `most`, and seldom any; of `tame` ones never.
fn mostly(u: &mut Unstructured, most: usize, tame: bool) -> Result<usize> {
    if tame || u.ratio(3, 4)? { u.int_in_range(1..=most) } else { size(u) }
}

fn padding(u: &mut Unstructured, tame: bool) -> Result<isize> {
    if tame || u.ratio(3, 4)? { u.int_in_range(-2..=9) } else { Ok(size(u)? as isize) }
}

fn problem(u: &mut Unstructured) -> Result<ProblemBuilder> {
    let tame = u.arbitrary()?;
    let both = |u: &mut Unstructured, most| Ok([mostly(u, most, tame)?, mostly(u, most, tame)?]);
    let mut builder = Problem::builder()
        .layout(*u.choose(&Layout::ALL)?)
        .batch(mostly(u, 3, tame)?)
        .channels(mostly(u, 20, tame)?)
        .multiplier(mostly(u, 3, tame)?)
        .input(both(u, 20)?)
        .kernel(both(u, 7)?)
        .stride(both(u, 3)?)
        .dilation(both(u, 3)?);
    builder = match u.int_in_range(0..=3)? {
        0 => builder.same_upper(),
        1 => builder.same_lower(),
        _ => {
            let [top, bottom] = [padding(u, tame)?, padding(u, tame)?];
            let [left, right] = [padding(u, tame)?, padding(u, tame)?];
            builder.padding(Padding { top, bottom, left, right })
        }
    };
    if u.ratio(1, 8)? {
        let (min, max) = (u.arbitrary()?, u.arbitrary()?);
        builder = builder.activation(Activation::Clamp { min, max });
    }
    Ok(builder)
}

fn machine(u: &mut Unstructured) -> Result<Machine> {
    let machine = *u.choose(&Machine::ALL)?;
    Ok(if u.arbitrary()? { machine } else { Machine { l1: size(u)?.max(FEWEST_BYTES), ..machine } })
}

/// A plan for any problem, machine, instance and number of threads.
///
/// # Errors
/// Never, so far.
///
/// # Panics
/// If a result is not covered once.
pub fn plan(bytes: &[u8]) -> Result<Outcome> {
    let u = &mut Unstructured::new(bytes);
    let pass = *u.choose(&[Pass::Forward, Pass::GradInput, Pass::GradWeight])?;
    let machine = machine(u)?;
    let instance = u.arbitrary::<bool>()?.then(|| u.choose(INSTANCES)).transpose()?;
    let threads = u.int_in_range(0..=MOST_THREADS)?;
    let Ok(problem) = problem(u)?.pass(pass.of_plan()).build() else {
        return Ok(Outcome::Refused);
    };
    let plan = match instance {
        None => Plan::new(problem, machine),
        Some(instance) => match Plan::with_instance(problem, machine, instance) {
            Ok(plan) => plan,
            Err(error) => {
                assert_eq!(error, DescriptionError::Instance(instance.name));
                return Ok(Outcome::Refused);
            }
        },
    };
    assert!(instance.is_none_or(|instance| plan.instance() == instance));
    let plan = plan.shared(threads);
    assert!(plan.shared_channels(threads) >= 1);
    Ok(match pass {
        Pass::GradWeight => sums_each_position_once(&problem),
        _ => covers_each_result_once(&plan, pass),
    })
}

fn sums_each_position_once(problem: &Problem) -> Outcome {
    let leaves = Leaves::new(problem);
    let (images, rows, columns) =
        (problem.batch(), problem.height().output(), problem.width().output());
    if images.saturating_mul(rows).saturating_mul(columns) > MOST {
        for index in [0, leaves.count() / 2, leaves.count() - 1] {
            let leaf = leaves.leaf(index);
            assert!(leaf.image < images && leaf.rows.end <= rows && leaf.columns.end <= columns);
            assert!(!leaf.rows.is_empty() && !leaf.columns.is_empty());
        }
        return Outcome::Accepted;
    }
    let mut seen = vec![0; images * rows * columns];
    for leaf in (0..leaves.count()).map(|index| leaves.leaf(index)) {
        for row in leaf.rows {
            leaf.columns.clone().for_each(|c| seen[(leaf.image * rows + row) * columns + c] += 1);
        }
    }
    assert!(seen.iter().all(|times| *times == 1), "{problem:?}");
    Outcome::Right
}

fn covers_each_result_once(plan: &Plan, pass: Pass) -> Outcome {
    let problem = plan.problem();
    let axes = [problem.height(), problem.width()];
    let (channels, [rows, columns]) = match pass {
        Pass::GradInput => (problem.channels(), axes.map(|axis| axis.input())),
        _ => (problem.output_channels(), axes.map(|axis| axis.output())),
    };
    let images = problem.batch();
    // Plans take time for each window, and search the taps of a residue class one by one.
    let long = |axis: &Axis| {
        axis.input().max(axis.output()) > MOST_LENGTH || axis.kernel().min(axis.stride()) > MOST
    };
    if axes.iter().any(long) {
        return Outcome::Accepted;
    }
    if [images, channels, rows, columns].into_iter().fold(1, usize::saturating_mul) > MOST {
        let count = plan.part_count();
        for part in (0..count.min(SOME)).chain([count / 2, count - 1]).map(|i| plan.part(i)) {
            assert!(part.images.end <= images && part.channels.end <= channels);
            assert!(part.rows.end <= rows && !part.channels.is_empty());
            for rectangle in plan.rectangles(part.rows, true).take(SOME) {
                for [row, column] in corners(&rectangle) {
                    assert!(row < rows && column < columns, "{rectangle:?}");
                }
            }
        }
        return Outcome::Accepted;
    }
    let mut parts = vec![0; images * channels * rows];
    for part in plan.parts() {
        for (n, c) in part.images.flat_map(|n| part.channels.clone().map(move |c| (n, c))) {
            part.rows.clone().for_each(|row| parts[(n * channels + c) * rows + row] += 1);
        }
        for tiles in [true, false] {
            let mut seen = vec![0; rows * columns];
            for rectangle in plan.rectangles(part.rows.clone(), tiles) {
                for row in results(&rectangle) {
                    self::columns(&rectangle).for_each(|c| seen[row * columns + c] += 1);
                }
            }
            for (index, times) in seen.iter().enumerate() {
                let inside = part.rows.contains(&(index / columns));
                assert_eq!(*times, usize::from(inside), "{problem:?} {tiles} {index}");
            }
        }
    }
    assert!(parts.iter().all(|times| *times == 1), "{problem:?}");
    Outcome::Right
}

fn results(rectangle: &Rectangle) -> impl Iterator<Item = usize> + use<> {
    let rows = rectangle.rows;
    (0..rows.len).map(move |row| rows.out + row * rows.out_step)
}

fn columns(rectangle: &Rectangle) -> impl Iterator<Item = usize> + use<> {
    let (out, len, step) = match rectangle.columns {
        Columns::Tiles(tile) => (tile.out, tile.columns * tile.count, 1),
        Columns::Span(span) => (span.out, span.len, span.out_step),
    };
    (0..len).map(move |column| out + column * step)
}

/// The first and the last result.
fn corners(rectangle: &Rectangle) -> [[usize; 2]; 2] {
    let Rectangle { rows, columns, .. } = rectangle;
    let last = match columns {
        Columns::Tiles(tile) => (tile.out, tile.out + (tile.columns * tile.count - 1)),
        Columns::Span(span) => (span.out, span.out + (span.len - 1) * span.out_step),
    };
    [[rows.out, last.0], [rows.out + (rows.len - 1) * rows.out_step, last.1]]
}

/// A pass of any convolution, over slices of any lengths.
///
/// # Errors
/// Never, so far.
///
/// # Panics
/// If what is wrong is not refused, or what is refused was begun.
pub fn api(bytes: &[u8]) -> Result<Outcome> {
    let u = &mut Unstructured::new(bytes);
    let pass = *u.choose(&Pass::ALL)?;
    let update = if u.arbitrary()? { Update::Accumulate } else { Update::Overwrite };
    let isa = if u.ratio(1, 8)? { *u.choose(&Isa::ALL)? } else { Isa::best() };
    let machine = machine(u)?;
    let instance = u.ratio(1, 8)?.then(|| u.choose(INSTANCES)).transpose()?;
    // As long as the tensor, or not.
    let mut lens = [None; 4];
    for len in &mut lens {
        if u.ratio(1, 8)? {
            *len = Some(size(u)?.min(MOST));
        }
    }
    let has_bias = u.arbitrary()?;
    let problem = problem(u)?.build();
    let Ok(problem) = problem else { return Ok(Outcome::Refused) };
    let conv = match conv(&problem, isa, machine, instance) {
        Ok(conv) => conv,
        Err(Error::Unavailable(other)) => {
            assert!(other == isa && !isa.available());
            return Ok(Outcome::Refused);
        }
        Err(error) => {
            let name =
                instance.map(|instance| Error::from(DescriptionError::Instance(instance.name)));
            assert_eq!(Some(error), name);
            return Ok(Outcome::Refused);
        }
    };
    let (x, weights) = (problem.input_len(), problem.weights_len());
    let (bias, y) = (problem.output_channels(), problem.output_len());
    let right = match pass {
        Pass::Forward => [x, weights, if has_bias { bias } else { 0 }, y],
        Pass::GradInput => [y, weights, 0, x],
        Pass::GradWeight => [x, y, 0, weights],
        Pass::GradBias => [y, 0, 0, bias],
    };
    let small = right.iter().all(|len| *len <= MOST) && problem.products() <= MOST_PRODUCTS;
    let given = [0, 1, 2, 3].map(|i| match lens[i] {
        Some(len) if i == 3 || right[i] > 0 => len,
        _ if small => right[i],
        _ => right[i].min(1),
    });
    let [a, b, c, mut results] = given.map(|len| vec![BEFORE; len]);
    let results_before = results.clone();
    let done = match pass {
        Pass::Forward => conv.forward(&a, &b, has_bias.then_some(&*c), &mut results),
        Pass::GradInput => conv.grad_input(&a, &b, &mut results, update),
        Pass::GradWeight => conv.grad_weight(&a, &b, &mut results, update),
        Pass::GradBias => conv.grad_bias(&a, &mut results, update),
    };
    match done {
        Ok(()) => assert_eq!(given, right, "{conv:?}"),
        Err(error) => {
            let Error::Length { expected, found, .. } = error else { panic!("{error}") };
            assert!(given != right && expected != found, "{conv:?}");
            assert_eq!(results, results_before);
        }
    }
    Ok(if done.is_ok() { Outcome::Right } else { Outcome::Refused })
}

fn conv(
    problem: &Problem,
    isa: Isa,
    machine: Machine,
    instance: Option<&'static depthwise::Instance>,
) -> std::result::Result<Conv, Error> {
    let [height, width] = [problem.height(), problem.width()];
    let builder = Conv::builder()
        .batch(problem.batch())
        .channels(problem.channels())
        .multiplier(problem.multiplier())
        .input([height.input(), width.input()])
        .kernel([height.kernel(), width.kernel()])
        .stride([height.stride(), width.stride()])
        .dilation([height.dilation(), width.dilation()])
        .padding(Padding {
            top: height.pad_low(),
            bottom: height.pad_high(),
            left: width.pad_low(),
            right: width.pad_high(),
        })
        .layout(problem.layout())
        .activation(problem.activation())
        .isa(isa)
        .machine(machine);
    instance.into_iter().fold(builder, |builder, instance| builder.instance(instance)).build()
}
