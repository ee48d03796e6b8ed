//! Names the case in which something panics, on targets without unwinding too.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    static RUNNING: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`; should it panic, the line that repeats it is printed.
pub fn during<T>(line: String, work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            before(info);
            RUNNING.with_borrow(|line| {
                if let Some(line) = line {
                    eprintln!("panicked: {line}");
                }
            });
        }));
    });
    RUNNING.set(Some(line));
    let result = work();
    RUNNING.set(None);
    result
}
