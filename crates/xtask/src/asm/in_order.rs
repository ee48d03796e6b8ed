//! What in-order AArch64 cores, like Cortex-A53 and A55, need of a hot loop, from its machine code:
//! they wait for the sum that a multiply-add adds to, and loads take slots from multiply-adds.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use depthwise_description::{INSTANCES, Instance, Size};

use super::code::{Chains, Counts};

/// Sums that must be in flight: a multiply-add takes four cycles.
const ACCUMULATORS: u32 = 4;

/// The loads for each multiply-add that leave room for it.
const LOADS: f64 = 0.25;

/// The hot loops of kernels.
#[derive(Default)]
pub struct InOrder(BTreeMap<&'static str, (Counts, Chains)>);

impl InOrder {
    /// Adds a kernel.
    pub fn add(&mut self, name: &'static str, hot: Counts, chains: Chains) {
        self.0.insert(name, (hot, chains));
    }

    /// Fails if a kernel that computes the interior of a specialised window has too few sums in
    /// flight.
    pub fn check(&self) -> Result<()> {
        for instance in INSTANCES.iter().filter(|instance| is_interior(instance)) {
            if let Some((_, Chains { accumulators, .. })) = self.0.get(instance.name) {
                ensure!(
                    *accumulators >= ACCUMULATORS,
                    "{} adds to {accumulators} registers in turns, in-order cores need {ACCUMULATORS}",
                    instance.name
                );
            }
        }
        Ok(())
    }
}

/// Whether the instance is specialised and the first that fits its windows: others compute what it
/// leaves, or are for fewer registers.
fn is_interior(instance: &Instance) -> bool {
    let windows = |one: &Instance| (one.pass, one.dtype, one.layout, one.kernel, one.stride);
    let first = INSTANCES.iter().find(|other| windows(other) == windows(instance));
    first == Some(instance) && instance.kernel != Size::Any
}

impl fmt::Display for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "{:<36} {:>5} {:>9} {:>9} {:>12} {:>9}",
            "aarch64", "fmas", "loads/fma", "other/fma", "accumulators", "distance"
        )?;
        for instance in INSTANCES {
            let Some((hot, chains)) = self.0.get(instance.name) else { continue };
            let fmas = f64::from(hot.fmas);
            let (loads, instructions) =
                (f64::from(hot.loads) / fmas, f64::from(hot.instructions) / fmas);
            writeln!(
                f,
                "{:<36} {:>5} {loads:>9.2} {:>9.2} {:>12} {:>9}{}{}",
                instance.name,
                hot.fmas,
                instructions - loads - 1.0,
                chains.accumulators,
                chains.distance,
                if is_interior(instance) { "  interior" } else { "" },
                if loads <= LOADS { "  few loads" } else { "" },
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interior_is_the_first_instances() {
        for (name, interior) in [
            ("forward_f32_nhwc_3s1_3x7x1", true),
            ("forward_f32_nhwc_3s1_1x4x4", false),
            ("forward_f32_nhwc_3s1_1x7x1", false),
            ("forward_f32_nhwc_any_1x8x1", false),
        ] {
            let instance = INSTANCES.iter().find(|instance| instance.name == name).unwrap();
            assert_eq!(is_interior(instance), interior, "{name}");
        }
    }

    #[test]
    fn three_accumulators_are_too_few_in_the_interior() {
        for (name, accumulators, right) in [
            ("forward_f32_nhwc_3s1_3x7x1", 4, true),
            ("forward_f32_nhwc_3s1_3x7x1", 3, false),
            ("forward_f32_nhwc_3s1_1x3x4", 3, true),
        ] {
            let mut kernels = InOrder::default();
            kernels.add(name, Counts::default(), Chains { accumulators, distance: 1 });
            assert_eq!(kernels.check().is_ok(), right, "{name} with {accumulators}");
        }
    }
}
