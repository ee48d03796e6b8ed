//! Installing what the other tasks need.

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Result, bail};

use crate::isa::Target;

/// The oldest Node whose WASI and SIMD the tests run in.
const NODE: u32 = 20;

/// Something to be installed on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The standard library for a target triple.
    RustTarget(&'static str),
    /// A rustup component, and the program it brings.
    RustComponent(&'static str, &'static str),
    /// A toolchain beside the active one.
    RustToolchain(&'static str),
    /// A component of the nightly toolchain, and a file that it brings.
    NightlyComponent(&'static str, &'static str),
    /// A package of programs for cargo, by the name of one.
    CargoProgram(&'static str),
    /// A Debian package, and what shows that it's there: any of these programs or absolute paths.
    Package(&'static str, &'static [&'static str]),
    /// Node, which no package of every Debian has recent enough.
    Node,
}

impl Need {
    /// Runs AArch64 programs.
    pub const QEMU: Self =
        Self::Package("qemu-user-static", &["qemu-aarch64-static", "qemu-aarch64"]);
    /// Runs AArch64 programs with plugins, which the static build can't load.
    pub const QEMU_WITH_PLUGINS: Self = Self::Package("qemu-user", &["qemu-aarch64"]);
    /// Disassembles, and estimates cycles.
    pub const LLVM: Self = Self::Package("llvm-19", &["llvm-mca-19"]);
    /// Links AArch64 programs.
    pub const CROSS_LINKER: Self =
        Self::Package("gcc-aarch64-linux-gnu", &["aarch64-linux-gnu-gcc"]);
    /// The C library AArch64 programs are linked with.
    pub const CROSS_LIBC: Self =
        Self::Package("libc6-dev-arm64-cross", &["/usr/aarch64-linux-gnu/lib/libc.so"]);
    /// Gets packages from PyPI.
    pub const PIP: Self = Self::Package("python3-pip", &["pip3", "pip"]);
    /// Browsers, for the tests of the web package.
    pub const CHROMIUM: Self = Self::Package("chromium", &["/usr/bin/chromium"]);
    /// The other engine.
    pub const FIREFOX: Self = Self::Package("firefox-esr", &["/usr/bin/firefox-esr"]);
    /// Formats.
    pub const RUSTFMT: Self = Self::RustComponent("rustfmt", "cargo-fmt");
    /// Lints.
    pub const CLIPPY: Self = Self::RustComponent("clippy", "cargo-clippy");
    /// Compiles for the fuzzer.
    pub const NIGHTLY: Self = Self::RustToolchain("nightly");
    /// Interprets.
    pub const MIRI: Self = Self::NightlyComponent("miri", "bin/cargo-miri");
    /// The standard library, to be compiled otherwise.
    pub const NIGHTLY_SOURCE: Self =
        Self::NightlyComponent("rust-src", "lib/rustlib/src/rust/library/Cargo.toml");
    /// Fuzzes.
    pub const CARGO_FUZZ: Self = Self::CargoProgram("cargo-fuzz");
    /// Compiles the standard library so that it checks more.
    pub const CARGO_CAREFUL: Self = Self::CargoProgram("cargo-careful");
    /// Plants bugs.
    pub const CARGO_MUTANTS: Self = Self::CargoProgram("cargo-mutants");

    fn is_met(self) -> bool {
        match self {
            Self::RustTarget(triple) => {
                SYSROOT.join("lib/rustlib").join(triple).join("lib").is_dir()
            }
            Self::RustComponent(_, program) => {
                SYSROOT.join("bin").join(format!("{program}{}", env::consts::EXE_SUFFIX)).is_file()
            }
            Self::RustToolchain(name) => {
                first_line(Command::new("rustup").args(["run", name, "rustc", "--version"]))
                    .is_some()
            }
            Self::NightlyComponent(_, file) => {
                let sysroot = ["run", "nightly", "rustc", "--print", "sysroot"];
                first_line(Command::new("rustup").args(sysroot))
                    .is_some_and(|sysroot| PathBuf::from(sysroot).join(file).is_file())
            }
            Self::CargoProgram(name) => is_installed(name),
            Self::Package(_, proofs) => proofs.iter().any(|proof| is_installed(proof)),
            Self::Node => node_version().is_some_and(|version| version >= NODE),
        }
    }
}

/// Where the active toolchain lies.
static SYSROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    PathBuf::from(first_line(Command::new(rustc).args(["--print", "sysroot"])).unwrap_or_default())
});

/// Makes this machine ready for every task.
pub fn everything() -> Result<()> {
    let mut needs = crate::check::needs();
    needs.extend(Target::all().into_iter().flat_map(Target::needs));
    needs.extend(crate::cost::needs());
    needs.extend(crate::web::needs());
    ensure(&needs)?;
    eprintln!("ready: every target can be built and tested here");
    Ok(())
}

/// Installs those of `needs` that aren't there. Prints to stderr only.
pub fn ensure(needs: &[Need]) -> Result<()> {
    let missing = Missing::of(needs);
    missing.install();
    let left = Missing::of(needs);
    if left.is_empty() {
        return Ok(());
    }
    bail!("this machine lacks something that couldn't be installed; please run\n{}", left.advice())
}

/// What isn't there, by the command that installs it.
#[derive(Debug, Default, PartialEq)]
struct Missing {
    targets: Vec<&'static str>,
    components: Vec<&'static str>,
    toolchains: Vec<&'static str>,
    nightly_components: Vec<&'static str>,
    programs: Vec<&'static str>,
    packages: Vec<&'static str>,
    node: bool,
}

impl Missing {
    fn of(needs: &[Need]) -> Self {
        let mut missing = Self::default();
        for &need in needs.iter().filter(|need| !need.is_met()) {
            match need {
                Need::RustTarget(triple) => missing.targets.push(triple),
                Need::RustComponent(component, _) => missing.components.push(component),
                Need::RustToolchain(name) => missing.toolchains.push(name),
                Need::NightlyComponent(name, _) => missing.nightly_components.push(name),
                Need::CargoProgram(name) => missing.programs.push(name),
                Need::Package(package, _) => missing.packages.push(package),
                Need::Node => missing.node = true,
            }
        }
        let Self {
            targets, components, toolchains, nightly_components, programs, packages, ..
        } = &mut missing;
        for list in [targets, components, toolchains, nightly_components, programs, packages] {
            list.sort_unstable();
            list.dedup();
        }
        missing
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Tries to install everything; what still lacks afterwards is told by [`Missing::of`].
    fn install(&self) {
        if !self.targets.is_empty() {
            attempt(Command::new("rustup").args(["target", "add"]).args(&self.targets));
        }
        if !self.components.is_empty() {
            attempt(Command::new("rustup").args(["component", "add"]).args(&self.components));
        }
        for toolchain in &self.toolchains {
            let minimal = ["toolchain", "install", "--profile", "minimal"];
            attempt(Command::new("rustup").args(minimal).arg(toolchain));
        }
        if !self.nightly_components.is_empty() {
            let add = ["component", "add", "--toolchain", "nightly"];
            attempt(Command::new("rustup").args(add).args(&self.nightly_components));
        }
        for program in &self.programs {
            attempt(Command::new("cargo").args(["install", "--locked", program]));
        }
        if !self.packages.is_empty() && !self.apt_get_install() && attempt(apt_get().arg("update"))
        {
            self.apt_get_install();
        }
    }

    fn apt_get_install(&self) -> bool {
        attempt(
            apt_get().args(["install", "--yes", "--no-install-recommends"]).args(&self.packages),
        )
    }

    /// The commands that a person should run.
    fn advice(&self) -> String {
        let mut lines = Vec::new();
        if !self.targets.is_empty() {
            lines.push(format!("    rustup target add {}", self.targets.join(" ")));
        }
        if !self.components.is_empty() {
            lines.push(format!("    rustup component add {}", self.components.join(" ")));
        }
        for toolchain in &self.toolchains {
            lines.push(format!("    rustup toolchain install {toolchain}"));
        }
        if !self.nightly_components.is_empty() {
            let components = self.nightly_components.join(" ");
            lines.push(format!("    rustup component add --toolchain nightly {components}"));
        }
        for program in &self.programs {
            lines.push(format!("    cargo install --locked {program}"));
        }
        if !self.packages.is_empty() {
            lines.push(format!("    sudo apt-get install {}", self.packages.join(" ")));
        }
        if self.node {
            let found = match node_version() {
                Some(version) => format!("Node {version} is here"),
                None => "no Node is here".to_owned(),
            };
            lines.push("    nvm install --lts".to_owned());
            lines.push(format!("or get Node from nodejs.org: {found}, {NODE} or later is needed"));
        }
        lines.join("\n")
    }
}

/// `apt-get` with the rights to install, asking for a password only where someone can type it.
fn apt_get() -> Command {
    let root = first_line(Command::new("id").arg("-u")).as_deref() == Some("0");
    let mut command = if root || !is_installed("sudo") {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        if !io::stdin().is_terminal() {
            sudo.arg("--non-interactive");
        }
        sudo.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet");
    command
}

/// Runs `command` with its output on stderr; whether it succeeded.
fn attempt(command: &mut Command) -> bool {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy()));
    eprintln!("$ {}", words.join(" "));
    match command.stdout(Stdio::from(io::stderr())).status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("{}: {error}", command.get_program().display());
            false
        }
    }
}

