//! The machine that this program runs on.

use depthwise_description::Machine;

/// What this program runs on, as far as it can tell; asked once, then remembered.
///
/// - A wasm module learns what its host is ([`Machine::detect`]).
/// - AArch64 Linux and Android say which cores they have. Only if all are small, it's [`Machine::ARM64_IN_ORDER`]: where there are
///   large cores, work that matters runs on them.
/// - Apple's cores all start them out of order. So does whatever else is unknown, and every machine if the
///   crate is built without `std`: other tiles, never other bits.
#[must_use]
pub fn host_machine() -> Machine {
    #[cfg(all(
        feature = "std",
        target_arch = "aarch64",
        any(target_os = "linux", target_os = "android")
    ))]
    {
        use std::sync::OnceLock;
        static HOST: OnceLock<Machine> = OnceLock::new();
        *HOST.get_or_init(|| {
            let cores = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
            if all_small(&cores) { Machine::ARM64_IN_ORDER } else { Machine::detect() }
        })
    }
    #[cfg(not(all(
        feature = "std",
        target_arch = "aarch64",
        any(target_os = "linux", target_os = "android")
    )))]
    Machine::detect()
}

/// Arm's small cores, by their part numbers (main ID register, bits 15 to 4; Arm's technical reference manuals): those that start
/// instructions in order, Cortex-A34, A35, A53, A55, A510 and A520, and those that don't, but have no larger first-level cache, Cortex-A57,
/// A72 and A73. Independent sums cost the latter nothing.
#[cfg(any(test, all(feature = "std", target_arch = "aarch64")))]
const SMALL: [u32; 9] = [0xd02, 0xd04, 0xd03, 0xd05, 0xd46, 0xd80, 0xd07, 0xd08, 0xd09];

/// Arm Limited, among implementers.
#[cfg(any(test, all(feature = "std", target_arch = "aarch64")))]
const ARM: u32 = 0x41;

/// Whether every core that `/proc/cpuinfo` names is small.
#[cfg(any(test, all(feature = "std", target_arch = "aarch64")))]
fn all_small(text: &str) -> bool {
    let values = |name: &'static str| {
        text.lines().filter_map(move |line| {
            let (key, value) = line.split_once(':')?;
            let value = value.trim().strip_prefix("0x")?;
            (key.trim() == name).then(|| u32::from_str_radix(value, 16).unwrap_or(0))
        })
    };
    let mut cores = values("CPU implementer").zip(values("CPU part")).peekable();
    cores.peek().is_some() && cores.all(|(maker, part)| maker == ARM && SMALL.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    fn cpuinfo(cores: &[(u32, u32)]) -> String {
        let core = |(maker, part): &(u32, u32)| {
            format!("processor\t: 0\nCPU implementer\t: {maker:#x}\nCPU part\t: {part:#05x}\n\n")
        };
        cores.iter().map(core).collect()
    }

    #[test]
    fn cores_may_all_be_small() {
        assert!(all_small(&cpuinfo(&[(ARM, 0xd03); 4])));
        assert!(all_small(&cpuinfo(&[(ARM, 0xd05), (ARM, 0xd46)])));
        assert!(all_small(&cpuinfo(&[(ARM, 0xd03), (ARM, 0xd08)])));
    }

    #[test]
    fn anything_else_is_not() {
        for cores in [&[(ARM, 0xd05), (ARM, 0xd0b)][..], &[(0x61, 0xd03)], &[(ARM, 0xd0b)], &[]] {
            assert!(!all_small(&cpuinfo(cores)), "{cores:?}");
        }
        assert!(!all_small("model name\t: some x86\n"));
    }

    #[test]
    fn the_host_is_a_machine() {
        assert!(Machine::ALL.contains(&host_machine()));
    }
}
