//! What is being run, in a file beside the report: if the program dies of it, the next one knows.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Cases that are being run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch {
    /// Number of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// How often they were begun before.
    pub deaths: u64,
}

/// The file, if there is a report.
pub struct Running(Option<PathBuf>);

impl Running {
    /// Beside that report.
    pub fn beside(report: Option<&Path>) -> Self {
        Self(report.map(|path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".running");
            name.into()
        }))
    }

    /// What was running when the program last ended.
    pub fn last(&self) -> Option<Batch> {
        let text = fs::read_to_string(self.0.as_ref()?).ok()?;
        let numbers: Vec<u64> =
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [first, count, deaths] => Some(Batch { first, count, deaths }),
            _ => None,
        }
    }

    /// These are being run now.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn begin(&self, Batch { first, count, deaths }: Batch) -> Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        fs::write(path, format!("{first} {count} {deaths}\n"))
            .with_context(|| path.display().to_string())
    }

    /// Nothing is being run any more.
    pub fn end(&self) {
        if let Some(path) = &self.0 {
            // What is not there need not be removed.
            let _ = fs::remove_file(path);
        }
    }
}
