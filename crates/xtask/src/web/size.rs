//! What a visitor downloads.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes that a module may have, compressed as servers do.
const BUDGET: usize = 60 * 1024;

/// Prints the sizes of modules, and fails if one is above its budget.
pub fn check(modules: &[PathBuf]) -> Result<()> {
    let mut above = Vec::new();
    for path in modules {
        let bytes = fs::read(path)?;
        let compressed = gzip(&bytes)?;
        let name = path.file_name().unwrap_or_default().display();
        println!("{name}: {} bytes, gzip {compressed} of {BUDGET}", bytes.len());
        if compressed > BUDGET {
            above.push(name.to_string());
        }
    }
    ensure!(above.is_empty(), "above the budget of {BUDGET} bytes: {}", above.join(", "));
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
