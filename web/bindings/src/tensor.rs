use alloc::vec::Vec;

use wasm_bindgen::prelude::*;

/// Elements in linear memory.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Tensor {
    elements: Vec<f32>,
    len: usize,
}

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
        let missing = len.saturating_sub(self.elements.len());
        if self.elements.try_reserve_exact(missing).is_err() {
            return Err(JsError::new("there is no memory for a tensor of this length"));
        }
        self.elements.resize(self.elements.len() + missing, 0.0);
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
        self.elements.as_ptr() as usize
    }

    /// Number of elements.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> usize {
        self.len
    }
}

impl Tensor {
    pub(crate) fn elements(&self) -> &[f32] {
        &self.elements[..self.len]
    }

    pub(crate) fn elements_mut(&mut self) -> &mut [f32] {
        &mut self.elements[..self.len]
    }
}
