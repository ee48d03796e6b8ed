//! Wasm modules with their JavaScript: crates compiled for each level of SIMD, and wasm-bindgen as a library.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::cargo;
use crate::setup::Need;

const TRIPLE: &str = "wasm32-unknown-unknown";

/// Target features of modules for every engine with SIMD.
pub const SIMD128: &str = "+simd128";

/// Target features of modules for engines that have relaxed SIMD, too.
pub const RELAXED_SIMD: &str = "+simd128,+relaxed-simd";

/// What a module is compiled with.
pub struct Build {
    /// Its name, and that of its files.
    pub name: &'static str,
    /// Target features: a module has one level of SIMD.
    pub features: &'static str,
    /// Its `--cfg`s.
    pub cfgs: &'static [&'static str],
}

/// What compiling takes.
pub fn needs() -> Vec<Need> {
    vec![Need::RustTarget(TRIPLE)]
}

/// A crate that becomes modules: `NAME.wasm`, `NAME.js` and `NAME.d.ts` each.
pub struct Bindings {
    /// The crate's package.
    pub package: &'static str,
    /// Where its modules go, in `web/`.
    pub directory: &'static str,
    /// Its modules.
    pub builds: &'static [Build],
}

impl Bindings {
    /// Builds all modules; their paths.
    pub fn build(&self) -> Result<Vec<PathBuf>> {
        self.builds.iter().map(|build| self.make(build)).collect()
    }

    fn make(&self, build: &Build) -> Result<PathBuf> {
        let compiled = self.compile(build)?;
        let directory = super::root().join(self.directory);
        fs::create_dir_all(&directory)?;
        let mut bindgen = Bindgen::new();
        bindgen.web(true)?.typescript(true).omit_default_module_path(true).out_name(build.name);
        bindgen.remove_name_section(true).remove_producers_section(true);
        let mut output = bindgen.input_path(compiled).generate_output()?;
        let path = |extension| directory.join(format!("{}.{extension}", build.name));
        fs::write(path("js"), output.js())?;
        fs::write(path("d.ts"), output.ts().context("no types were made")?)?;
        output.wasm_mut().emit_wasm_file(path("wasm"))?;
        Ok(path("wasm"))
    }

    /// Compiles the crate; the module that wasm-bindgen is to finish.
    fn compile(&self, build: &Build) -> Result<PathBuf> {
        let mut command = cargo::command("build");
        command.args(["--profile", "web", "-p", self.package, "--lib", "--target", TRIPLE]);
        // These would replace the flags given here.
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        let cfgs: String = build.cfgs.iter().map(|cfg| format!(", '--cfg={cfg}'")).collect();
        let flags =
            format!("target.{TRIPLE}.rustflags=['-Ctarget-feature={}'{cfgs}]", build.features);
        command.args(["--config", &flags]).arg("--target-dir");
        command.arg(cargo::target_directory()?.join("web"));
        cargo::announce(&command);
        cargo::build_library(&mut command)
    }
}
