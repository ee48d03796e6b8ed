//! Where cases come from.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Error, Result};
use depthwise_verification::{Case, Pass, bytes, campaign, cases};

/// Where cases come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The cases that meet every class.
    Listed,
    /// Random ones, of a seed.
    Random(u64),
    /// A fuzzer's.
    Corpus(PathBuf),
    /// A single one.
    One(Case),
}

/// How a report names it: `listed`, `random 7`, `corpus PATH`, `case …`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed => f.write_str("listed"),
            Self::Random(seed) => write!(f, "random {seed}"),
            Self::Corpus(path) => write!(f, "corpus {}", path.display()),
            Self::One(case) => write!(f, "case {case}"),
        }
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        match name {
            "listed" => Some(Self::Listed),
            "random" => rest.parse().ok().map(Self::Random),
            "corpus" => Some(Self::Corpus(rest.into())),
            "case" => rest.parse().ok().map(Self::One),
            _ => None,
        }
        .with_context(|| format!("`{text}` has no cases"))
    }
}

impl Source {
    /// What lines about its cases call them; where the name is the same, so are the cases.
    pub fn name(&self) -> String {
        match self {
            Self::Listed => "listed".into(),
            Self::Random(seed) => format!("random-{seed}"),
            Self::Corpus(_) => "corpus".into(),
            Self::One(_) => "case".into(),
        }
    }

    /// Its cases of these passes.
    ///
    /// # Errors
    /// Files that can't be read.
    pub fn open(&self, passes: &[Pass]) -> Result<Cases> {
        let mut cases = match self {
            Self::Random(seed) => return Ok(Cases::Random { seed: *seed, passes: passes.into() }),
            Self::Listed => passes.iter().flat_map(|pass| cases::of(*pass)).copied().collect(),
            Self::Corpus(path) => corpus(path)?,
            Self::One(case) => vec![*case],
        };
        cases.retain(|case: &Case| passes.contains(&case.pass));
        Ok(Cases::Listed(cases))
    }
}

/// Cases by their numbers.
pub enum Cases {
    /// So many.
    Listed(Vec<Case>),
    /// Without end: of each pass in turn.
    Random { seed: u64, passes: Vec<Pass> },
}

impl Cases {
    /// How many there are, unless there is no end.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Listed(cases) => Some(cases.len() as u64),
            Self::Random { .. } => None,
        }
    }

    /// The case of that number.
    pub fn get(&self, index: u64) -> Option<Case> {
        match self {
            Self::Listed(cases) => cases.get(usize::try_from(index).ok()?).copied(),
            Self::Random { seed, passes } => {
                let count = passes.len() as u64;
                let pass = passes.get((index % count) as usize)?;
                Some(campaign::random(*seed, index / count, *pass))
            }
        }
    }
}

/// The cases of a file, or of the files of a folder in the order of their names.
fn corpus(path: &Path) -> Result<Vec<Case>> {
    let name = || path.display().to_string();
    if path.is_dir() {
        let entries = fs::read_dir(path).with_context(name)?;
        let mut files: Vec<_> =
            entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>().with_context(name)?;
        files.retain(|file| file.is_file());
        files.sort();
        return files
            .iter()
            .map(|file| corpus(file))
            .collect::<Result<Vec<_>>>()
            .map(|all| all.concat());
    }
    let content = fs::read(path).with_context(name)?;
    if path.extension().is_none_or(|extension| extension != "hex") {
        return Ok(vec![Case::from_bytes(&content).with_context(name)?]);
    }
    let text = String::from_utf8(content).with_context(name)?;
    bytes::lines(&text)
        .map(|line| Ok(Case::from_bytes(&line?)?))
        .collect::<Result<_>>()
        .with_context(name)
}
