//! Names the case in which something panics, on targets without unwinding too, or traps, which only its host sees.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

thread_local! {
    static RUNNING: RefCell<Running> = const { RefCell::new(Running::Nothing) };
}

/// What is running.
enum Running {
    Nothing,
    /// Work whose panics are printed with a line that repeats it.
    Named(Line),
    /// Work whose panics are caught, where they can be, and the last one.
    Caught(Line, String),
}

/// Makes the line that repeats what is running.
type Line = Box<dyn Fn() -> String>;

/// Runs `work`; should it panic, the line that repeats it is printed.
pub fn during<T>(line: String, work: impl FnOnce() -> T) -> T {
    named(Box::new(move || line.clone()), work)
}

fn named<T>(line: Line, work: impl FnOnce() -> T) -> T {
    watch();
    RUNNING.set(Running::Named(line));
    let result = work();
    RUNNING.set(Running::Nothing);
    result
}

/// Runs `work`, and says what it panics with. Of panics that can't be caught, `line` is printed.
///
/// # Errors
/// The panic's message and place.
pub fn caught<T>(
    line: impl Fn() -> String + 'static,
    work: impl FnOnce() -> T,
) -> Result<T, String> {
    if !cfg!(panic = "unwind") {
        return Ok(named(Box::new(line), work));
    }
    watch();
    RUNNING.set(Running::Caught(Box::new(line), String::new()));
    // What the work has left half done is not looked at again.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let running = RUNNING.replace(Running::Nothing);
    result.map_err(|_| match running {
        Running::Caught(_, message) => message,
        Running::Named(_) | Running::Nothing => String::new(),
    })
}

/// Listens to panics from now on.
fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_shown = RUNNING.with_borrow_mut(|running| match running {
                Running::Caught(_, message) if unwinds(info) => {
                    *message = one_line(info);
                    false
                }
                Running::Caught(line, _) | Running::Named(line) => {
                    eprintln!("panicked: {}", line());
                    // Of the trap that this ends in there is nothing more to say, where that was printed.
                    if !cfg!(all(target_family = "wasm", target_os = "unknown")) {
                        *running = Running::Nothing;
                    }
                    true
                }
                Running::Nothing => true,
            });
            if is_shown {
                before(info);
            }
        }));
    });
}

/// The line that repeats what is running, as text that ends with a zero; null if nothing is. It stays readable. Hosts of
/// WebAssembly call it after a trap: the program can't say any more what it was doing.
// SAFETY: no other function has that name.
#[cfg(target_family = "wasm")]
#[unsafe(no_mangle)]
pub extern "C" fn depthwise_running() -> *const std::ffi::c_char {
    let line = RUNNING.with_borrow(|running| match running {
        Running::Caught(line, _) | Running::Named(line) => Some(line()),
        Running::Nothing => None,
    });
    let text = line.and_then(|line| std::ffi::CString::new(line).ok());
    text.map_or(std::ptr::null(), |text| text.into_raw())
}

/// Whether a panic comes back to who catches it, where any does. Those of the standard library's checks of unsafe functions
/// end the program.
fn unwinds(info: &PanicHookInfo<'_>) -> bool {
    let message = info.payload_as_str().unwrap_or_default();
    !message.starts_with("unsafe precondition") && !message.contains("cannot unwind")
}

fn one_line(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("panicked");
    let place = info.location().map(|place| format!(", {}:{}", place.file(), place.line()));
    let line = format!("{message}{}", place.unwrap_or_default());
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(all(test, panic = "unwind"))]
mod tests {
    use super::*;

    #[test]
    fn panics_are_caught_with_their_place() {
        assert_eq!(caught(String::new, || 3), Ok(3));
        let message = caught(String::new, || panic!("too\n{}", "bad")).unwrap_err();
        assert!(message.starts_with("too bad, ") && message.contains("panics.rs:"), "{message}");
    }
}
