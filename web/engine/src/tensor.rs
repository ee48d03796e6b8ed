//! Tensors that are timed: where they lie decides part of the time.

use std::ops::{Deref, DerefMut};

/// Elements that start at a cache line, those of each tensor at another place of their page, as the npm package has them.
///
/// So no vector of four channels is in two lines, and no load waits for a store that has the same place of another page.
#[derive(Debug)]
pub struct Tensor {
    room: Vec<f32>,
    /// Elements of the room before the first.
    start: usize,
    len: usize,
}

/// Elements of a page.
const PAGE: usize = 4096 / size_of::<f32>();

/// From one tensor's place to the next one's, in elements: 17 cache lines, which come to each line of a page.
const APART: usize = 17 * 64 / size_of::<f32>();

impl Tensor {
    /// These elements, at place number `place` of a page.
    #[must_use]
    pub fn new(place: usize, elements: &[f32]) -> Self {
        let mut room = vec![0.0; elements.len() + 2 * PAGE];
        // Where a pointer can't be aligned (in an interpreter), any place will do.
        let page = room.as_ptr().align_offset(PAGE * size_of::<f32>()).min(PAGE);
        let start = page + place * APART % PAGE;
        room[start..start + elements.len()].copy_from_slice(elements);
        Self { room, start, len: elements.len() }
    }
}

impl Deref for Tensor {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.room[self.start..self.start + self.len]
    }
}

impl DerefMut for Tensor {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.room[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_start_at_lines_and_at_other_places_of_a_page() {
        let elements = [1.0, 2.0, 3.0];
        let tensors: Vec<_> = (0..64).map(|place| Tensor::new(place, &elements)).collect();
        let mut places: Vec<_> =
            tensors.iter().map(|tensor| tensor.as_ptr() as usize % 4096).collect();
        assert!(places.iter().all(|place| place % 64 == 0));
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 64);
        assert!(tensors.iter().all(|tensor| **tensor == elements));
    }
}
