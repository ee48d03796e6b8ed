//! `depthwise verify` from outside: what it counts, prints, writes and exits with.
#![cfg(not(target_family = "wasm"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PASSES: [&str; 4] = ["forward", "grad_input", "grad_weight", "grad_bias"];

struct Done {
    code: i32,
    out: String,
    err: String,
}

fn program(options: &str, file: Option<(&str, &Path)>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_depthwise"));
    command.arg("verify").args(options.split_whitespace());
    if let Some((option, path)) = file {
        command.arg(option).arg(path);
    }
    command
}

fn verify(options: &str, file: Option<(&str, &Path)>) -> Done {
    let output = program(options, file).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// No such file, in a folder that is there.
fn file(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    for suffix in ["", ".running"] {
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
    path
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The lines of what was verified.
fn verified(out: &str) -> Vec<&str> {
    out.lines().filter(|line| line.starts_with("verified ")).collect()
}

#[test]
fn a_seed_gives_the_same_on_any_number_of_threads() {
    let one = verify("--seed 5 --cases 41 --threads 1", None);
    let three = verify("--seed 5 --cases 41 --threads 3", None);
    assert_eq!((one.code, three.code), (0, 0), "{}", one.err);
    let lines = verified(&one.out);
    assert_eq!(lines, verified(&three.out));
    assert_ne!(lines, verified(&verify("--seed 6 --cases 41", None).out));
    // Passes take turns.
    for (pass, cases) in PASSES.into_iter().zip([11, 10, 10, 10]) {
        let line = format!("check=random-5-{pass} cases={cases} hash=");
        assert!(lines.iter().any(|other| other.contains(&line)), "{line}: {}", one.out);
    }
    // Those of a pass alone are the same.
    let pass = verify("--seed 5 --cases 10 --pass grad_bias", None);
    assert_eq!(
        lines.iter().filter(|line| verified(&pass.out).contains(line)).count(),
        lines.len() / 4
    );
}

#[test]
fn the_report_counts_everything() {
    let path = file("report.json");
    let done = verify("--seed 2 --cases 80 --check bound,bits", Some(("--json", &path)));
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let report = json(&path);
    assert_eq!((report["cases"].as_u64(), report["done"].as_bool()), (Some(80), Some(true)));
    assert!(report["rate"].as_f64().unwrap() > 0.0);
    assert_eq!(report["findings"], Value::Array(vec![]));
    for verified in report["verified"].as_array().unwrap() {
        assert_eq!(
            (verified["cases"].as_u64(), verified["hash"].as_str().unwrap().len()),
            (Some(20), 16)
        );
        let checks = verified["checks"].as_array().unwrap();
        let names: Vec<_> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
        assert_eq!(names, ["exact", "bound", "bits", "guard", "tiles"][1..3]);
        for check in checks {
            assert_eq!(check["passed"].as_u64(), Some(20));
            assert!(check["compared"].as_u64().unwrap() > 20);
        }
        let worst = checks[0]["worst"].as_f64().unwrap();
        assert!(worst > 0.0 && worst <= 1.0, "{worst}");
    }
    for pass in PASSES {
        let instances = report["instances"][pass].as_object().unwrap();
        assert_eq!(instances.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 20);
    }
    let met = |class: &Value| class["met"].as_u64().unwrap();
    let classes = report["classes"].as_array().unwrap();
    assert!(classes.len() > depthwise::INSTANCES.len());
    assert!(classes.iter().map(met).sum::<u64>() > 100);
    assert!(!file("report.json").with_extension("json.running").exists());
}

/// Whatever the program is doing when it is killed, the campaign goes on from there.
#[test]
fn a_killed_campaign_is_resumed() {
    let (whole, killed) = (file("whole.json"), file("killed.json"));
    let options = "--seed 3 --cases 600 --check bits --threads 1";
    assert_eq!(verify(options, Some(("--json", &whole))).code, 0);
    let mut child = program(options, Some(("--json", &killed)));
    let mut child = child.stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !killed.exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let cases = json(&killed)["cases"].as_u64().unwrap();
    let done = verify("--threads 2", Some(("--resume", &killed)));
    assert_eq!(done.code, 0, "{}", done.err);
    let [whole, resumed] = [&whole, &killed].map(|path| json(path));
    assert!(cases <= 600 && resumed["done"] == true);
    for field in ["verified", "cases", "classes", "instances", "findings"] {
        assert_eq!(whole[field], resumed[field], "{field}, killed after {cases} cases");
    }
    // With a new goal it goes on further.
    assert_eq!(verify("--cases 604", Some(("--resume", &killed))).code, 0);
    assert_eq!(json(&killed)["cases"], 604);
}

/// A case that the program dies of is a finding, and does not stop the campaign.
#[test]
fn a_deadly_case_is_a_finding() {
    let path = file("deadly.json");
    assert_eq!(verify("--seed 4 --cases 20 --check bits", Some(("--json", &path))).code, 0);
    // As a program leaves it that has died of case 20, alone, for the second time.
    fs::write(path.with_extension("json.running"), "20 1 1\n").unwrap();
    let done = verify("--cases 30", Some(("--resume", &path)));
    assert_eq!((done.code, json(&path)["cases"].as_u64()), (1, Some(30)));
    assert!(
        done.out.contains("FAILED the program ended 2 times while it ran this: pass="),
        "{}",
        done.out
    );
    let report = json(&path);
    assert_eq!((report["failures"].as_u64(), report["deadly"][0].as_u64()), (Some(1), Some(20)));
    let repeat = report["findings"][0]["repeat"].as_str().unwrap().to_owned();
    let options = repeat.strip_prefix("depthwise verify ").unwrap();
    assert_eq!(verify(options, None).code, 0);
}

/// Kills a campaign that has found something, again and again: the finding stays, and the rest is counted once.
#[test]
fn a_finding_survives_every_death() {
    let path = file("survivor.json");
    assert_eq!(verify("--seed 6 --cases 20 --check bits", Some(("--json", &path))).code, 0);
    // As a program leaves it that has died of case 20, alone, for the second time.
    fs::write(path.with_extension("json.running"), "20 1 1\n").unwrap();
    let mut kills = 0;
    while kills < 3 {
        let before = json(&path)["cases"].as_u64().unwrap();
        let mut child = program("--cases 100000 --threads 2", Some(("--resume", &path)));
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        // Files are replaced whole, so there is always one.
        while json(&path)["cases"] == before && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let report = json(&path);
        assert!(report["cases"].as_u64().unwrap() > before);
        assert_eq!((&report["failures"], &report["findings"][0]["index"]), (&1.into(), &20.into()));
        kills += 1;
    }
    let goal = json(&path)["cases"].as_u64().unwrap() + 100;
    let done = verify(&format!("--cases {goal}"), Some(("--resume", &path)));
    let report = json(&path);
    assert_eq!((done.code, report["cases"].as_u64()), (1, Some(goal)), "{}", done.err);
    assert_eq!(
        (&report["findings"].as_array().unwrap().len(), &report["deadly"][0]),
        (&1, &20.into())
    );
    // Each case was counted once, but for the deadly one.
    for verified in report["verified"].as_array().unwrap() {
        let (cases, passed) = (&verified["cases"], &verified["checks"][0]["passed"]);
        assert_eq!(cases, passed);
    }
    let whole = file("survived.json");
    verify(&format!("--seed 6 --cases {goal} --check bits"), Some(("--json", &whole)));
    // Case 20 is of the first pass; the others are as if nothing had been killed.
    assert_eq!(report["verified"][1], json(&whole)["verified"][1]);
    assert_ne!(report["verified"][0], json(&whole)["verified"][0]);
}

#[test]
fn a_corpus_is_files_or_lines() {
    let folder = file("corpus");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a"), [0, 1, 2, 3]).unwrap();
    fs::write(folder.join("b"), [1, 0xff, 7]).unwrap();
    let lines = file("corpus.hex");
    fs::write(&lines, "# two\n00010203\n\n01ff07 # the second\n").unwrap();
    let [files, lines] = [&folder, &lines].map(|path| verify("", Some(("--corpus", path))));
    assert_eq!((files.code, lines.code), (0, 0), "{}", files.err);
    assert_eq!(verified(&files.out), verified(&lines.out));
    assert!(files.out.contains("check=corpus-forward cases=1 "), "{}", files.out);
    assert_eq!(verify("", Some(("--corpus", &file("none")))).code, 1);
}

#[test]
fn a_case_is_digits_or_words() {
    let done = verify("--check guard --case 0102030405", None);
    assert_eq!((done.code, verified(&done.out).is_empty()), (0, false), "{}", done.err);
    for (options, reason) in [
        ("--case 0102x", "0102x is no case"),
        ("--case 01 --cases 4", "cannot be used with"),
        ("--for 10q", "invalid value"),
        ("--check all", "invalid value"),
        ("--cases 0", "invalid value"),
    ] {
        let done = verify(options, None);
        assert_eq!(done.code, 2, "{options}");
        assert!(done.err.contains(reason), "{}", done.err);
    }
    let done = verify("--seed 1", None);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("--cases or --for"), "{}", done.err);
}

#[test]
fn a_campaign_ends_in_time() {
    let start = Instant::now();
    let done = verify("--for 1s --check guard --threads 1", None);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(
        start.elapsed() >= Duration::from_secs(1) && start.elapsed() < Duration::from_secs(120)
    );
}
