//! Names the case in which something panics, on targets without unwinding too.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use crate::case::Case;
use crate::check::Check;
use crate::subject::Subject;

thread_local! {
    static RUNNING: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`; should it panic, the case is printed.
pub(crate) fn during<T>(
    check: Check,
    subject: &dyn Subject,
    case: &Case,
    work: impl FnOnce() -> T,
) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            before(info);
            RUNNING.with_borrow(|case| {
                if let Some(case) = case {
                    eprintln!("panicked: {case}");
                }
            });
        }));
    });
    let line = format!("{} {} {case}", subject.name(), check.name());
    RUNNING.set(Some(line));
    let result = work();
    RUNNING.set(None);
    result
}
