/// Sizes of a processor that decide tiles: the instruction set says what a vector can do, the
/// machine how many of them to keep in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// What it is called in reports.
    pub name: &'static str,
    /// 128-bit vector registers.
    pub registers: usize,
    /// Bytes of the first-level data cache.
    pub l1: usize,
    /// Lines in each set of that cache.
    pub ways: usize,
    /// Whether NHWC kernels that read rows take a line of channels at a time, down all rows of a tile, for what a row needs to
    /// stay in the cache for the next one. Where prefetchers are strong, they rather read all channels, row after row.
    pub narrow: bool,
    /// How it starts instructions.
    pub issue: Issue,
}

/// How a core starts instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issue {
    /// One after another: an instruction that waits for a result lets all others wait, so there must be
    /// independent sums in flight.
    InOrder,
    /// As soon as their operands are there.
    OutOfOrder,
}

impl Machine {
    /// AArch64 cores that start instructions out of order: 32 vector registers; the first-level data cache is that of
    /// Cortex-A75 and later and of Neoverse N1 (Arm's technical reference manuals). Apple's are larger.
    pub const ARM64: Self = Self {
        name: "arm64",
        registers: 32,
        l1: 64 * 1024,
        ways: 4,
        narrow: true,
        issue: Issue::OutOfOrder,
    };

    /// AArch64 cores that start them in order, Cortex-A53, A55 and their kin, with the smallest first-level cache in use.
    pub const ARM64_IN_ORDER: Self =
        Self { name: "arm64-in-order", l1: 32 * 1024, issue: Issue::InOrder, ..Self::ARM64 };

    /// Every x86-64 core without AVX-512, and wasm engines on any x86-64: 16 vector registers.
    pub const X86_64: Self = Self {
        name: "x86-64",
        registers: 16,
        l1: 32 * 1024,
        ways: 8,
        narrow: false,
        issue: Issue::OutOfOrder,
    };

    /// All machines, by name.
    pub const ALL: [Self; 3] = [Self::ARM64, Self::X86_64, Self::ARM64_IN_ORDER];

    /// What this build runs on, as far as the target tells: wasm modules are tuned for 16 registers,
    /// which is right on x86-64 and safe elsewhere.
    #[must_use]
    pub const fn target() -> Self {
        if cfg!(target_arch = "aarch64") { Self::ARM64 } else { Self::X86_64 }
    }

    /// What this program runs on: as [`target`](Self::target), but a wasm module learns its host from the
    /// NaN that 0 / 0 gives. WebAssembly leaves its sign to the host, and engines leave it to the processor:
    /// x86 sets it (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 4.8.3.7), ARM
    /// clears it (Arm Architecture Reference Manual, `FPDefaultNaN`). A host that hides its processor gives
    /// other tiles, never other bits.
    #[must_use]
    pub fn detect() -> Self {
        // Hidden from the compiler, which would choose the sign itself.
        let [a, b] = core::hint::black_box([0.0_f32; 2]);
        match cfg!(target_arch = "wasm32") {
            true if (a / b).is_sign_positive() => Self::ARM64,
            _ => Self::target(),
        }
    }
}
