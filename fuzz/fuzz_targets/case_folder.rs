//! Folders of cases with any manifest and any files: they are answered, or skipped with a reason.
//!
//! The bytes are the manifest, 0xff, and the lengths of four files of elements.
#![no_main]

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use depthwise::{Isa, Layout};
use libfuzzer_sys::{Corpus, fuzz_target};

#[path = "../../crates/cli/src/cases.rs"]
mod cases;

/// Memory for tensors, as in the program, but less.
mod memory {
    const MOST: usize = 1 << 16;

    pub fn zeros(len: usize) -> anyhow::Result<Vec<f32>> {
        anyhow::ensure!(len <= MOST, "no memory for {len} elements");
        Ok(vec![0.0; len])
    }
}

/// The tensors that manifests can name.
const FILES: [&str; 4] = ["x", "w", "b", "gy"];

fn write(folder: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut parts = bytes.splitn(2, |byte| *byte == 0xff);
    fs::write(folder.join("manifest.json"), parts.next().unwrap_or_default())?;
    let lengths = parts.next().unwrap_or_default();
    for (index, name) in FILES.into_iter().enumerate() {
        let length = usize::from(lengths.get(index).copied().unwrap_or(1));
        let elements = (0..length).flat_map(|i| (i as f32 - 2.5).to_le_bytes());
        fs::write(folder.join(name), elements.collect::<Vec<u8>>())?;
    }
    Ok(())
}

/// Folders of this process.
fn folders() -> [PathBuf; 2] {
    let base = std::env::temp_dir().join(format!("depthwise-fuzz-{}", std::process::id()));
    let folders = ["in", "out"].map(|name| base.join(name));
    folders.iter().for_each(|folder| fs::create_dir_all(folder).expect("a temporary folder"));
    folders
}

thread_local! {
    static FOLDERS: OnceCell<[PathBuf; 2]> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    FOLDERS.with(|folders_of| {
        let [input, output] = folders_of.get_or_init(folders);
        write(input, bytes).expect("temporary files");
        let layout = Layout::ALL[bytes.len() % 2];
        let mut summary = Vec::new();
        match cases::answer(input, output, layout, Isa::best(), &mut summary) {
            // Every case is accounted for.
            Ok(()) => {
                let answers = fs::read_dir(output).expect("a folder of answers").count();
                let summary = String::from_utf8(summary).expect("text");
                assert_eq!(answers == 0, summary == "cases: 0 answered, 0 skipped\n", "{summary}");
                fs::remove_dir_all(output).expect("a folder of answers");
                Corpus::Keep
            }
            // What is no list of cases teaches the fuzzer something, too.
            Err(_) => Corpus::Keep,
        }
    })
});
