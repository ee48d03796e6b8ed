//! Pools of threads to compute in.

use std::fmt;

use anyhow::Result;

/// So many threads. What is computed in a pool of one is computed by one thread.
pub struct Pool {
    threads: usize,
    #[cfg(not(target_family = "wasm"))]
    pool: rayon::ThreadPool,
}

#[cfg(not(target_family = "wasm"))]
impl Pool {
    /// A pool of `threads`.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(Self { threads, pool })
    }

    /// Does `work` in the pool.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }
}

/// In WebAssembly there is one thread.
#[cfg(target_family = "wasm")]
impl Pool {
    /// A pool of one thread.
    pub fn new(threads: usize) -> Result<Self> {
        anyhow::ensure!(threads == 1, "this build has one thread, not {threads}");
        Ok(Self { threads })
    }

    /// Does `work`.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }
}

impl Pool {
    /// Its number of threads.
    pub fn threads(&self) -> usize {
        self.threads
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(self.threads))
    }
}

/// `one thread`, `2 threads`
pub fn words(threads: usize) -> String {
    if threads == 1 { "one thread".into() } else { format!("{threads} threads") }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_its_threads() {
        for threads in 1..=3 {
            let pool = Pool::new(threads).unwrap();
            assert_eq!(pool.run(rayon::current_num_threads), threads);
        }
    }
}