/// Whether `program`, a name or an absolute path, exists.
fn is_installed(program: &str) -> bool {
    find(program).is_some()
}

/// The file that is run for `program`.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Joining an absolute path gives that path.
    env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// The major version of the Node on the path.
fn node_version() -> Option<u32> {
    first_line(Command::new("node").arg("--version")).as_deref().and_then(major)
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The first line `command` prints, if it succeeds.
fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?.lines().next()?.to_owned();
    output.status.success().then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v9.0.0"), Some(9));
        assert_eq!(major("20"), None);
    }

    #[test]
    fn programs_are_found_by_name_and_by_path() {
        assert!(is_installed("sh"));
        assert!(is_installed("/bin/sh"));
        assert!(!is_installed("/bin/no-such-program"));
        assert!(!is_installed("no-such-program"));
        assert!(find("sh").is_some_and(|path| path.is_absolute() && path.ends_with("sh")));
    }

    #[test]
    fn each_thing_is_missing_once_with_its_command() {
        let package = Need::Package("no-such-package", &["no-such-program"]);
        let needs = [package, Need::RustTarget("b"), Need::RustTarget("a"), package];
        let missing = Missing::of(&needs);
        assert_eq!(
            missing.advice(),
            "    rustup target add a b\n    sudo apt-get install no-such-package"
        );
        assert!(Missing::of(&[Need::Package("here", &["sh"])]).is_empty());
    }
}
