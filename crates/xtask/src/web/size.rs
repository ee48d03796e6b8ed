//! What a visitor downloads.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes that a module may have, compressed as servers do: what everyone loads, and all kernels.
const BUDGETS: [(&str, usize); 4] = [
    ("simd128.wasm", 60_000),
    ("relaxed-simd.wasm", 60_000),
    ("simd128-all.wasm", 240_000),
    ("relaxed-simd-all.wasm", 240_000),
];

/// Prints the sizes of modules, and fails if one is above its budget, or has none.
pub fn check(modules: &[PathBuf]) -> Result<()> {
    let mut above = Vec::new();
    for path in modules {
        let bytes = fs::read(path)?;
        let compressed = gzip(&bytes)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let budget = BUDGETS.iter().find(|(module, _)| *module == name);
        let (_, budget) = budget.with_context(|| format!("{name} has no budget"))?;
        println!("{name}: {} bytes, gzip {compressed} of {budget}", bytes.len());
        if compressed > *budget {
            above.push(name.into_owned());
        }
    }
    ensure!(above.is_empty(), "above the budget: {}", above.join(", "));
    Ok(())
}

/// Bytes after compression with gzip's best.
fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressible_bytes_are_compressed() {
        assert!(gzip(&[7; 10_000]).unwrap() < 100);
    }
}
