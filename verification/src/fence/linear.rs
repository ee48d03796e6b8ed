//! The last pages of the linear memory.

use core::arch::wasm32::{memory_grow, memory_size};
use std::cell::Cell;
use std::slice;

use crate::fence::Side;

/// Bytes of a page.
const PAGE: usize = 1 << 16;

thread_local! {
    /// What was the end when it was last used, and still is unless memory has grown.
    static LAST: Cell<Option<Pages>> = const { Cell::new(None) };
}

/// Elements at the end of the linear memory.
#[derive(Debug)]
pub struct Ground {
    pages: Pages,
    len: usize,
}

impl Ground {
    /// `len` elements of any value, the last of which is the last of the linear memory.
    ///
    /// # Panics
    /// Where memory can't grow, and for the other side.
    pub fn new(len: usize, side: Side) -> Self {
        assert_eq!(side, Side::End, "linear memory begins with what the program needs");
        let last = LAST.take().filter(|pages| pages.are_last() && pages.len() >= len);
        Self { pages: last.unwrap_or_else(|| Pages::new(len)), len }
    }

    fn start(&self) -> *mut f32 {
        let end = (self.pages.first + self.pages.count) * PAGE;
        core::ptr::with_exposed_provenance_mut(end - self.len * size_of::<f32>())
    }

    /// The elements.
    pub fn cells(&self) -> &[f32] {
        // SAFETY: so many elements are on pages that memory grew by for us; they are zeros or what was written.
        unsafe { slice::from_raw_parts(self.start(), self.len) }
    }

    /// The elements, to be written.
    pub fn cells_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and the borrow is the only one.
        unsafe { slice::from_raw_parts_mut(self.start(), self.len) }
    }

    /// Whether the fence still stands: memory hasn't grown.
    pub fn holds(&self) -> bool {
        self.pages.are_last()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        LAST.set(Some(self.pages.take()));
    }
}

/// Pages that are nobody else's.
#[derive(Debug)]
struct Pages {
    first: usize,
    count: usize,
}

impl Pages {
    fn new(len: usize) -> Self {
        let count = (len * size_of::<f32>()).div_ceil(PAGE);
        let first = memory_grow(0, count);
        assert_ne!(first, usize::MAX, "no memory");
        Self { first, count }
    }

    /// What is left behind has no page.
    fn take(&mut self) -> Self {
        let Self { first, count } = *self;
        self.count = 0;
        Self { first, count }
    }

    fn len(&self) -> usize {
        self.count * PAGE / size_of::<f32>()
    }

    fn are_last(&self) -> bool {
        self.first + self.count == memory_size(0)
    }
}
