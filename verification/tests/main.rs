//! All tests of this crate's own, in one program.

mod accuracy;
mod adjoint;
mod coverage;
mod hostile;
mod planted;
mod planted_gradients;
mod properties;
mod random;
mod reference;
mod refusals;
mod targets;
mod threads;
mod weights;

/// A file that no line above names would not be compiled.
#[test]
fn every_file_is_part_of_it() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let files = std::fs::read_dir(directory).expect("the folder of this file");
    let mut tests = 0;
    for file in files {
        let name = file.expect("a file").file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".rs")).expect("a Rust file");
        let line = format!("mod {name};");
        assert!(name == "main" || include_str!("main.rs").contains(&line), "{line}");
        tests += usize::from(name != "main");
    }
    assert!(tests > 10);
}
