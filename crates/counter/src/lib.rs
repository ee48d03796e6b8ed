//! A plugin for `qemu-aarch64` that counts what a program executes between marker instructions:
//! how often each block of code, the bytes loaded and stored, and the fills of simulated caches.
//! The counts are exact: they depend on the program alone, not on the machine or its load.
//!
//! ```text
//! qemu-aarch64 -cpu cortex-a76 -plugin libdepthwise_counter.so,out=FILE[,l1=32768:4][,l2=524288:8] PROGRAM
//! ```
//!
//! A program marks a *region* with hints that are not allocated, so that every processor ignores
//! them: `hint #(112 + label)` begins one, with a label from 0 to 7, and `hint #120` ends it. A
//! region is what the thread that began it executes. For each, `FILE` gets a record of lines:
//!
//! ```text
//! region LABEL
//! loads BYTES
//! stores BYTES
//! l1 FILLS WRITE_BACKS
//! l2 FILLS WRITE_BACKS
//! block ID EXECUTIONS WORD…
//! edge FROM TO TIMES
//! end
//! ```
//!
//! A block is straight code; its words are its instructions, in hexadecimal. An edge says how often
//! a block came right after another. The caches are empty where a region begins; their sizes are in
//! bytes and ways, their lines have 64 bytes.

mod cache;
mod code;
mod marker;
mod region;

// A test has no QEMU around it to link with.
#[cfg(all(unix, not(test)))]
mod plugin;
