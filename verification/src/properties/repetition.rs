//! The same, again.

use depthwise::Update;

use crate::case::Case;
use crate::data::Tensors;
use crate::memory::{ALIGNMENT, Memory};
use crate::properties::{compare, evidence, results, same_bits};
use crate::subject::Subject;
use crate::verdict::{Evidence, Fault};

/// The same bits at every distance from an aligned address.
pub(crate) fn offsets(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let (first, mut evidence) = evidence(case, &tensors, subject)?;
    for offset in (0..ALIGNMENT).filter(|offset| *offset != case.offset) {
        let second = results(&Case { offset, ..*case }, &tensors, subject)?;
        let pairs = first.iter().copied().zip(second);
        compare(&mut evidence, pairs, same_bits, &format!("at offset {offset}"))?;
    }
    Ok(evidence)
}

/// The same bits again, and once more over the results of the last time unless these are added to.
pub(crate) fn repeated(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let (first, mut evidence) = evidence(case, &tensors, subject)?;
    let mut memory = Memory::new(case, &tensors);
    for again in 0..2 {
        if again > 0 && case.update == Update::Accumulate {
            memory = Memory::new(case, &tensors);
        }
        subject.run(case, &mut memory).map_err(Fault::Refused)?;
        let pairs = first.iter().copied().zip(memory.results.values().iter().copied());
        compare(&mut evidence, pairs, same_bits, "the next time")?;
    }
    Ok(evidence)
}
