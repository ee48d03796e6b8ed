//! Names the case that the program dies of.

/// Runs `work`; should it touch memory that it mustn't, `line` is printed before the program dies of it.
///
/// In wasm nothing can be printed then: the host asks for the case that was running (`depthwise_running`).
pub fn during<T>(line: &str, work: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    return signal::during(line, work);
    #[cfg(not(unix))]
    {
        let _ = line;
        work()
    }
}

#[cfg(unix)]
mod signal {
    use std::cell::Cell;
    use std::fs::File;
    use std::io::Write;
    use std::mem::ManuallyDrop;
    use std::os::fd::FromRawFd;
    use std::sync::Once;

    use signal_hook_registry::register_signal_unchecked;

    /// Bytes of a line; a command with its 32 bytes of a case has far fewer.
    const MOST: usize = 512;

    const PREFIX: &[u8] = b"killed by an access beyond a tensor: ";

    type Line = ([u8; MOST], usize);

    thread_local! {
        /// What this thread runs. Without a destructor, so that a signal handler may read it.
        static LINE: Cell<Line> = const { Cell::new(([0; MOST], 0)) };
    }

    pub fn during<T>(line: &str, work: impl FnOnce() -> T) -> T {
        watch();
        let mut bytes = [0; MOST];
        let mut rest = &mut bytes[..];
        let fits = [PREFIX, line.as_bytes(), b"\n"].iter().all(|part| rest.write_all(part).is_ok());
        debug_assert!(fits, "too long a line: {line}");
        let len = MOST - rest.len();
        LINE.set((bytes, len));
        let result = work();
        LINE.set(([0; MOST], 0));
        result
    }

    fn watch() {
        static HANDLER: Once = Once::new();
        HANDLER.call_once(|| {
            for signal in [libc::SIGSEGV, libc::SIGBUS] {
                // SAFETY: `report` does nothing that a handler mustn't do; what was there before is called
                // afterwards, and ends the program.
                let registered = unsafe { register_signal_unchecked(signal, report) };
                registered.expect("a handler for memory faults");
            }
        });
    }

    /// Writes this thread's line to standard error: no lock is taken, and no memory allocated.
    fn report() {
        let (bytes, len) = LINE.get();
        // SAFETY: standard error is open, and isn't closed here, since the file is never dropped.
        let mut stderr = ManuallyDrop::new(unsafe { File::from_raw_fd(libc::STDERR_FILENO) });
        // There is nobody left to tell of an error.
        let _ = stderr.write_all(&bytes[..len]);
    }
}
