//! Pages between two that must not be touched.

use std::cell::RefCell;
use std::fmt;
use std::slice;

use region::{Allocation, Protection};

use crate::fence::Side;

thread_local! {
    /// Those that aren't in use: making them takes far longer than a case does.
    static FREE: RefCell<Vec<Pages>> = const { RefCell::new(Vec::new()) };
}

/// Elements at a fence.
#[derive(Debug)]
pub struct Ground {
    /// `None` only while it is dropped.
    pages: Option<Pages>,
    start: usize,
    len: usize,
}

impl Ground {
    /// `len` elements of any value, the first or the last of which is beside a page that can't be touched.
    ///
    /// # Panics
    /// Where the system gives no memory.
    pub fn new(len: usize, side: Side) -> Self {
        let free = FREE.with_borrow_mut(|free| {
            free.iter().position(|pages| pages.len >= len).map(|at| free.swap_remove(at))
        });
        let pages = free.unwrap_or_else(|| Pages::new(len));
        let start = match side {
            Side::Start => 0,
            Side::End => pages.len - len,
        };
        Self { start, len, pages: Some(pages) }
    }

    /// The elements.
    pub fn cells(&self) -> &[f32] {
        let cells = self.pages.as_ref().map(Pages::cells);
        &cells.unwrap_or_default()[self.start..self.start + self.len]
    }

    /// The elements, to be written.
    pub fn cells_mut(&mut self) -> &mut [f32] {
        let cells = self.pages.as_mut().map(Pages::cells_mut);
        &mut cells.unwrap_or_default()[self.start..self.start + self.len]
    }

    /// Whether the fence still stands, as it does here.
    pub fn holds(&self) -> bool {
        true
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        FREE.with_borrow_mut(|free| free.extend(self.pages.take()));
    }
}

/// Pages of elements, and one before and after them that can't be touched.
struct Pages {
    allocation: Allocation,
    len: usize,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("len", &self.len).finish_non_exhaustive()
    }
}

impl Pages {
    fn new(len: usize) -> Self {
        let page = region::page::size();
        let bytes = (len * size_of::<f32>()).next_multiple_of(page).next_power_of_two();
        let allocation = region::alloc(page + bytes + page, Protection::NONE).expect("memory");
        let pages = Self { allocation, len: bytes / size_of::<f32>() };
        // SAFETY: these are pages of an allocation that is ours alone.
        let opened = unsafe { region::protect(pages.start(), bytes, Protection::READ_WRITE) };
        opened.expect("pages of our own");
        pages
    }

    fn start(&self) -> *const f32 {
        self.allocation.as_ptr::<u8>().wrapping_add(region::page::size()).cast()
    }

    fn cells(&self) -> &[f32] {
        // SAFETY: `new` made so many elements from there readable; they are zeros or what was written.
        unsafe { slice::from_raw_parts(self.start(), self.len) }
    }

    fn cells_mut(&mut self) -> &mut [f32] {
        // SAFETY: `new` made so many elements from there writable, and the borrow is the only one.
        unsafe { slice::from_raw_parts_mut(self.start().cast_mut(), self.len) }
    }
}
