//! Results depend on what they are made of, and on nothing else.

use depthwise::Update;

use crate::case::Case;
use crate::data::Tensors;
use crate::order;
use crate::pass::Pass;
use crate::properties::tensors::rearranged;
use crate::properties::{Operand, compare, equal, evidence, products, results, same_bits};
use crate::random::Random;
use crate::shape::Shape;
use crate::subject::Subject;
use crate::verdict::{Evidence, Fault};

/// Each image alone gives the same bits as among others; gradients of weights and biases, exact on integers, are
/// the sum over images.
pub(crate) fn images(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let batch = case.shape.batch.max(2);
    let case = Case { shape: Shape { batch, ..case.shape }, ..*case }.or_best();
    let tensors = Tensors::new(&case);
    let (all, mut evidence) = evidence(&case, &tensors, subject)?;
    let shape = Shape { batch: 1, ..case.shape };
    let summed = case.pass.results(&case.shape).0 == 1;
    let mut sum = vec![0.0; if summed { all.len() } else { 0 }];
    for image in 0..batch {
        let mut one = Case { shape, ..case }.or_best();
        let mut of = rearranged(&tensors, &case, &shape, |like, [n, c, h, w]| {
            let single = like.results(&case.shape).0 == 1;
            Some([if single { n } else { image }, c, h, w])
        });
        if summed && image > 0 {
            // What is added to is added to once.
            (one.update, of.before) = (Update::Overwrite, None);
        }
        let alone = results(&one, &of, subject)?;
        if summed {
            sum.iter_mut().zip(alone).for_each(|(sum, alone)| *sum += alone);
        } else {
            // The images of a tensor follow each other in both layouts.
            let among = &all[image * alone.len()..][..alone.len()];
            let pairs = among.iter().copied().zip(alone);
            compare(&mut evidence, pairs, same_bits, &format!("of image {image} alone"))?;
        }
    }
    compare(&mut evidence, all.into_iter().zip(sum), equal, "as the sum over images")?;
    Ok(evidence)
}

/// Channels in reverse order give the same bits in reverse order.
pub(crate) fn channels(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let channels = case.shape.channels.max(2);
    let shape = Shape { channels, ..case.shape };
    let case = Case { shape, ..*case }.or_best();
    let tensors = Tensors::new(&case);
    let (first, mut evidence) = evidence(&case, &tensors, subject)?;
    let place = |like: Pass, [n, c, h, w]: [usize; 4]| {
        // Those of one input channel stay together.
        let multiplier = if like == Pass::GradInput { 1 } else { shape.multiplier };
        let channel = (channels - 1 - c / multiplier) * multiplier + c % multiplier;
        Some([n, channel, h, w])
    };
    let reversed = rearranged(&tensors, &case, &shape, place);
    let second = results(&case, &reversed, subject)?;
    let index = |at| order::result(case.pass, case.layout, &shape, at);
    let pairs = order::results(case.pass, &shape).map(|at| {
        let from = place(case.pass, at).unwrap_or(at);
        (first[index(from)], second[index(at)])
    });
    compare(&mut evidence, pairs, same_bits, "with channels in reverse order")?;
    Ok(evidence)
}

/// A change of one element changes the results that have a product with it, and no bit of others. So does a NaN.
///
/// Numbers are odd integers, so no product is 0.
pub(crate) fn influence(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let (first, mut evidence) = evidence(case, &tensors, subject)?;
    let random = &mut Random::new(case.seed.into());
    for operand in Operand::of(case.pass) {
        let len = operand.values(&tensors).len();
        for element in [random.below(len), len - 1] {
            let reached = reached(case, operand, |index| index == element);
            let value = operand.values(&tensors)[element];
            // Towards 0, so that sums stay exact.
            for changed in [value - 2.0 * value.signum(), f32::NAN] {
                let mut tensors = tensors.clone();
                operand.values_mut(&mut tensors)[element] = changed;
                let second = results(case, &tensors, subject)?;
                let what = format!("when element {element} of {} is {changed}", operand.name());
                let took = |before: f32, after: f32| {
                    if changed.is_nan() { after.is_nan() } else { after != before }
                };
                influenced(&mut evidence, [&first, &second], &reached, took, &what)?;
            }
        }
    }
    Ok(evidence)
}

/// Infinite weights where windows miss them, and NaN where nothing reads, change no bit.
///
/// The weights are the first and the last tap of every channel.
pub(crate) fn clipped(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let (first, mut evidence) = evidence(case, &tensors, subject)?;
    let mut changed = tensors.clone();
    for operand in Operand::of(case.pass) {
        let mut read = vec![case.pass == Pass::GradBias; operand.values(&tensors).len()];
        products(case, |indices| read[indices[operand as usize]] = true);
        let unread = operand.values_mut(&mut changed).iter_mut().zip(read);
        unread.filter(|(_, read)| !read).for_each(|(value, _)| *value = f32::NAN);
    }
    let second = results(case, &changed, subject)?;
    let pairs = first.iter().copied().zip(second);
    compare(&mut evidence, pairs, same_bits, "with NaN where nothing reads")?;
    if case.pass.takes_weights() {
        let [rows, columns] = case.shape.kernel;
        let corners = [[0, 0], [rows - 1, columns - 1]];
        let mut corner = vec![false; tensors.weights.len()];
        for o in 0..case.shape.output_channels() {
            corners.iter().for_each(|[u, v]| {
                corner[order::weight(case.layout, &case.shape, [o, *u, *v])] = true;
            });
        }
        let infinite = changed.weights.iter_mut().zip(&corner).filter(|(_, corner)| **corner);
        infinite.for_each(|(weight, _)| *weight = f32::INFINITY);
        let reached = reached(case, Operand::Weights, |index| corner[index]);
        let second = results(case, &changed, subject)?;
        let what = "with infinite weights at the kernel's corners";
        let took = |_: f32, after: f32| !after.is_finite();
        influenced(&mut evidence, [&first, &second], &reached, took, what)?;
    }
    Ok(evidence)
}

/// Compares the results before and after a change: those that it has reached took it, the others kept their bits.
fn influenced(
    evidence: &mut Evidence,
    [before, after]: [&[f32]; 2],
    reached: &[bool],
    took: impl Fn(f32, f32) -> bool,
    what: &str,
) -> Result<(), Fault> {
    for (index, ((before, after), reached)) in before.iter().zip(after).zip(reached).enumerate() {
        if *reached && !took(*before, *after) {
            return Err(Fault::Wrong(format!("result {index} is still {after:e} {what}")));
        }
        if !reached && !same_bits(*before, *after) {
            return Err(Fault::Wrong(format!(
                "result {index} is {before:e}, but {after:e} {what}, which it should not know of"
            )));
        }
        evidence.compared += 1;
    }
    Ok(())
}

/// Which results, in the layout's order, have a product with any of some elements of an operand.
fn reached(case: &Case, operand: Operand, which: impl Fn(usize) -> bool) -> Vec<bool> {
    let (shape, layout) = (&case.shape, case.layout);
    let mut reached = vec![false; order::count(case.pass, shape)];
    if case.pass == Pass::GradBias {
        for at in order::outputs(shape).filter(|at| which(order::output(layout, shape, *at))) {
            reached[at[1]] = true;
        }
        return reached;
    }
    products(case, |[x, weight, y]| {
        if which([x, weight, y][operand as usize]) {
            let result = match case.pass {
                Pass::Forward => y,
                Pass::GradInput => x,
                Pass::GradWeight | Pass::GradBias => weight,
            };
            reached[result] = true;
        }
    });
    reached
}
