//! The tests of this crate in one program, but for those that are run alone.

mod accuracy;
mod adjoint;
mod coverage;
mod hostile;
mod planted;
mod planted_gradients;
mod properties;
mod random;
mod reference;
mod targets;
mod threads;
mod weights;

/// A file that neither a line above nor the manifest names would not be compiled.
#[test]
fn every_file_is_compiled() {
    let (main, manifest) = (include_str!("main.rs"), include_str!("../Cargo.toml"));
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"));
    let mut tests = 0;
    for file in files.expect("the folder of this file") {
        let name = file.expect("a file").file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".rs")).expect("a Rust file");
        let module = main.contains(&format!("mod {name};"));
        let alone = manifest.contains(&format!("[[test]]\nname = \"{name}\"\n"));
        assert!(name == "main" || module || alone, "{name}");
        tests += usize::from(module || alone);
    }
    assert!(tests > 10);
}
