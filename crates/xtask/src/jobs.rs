//! Commands that run beside each other, each with its output in one piece.

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::cargo;

/// A command that has ended.
pub struct Done {
    /// What it printed to stdout.
    pub output: String,
    /// What it printed to stderr.
    pub errors: String,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// How long it took.
    pub time: Duration,
}

/// Runs commands on all processors, begun in their order, each result in the place of its command. What a
/// command prints is printed when it ends.
///
/// # Errors
/// A command that can't be started.
pub fn run(commands: Vec<Command>) -> Result<Vec<Done>> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(commands.len());
    let mut done: Vec<_> = commands.iter().map(|_| None).collect();
    let todo = Mutex::new(commands.into_iter().zip(&mut done));
    let printing = Mutex::new(());
    let work = || {
        // A guard in the condition of a loop would live as long as its body.
        let next = || todo.lock().ok()?.next();
        while let Some((command, place)) = next() {
            *place = Some(finish(command, &printing));
        }
    };
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let done = done.into_iter().map(|done| done.unwrap_or_else(|| Err(anyhow!("not run"))));
    done.collect()
}

/// Runs a command to its end, and prints how long it took and what it printed.
fn finish(mut command: Command, printing: &Mutex<()>) -> Result<Done> {
    cargo::announce(&command);
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start `{}`", cargo::line(&command)))?;
    let done = Done {
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        succeeded: output.status.success(),
        time: start.elapsed(),
    };
    let printing = printing.lock();
    println!("\n$ {} # {:.0} s", cargo::line(&command), done.time.as_secs_f64());
    print!("{}", done.output);
    eprint!("{}", done.errors);
    drop(printing);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    }

    #[test]
    fn results_are_in_the_order_of_commands() {
        let lines = (0..9).map(|at| format!("sleep 0.0{}; echo {at}; exit {}", 9 - at, at % 2));
        let done = run(lines.map(|line| shell(&line)).collect()).unwrap();
        for (at, done) in done.iter().enumerate() {
            assert_eq!((&*done.output, done.succeeded), (&*format!("{at}\n"), at % 2 == 0));
            assert!(done.time >= Duration::from_millis(10 * (9 - at as u64)));
        }
        assert!(run(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(run(vec![Command::new("/no/such/program")]).is_err());
    }
}
