use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use wasm_bindgen::prelude::*;

/// Elements in linear memory.
///
/// They start at a cache line, so that no vector of four channels is in two of them, and each tensor's at
/// another place of its page: a load waits for a store before it that has the same place of another page, and
/// sets of caches go by place.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Tensor {
    room: Vec<f32>,
    /// Elements of the room before the first.
    start: usize,
    len: usize,
}

/// Elements of a page.
const PAGE: usize = 1024;

/// From one tensor's place to the next one's, in elements: 17 cache lines, which come to each line of a page.
const APART: usize = 17 * 16;

#[wasm_bindgen]
impl Tensor {
    /// So many zeros.
    ///
    /// # Errors
    /// If there is no memory for them.
    #[wasm_bindgen(constructor)]
    pub fn new(len: usize) -> Result<Self, JsError> {
        let mut tensor = Self::default();
        tensor.resize(len)?;
        Ok(tensor)
    }

    /// Gives it another length. Memory grows where it must and is kept where it needn't; elements keep whatever was there.
    ///
    /// # Errors
    /// If there is no memory for them; the tensor is as before.
    pub fn resize(&mut self, len: usize) -> Result<(), JsError> {
        if len > self.room.len() - self.start {
            let missing = len.saturating_add(PAGE) - self.room.len();
            if self.room.try_reserve_exact(missing).is_err() {
                return Err(JsError::new("there is no memory for a tensor of this length"));
            }
            self.room.resize(self.room.len() + missing, 0.0);
            self.start = place(self.room.as_ptr() as usize / size_of::<f32>());
        }
        self.len = len;
        Ok(())
    }

    /// Frees its elements.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Where its elements are: the address of the first in linear memory, in bytes.
    #[wasm_bindgen(getter)]
    pub fn address(&self) -> usize {
        self.elements().as_ptr() as usize
    }

    /// Number of elements.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> usize {
        self.len
    }
}

impl Tensor {
    pub(crate) fn elements(&self) -> &[f32] {
        &self.room[self.start..self.start + self.len]
    }

    pub(crate) fn elements_mut(&mut self) -> &mut [f32] {
        &mut self.room[self.start..self.start + self.len]
    }
}

/// Elements from this address, in elements, to the next tensor's place; fewer than a page.
fn place(address: usize) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let place = NEXT.fetch_add(APART, Ordering::Relaxed);
    place.wrapping_sub(address) % PAGE
}
