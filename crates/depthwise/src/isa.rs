use core::fmt;
use core::str::FromStr;

use depthwise_lanes::Lanes;
#[cfg(target_arch = "aarch64")]
use depthwise_lanes::Neon;
#[cfg(not(any(
    all(target_arch = "aarch64", target_feature = "neon"),
    target_arch = "wasm32",
    depthwise_sampled
)))]
use depthwise_lanes::PortableFused;
#[cfg(all(target_arch = "wasm32", not(all(target_feature = "relaxed-simd", depthwise_web))))]
use depthwise_lanes::Simd128;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
use depthwise_lanes::Simd128Relaxed;
#[cfg(not(any(
    all(target_arch = "aarch64", target_feature = "neon"),
    target_arch = "wasm32"
)))]
use depthwise_lanes::{MulAdd, Portable};

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// Any processor, product and sum rounded. Builds for targets that are sure to have one of the
    /// other sets leave the portable kernels out.
    Portable,
    /// Any processor, product and sum rounded once, in software: slow, for comparison.
    PortableFused,
    /// AArch64 Advanced SIMD.
    Neon,
    /// WebAssembly 128-bit SIMD.
    Simd128,
    /// WebAssembly relaxed SIMD, where the host fuses its multiply-add.
    Simd128Relaxed,
}

/// How a multiply-accumulate rounds. Instruction sets of one contract give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contract {
    /// `acc + x·w` is rounded once.
    Fused,
    /// `x·w` is rounded, then the sum.
    MulAdd,
}

impl Contract {
    /// Name in reports: `fused` or `mul-add`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::MulAdd => "mul-add",
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What to do with the token of an instruction set.
pub(crate) trait WithLanes {
    type Output;
    fn run<L: Lanes<Element = f32, Src = depthwise_lanes::Src, Dst = depthwise_lanes::Dst>>(
        self,
        lanes: L,
    ) -> Self::Output;
}

impl Isa {
    /// Every instruction set, whether or not this target has it.
    pub const ALL: [Self; 5] =
        [Self::Portable, Self::PortableFused, Self::Neon, Self::Simd128, Self::Simd128Relaxed];

    /// Name, as on the command line and in instance names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::PortableFused => "portable-fused",
            Self::Neon => "neon",
            Self::Simd128 => "simd128",
            Self::Simd128Relaxed => "simd128-relaxed",
        }
    }

    /// How it rounds.
    #[must_use]
    pub const fn contract(self) -> Contract {
        match self {
            Self::Portable | Self::Simd128 => Contract::MulAdd,
            Self::PortableFused | Self::Neon | Self::Simd128Relaxed => Contract::Fused,
        }
    }

    /// Whether this build has its kernels and this processor can run them.
    #[must_use]
    pub fn available(self) -> bool {
        struct Nothing;
        impl WithLanes for Nothing {
            type Output = ();
            fn run<L: Lanes>(self, _lanes: L) {}
        }
        self.with(Nothing).is_some()
    }

    /// The fastest one here.
    #[must_use]
    pub fn best() -> Self {
        let fastest = [Self::Neon, Self::Simd128Relaxed, Self::Simd128];
        fastest.into_iter().find(|isa| isa.available()).unwrap_or(Self::Portable)
    }

    /// Gives `what` the token, if there is one. Builds in which bugs are planted are proven, not run: one is enough.
    pub(crate) fn with<W: WithLanes>(self, what: W) -> Option<W::Output> {
        match self {
            #[cfg(not(any(
                all(target_arch = "aarch64", target_feature = "neon"),
                target_arch = "wasm32"
            )))]
            Self::Portable => Some(what.run(Portable::<MulAdd>::new())),
            #[cfg(not(any(
                all(target_arch = "aarch64", target_feature = "neon"),
                target_arch = "wasm32",
                depthwise_sampled
            )))]
            Self::PortableFused => Some(what.run(PortableFused::new())),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => Neon::new().map(|lanes| what.run(lanes)),
            #[cfg(all(
                target_arch = "wasm32",
                not(all(target_feature = "relaxed-simd", depthwise_web))
            ))]
            Self::Simd128 => Simd128::new().map(|lanes| what.run(lanes)),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Self::Simd128Relaxed => Simd128Relaxed::new().map(|lanes| what.run(lanes)),
            #[allow(unreachable_patterns, reason = "which sets remain depends on the target")]
            _ => None,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No instruction set has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownIsa;

impl fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown instruction set, expected ")?;
        for (i, isa) in Isa::ALL.into_iter().enumerate() {
            write!(f, "{}{isa}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownIsa {}

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        Self::ALL.into_iter().find(|isa| isa.name() == name).ok_or(UnknownIsa)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_parse() {
        for isa in Isa::ALL {
            assert_eq!(isa.to_string().parse(), Ok(isa));
        }
        let error = "avx2".parse::<Isa>().unwrap_err().to_string();
        assert!(
            error.ends_with("expected portable, portable-fused, neon, simd128, simd128-relaxed")
        );
    }

    #[test]
    fn contracts_are_the_tokens() {
        struct ContractOf;
        impl WithLanes for ContractOf {
            type Output = (&'static str, &'static str);
            fn run<L: Lanes>(self, _lanes: L) -> Self::Output {
                (L::NAME, <L::Contract as depthwise_lanes::Contract>::NAME)
            }
        }
        for isa in Isa::ALL.into_iter().filter(|isa| isa.available()) {
            assert_eq!(isa.with(ContractOf), Some((isa.name(), isa.contract().name())));
        }
        assert!(Isa::best().available());
    }
}
