//! Few claims, proven in no time: what kills most planted bugs (`cargo xtask mutants`).
//!
//! What the kernels did for them, and in which order they went through memory, is compared with `work/`: much in a
//! kernel changes no result but its speed, so that no other test sees it go wrong. After a change that is meant to work
//! otherwise, `DEPTHWISE_BLESS=1 cargo test -p depthwise-proof --test few` writes the table anew; with
//! `RUSTFLAGS="--cfg depthwise_lean"`, that of small modules.

use depthwise_proof::{Counts, few};
use depthwise_verification::{Pass, test_each_pass};

/// Of a pass and an instance.
#[derive(Default)]
struct Work {
    name: String,
    claims: usize,
    counts: Counts,
    walk: u64,
}

fn verify(pass: Pass) {
    let claims = few(pass);
    assert!(claims.len() > 100, "only {} shapes", claims.len());
    let mut works: Vec<Work> = Vec::new();
    for claim in claims {
        // What is wrong is not shrunk: there is no time for that.
        let proof = claim.check().unwrap_or_else(|fault| panic!("{fault}: {claim}"));
        let name = claim.case.instance.map_or("best", |instance| instance.name);
        let known = works.iter().position(|work| work.name == name);
        let place = known.unwrap_or_else(|| {
            works.push(Work { name: name.into(), ..Work::default() });
            works.len() - 1
        });
        let work = &mut works[place];
        work.claims += 1;
        work.counts += proof.counts;
        work.walk = work.walk.rotate_left(1) ^ proof.walk;
    }
    #[cfg(not(depthwise_sampled))]
    table::compare(pass, &works);
}

/// Of builds for users.
#[cfg(not(depthwise_sampled))]
mod table {
    use std::fs;

    use depthwise_proof::Counts;
    use depthwise_verification::Pass;

    use super::Work;

    const HEADER: &str =
        "instance\tclaims\tloads\tfmas\tadds\tstores\treloads\tmasks\tpieces\twalk\n";

    pub fn compare(pass: Pass, works: &[Work]) {
        let lines = works.iter().map(|Work { name, claims, counts, walk }| {
            let Counts { loads, fmas, adds, stores, reloads, masks, pieces } = counts;
            format!(
                "{name}\t{claims}\t{loads}\t{fmas}\t{adds}\t{stores}\t{reloads}\t{masks}\t{pieces}\t{walk:016x}\n"
            )
        });
        let table: String = [HEADER.to_owned()].into_iter().chain(lines).collect();
        let build = if cfg!(depthwise_lean) { "lean" } else { "whole" };
        let path = format!("{}/tests/work/{build}/{}.tsv", env!("CARGO_MANIFEST_DIR"), pass.name());
        if std::env::var_os("DEPTHWISE_BLESS").is_some() {
            fs::write(&path, &table).expect("the table is written");
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        for (line, golden) in table.lines().zip(golden.lines()) {
            assert_eq!(line, golden, "{path}: other work than it says");
        }
        assert_eq!(table.lines().count(), golden.lines().count(), "{path}: other instances");
    }
}

test_each_pass!(verify);
