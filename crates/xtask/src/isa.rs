//! Instruction sets, and the target each is built for: triple, flags, runner, tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::cargo;
use crate::setup::Need;

/// An instruction set, named as the program `depthwise` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isa {
    /// Plain Rust, multiply and add rounded separately.
    Portable,
    /// Plain Rust, multiply and add rounded once.
    PortableFused,
    /// AArch64 NEON.
    Neon,
    /// WebAssembly SIMD.
    Simd128,
    /// WebAssembly relaxed SIMD.
    Simd128Relaxed,
}

impl Isa {
    /// The name, as in `--isa NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::PortableFused => "portable-fused",
            Self::Neon => "neon",
            Self::Simd128 => "simd128",
            Self::Simd128Relaxed => "simd128-relaxed",
        }
    }

    /// The target whose build has this instruction set.
    pub fn target(self) -> Target {
        match self {
            Self::Portable | Self::PortableFused => Target::Host,
            Self::Neon if cfg!(target_arch = "aarch64") => Target::Host,
            Self::Neon => Target::Aarch64,
            Self::Simd128 => Target::Wasm,
            Self::Simd128Relaxed => Target::WasmRelaxed,
        }
    }
}

/// What a build is for. One target can have several instruction sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This machine.
    Host,
    /// AArch64 Linux.
    Aarch64,
    /// WebAssembly with SIMD, in Node.
    Wasm,
    /// WebAssembly with relaxed SIMD, in Node.
    WasmRelaxed,
}

impl Target {
    /// The targets that together have every instruction set.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<_> = Isa::value_variants().iter().map(|isa| isa.target()).collect();
        all.dedup();
        all
    }

    /// The instruction sets this target's build has; where NEON is certain, portable code isn't one.
    pub fn isas(self) -> Vec<Isa> {
        let all = Isa::value_variants().iter().copied().filter(|isa| isa.target() == self);
        let portable = |isa: &Isa| matches!(isa, Isa::Portable | Isa::PortableFused);
        all.filter(|isa| !(portable(isa) && cfg!(target_arch = "aarch64"))).collect()
    }

    /// The triple, where the build is not for this machine.
    pub fn triple(self) -> Option<&'static str> {
        match self {
            Self::Host => None,
            Self::Aarch64 => Some("aarch64-unknown-linux-gnu"),
            Self::Wasm | Self::WasmRelaxed => Some("wasm32-wasip1"),
        }
    }

    /// What building takes.
    pub fn build_needs(self) -> Vec<Need> {
        let mut needs: Vec<_> = self.triple().map(Need::RustTarget).into_iter().collect();
        if self == Self::Aarch64 && !cfg!(target_arch = "aarch64") {
            needs.extend([Need::CROSS_LINKER, Need::CROSS_LIBC]);
        }
        needs
    }

    /// What building and running take.
    pub fn needs(self) -> Vec<Need> {
        let mut needs = self.build_needs();
        match self {
            Self::Host => {}
            Self::Aarch64 => needs.push(Need::QEMU),
            Self::Wasm | Self::WasmRelaxed => needs.push(Need::Node),
        }
        needs
    }

    /// `cargo SUBCOMMAND` for this target. .cargo/config.toml has the linker, the runner and the
    /// flags all builds for a triple share; relaxed SIMD adds its own, in a target directory of its
    /// own.
    pub fn cargo(self, subcommand: &str) -> Result<Command> {
        let mut command = cargo::command(subcommand);
        if let Some(triple) = self.triple() {
            command.args(["--target", triple]);
            // These would replace the flags in .cargo/config.toml.
            command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        }
        if self == Self::WasmRelaxed {
            let flags = r#"target.wasm32-wasip1.rustflags=["-Ctarget-feature=+relaxed-simd"]"#;
            command.args(["--config", flags]).arg("--target-dir");
            command.arg(cargo::target_directory()?.join("simd128-relaxed"));
        }
        Ok(command)
    }

    /// The command that runs a program built for this target.
    pub fn run(self, program: &Path) -> Command {
        match self.runner() {
            None => Command::new(program),
            Some(runner) => {
                let mut command = Command::new(runner);
                command.arg(program);
                command
            }
        }
    }

    fn runner(self) -> Option<PathBuf> {
        let script = match self {
            Self::Host => return None,
            Self::Aarch64 => "crates/xtask/aarch64-runner.sh",
            Self::Wasm | Self::WasmRelaxed => "crates/xtask/wasi.mjs",
        };
        Some(cargo::root().join(script))
    }
}
