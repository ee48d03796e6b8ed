//! Tensors in memory as a kernel sees them, with guards around that show what it shouldn't touch.

use std::ops::{Deref, DerefMut};

use crate::case::Case;
use crate::data::Tensors;
use crate::fence::{Fence, Ground, Side};
use crate::order;

/// A signalling NaN, which no arithmetic gives: what is painted with it and changes was written, and
/// what is read of it spoils a result.
pub const PAINT: u32 = 0x7f85_3a5c;

/// Elements of paint on either side of a tensor.
const GUARD: usize = 64;

/// Elements between addresses of 16 bytes.
pub(crate) const ALIGNMENT: usize = 4;

/// What surrounds a tensor.
#[derive(Debug)]
enum Cells {
    /// More memory.
    Open(Vec<f32>),
    /// On one side, nothing.
    Fenced(Ground),
}

impl Deref for Cells {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Open(cells) => cells,
            Self::Fenced(ground) => ground.cells(),
        }
    }
}

impl DerefMut for Cells {
    fn deref_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Open(cells) => cells,
            Self::Fenced(ground) => ground.cells_mut(),
        }
    }
}

/// A tensor inside a painted buffer.
#[derive(Debug)]
pub struct Placed {
    cells: Cells,
    start: usize,
    len: usize,
}

impl Placed {
    /// `len` elements of paint, `offset` elements after a 16-byte boundary.
    fn painted(len: usize, offset: usize) -> Self {
        let cells = vec![f32::from_bits(PAINT); GUARD + 2 * ALIGNMENT + len + GUARD];
        let boundary = cells[GUARD..].as_ptr().align_offset(ALIGNMENT * size_of::<f32>());
        let start = GUARD + boundary % ALIGNMENT + offset % ALIGNMENT;
        Self { start, cells: Cells::Open(cells), len }
    }

    fn new(values: &[f32], offset: usize) -> Self {
        let mut placed = Self::painted(values.len(), offset);
        placed.values_mut().copy_from_slice(values);
        placed
    }

    /// The same tensor where on one side there is no memory that could be read or written.
    fn fenced(&self, side: Side) -> Self {
        let mut cells = Cells::Fenced(Ground::new(GUARD + self.len, side));
        let start = match side {
            Side::Start => 0,
            Side::End => cells.len() - self.len,
        };
        cells.fill(f32::from_bits(PAINT));
        cells[start..start + self.len].copy_from_slice(self.values());
        Self { cells, start, len: self.len }
    }

    /// Whether the memory still ends where it did.
    fn is_fenced(&self) -> bool {
        match &self.cells {
            Cells::Open(_) => true,
            Cells::Fenced(ground) => ground.holds(),
        }
    }

    /// The tensor.
    pub fn values(&self) -> &[f32] {
        &self.cells[self.start..self.start + self.len]
    }

    /// The tensor, to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.cells[self.start..self.start + self.len]
    }

    /// The cell `distance` after the tensor's first, which may be in the guards.
    pub fn cell_mut(&mut self, distance: isize) -> &mut f32 {
        &mut self.cells[self.start.wrapping_add_signed(distance)]
    }

    /// Distance from the tensor's first element to the first guard cell that has changed.
    fn damage(&self) -> Option<isize> {
        let end = self.start + self.len;
        let changed = |cell: &usize| self.cells[*cell].to_bits() != PAINT;
        let cell = (0..self.start).chain(end..self.cells.len()).find(changed)?;
        Some(cell as isize - self.start as isize)
    }

    fn holds(&self, values: &[f32]) -> bool {
        let own = self.values().iter().map(|value| value.to_bits());
        own.eq(values.iter().map(|value| value.to_bits()))
    }
}

/// All tensors of a run; those that the pass doesn't take are empty.
#[derive(Debug)]
pub struct Memory {
    /// Input.
    pub x: Placed,
    /// Weights.
    pub weights: Placed,
    /// Bias, if any.
    pub bias: Option<Placed>,
    /// Gradient of the output.
    pub gy: Placed,
    /// Results: what is accumulated to, or painted until they are written.
    pub results: Placed,
}

impl Memory {
    /// The tensors of `case` before its run, each off alignment by another number of elements.
    pub fn new(case: &Case, tensors: &Tensors) -> Self {
        let len = order::count(case.pass, &case.shape);
        let offset = case.offset + 3;
        Self {
            x: Placed::new(&tensors.x, case.offset),
            weights: Placed::new(&tensors.weights, case.offset + 1),
            bias: tensors.bias.as_ref().map(|bias| Placed::new(bias, case.offset + 2)),
            gy: Placed::new(&tensors.gy, case.offset + 2),
            results: match &tensors.before {
                Some(before) => Placed::new(before, offset),
                None => Placed::painted(len, offset),
            },
        }
    }

    /// Moves tensors to where there is a fence beside them.
    pub fn put_at(&mut self, fence: Fence) {
        let mut all = vec![&mut self.x, &mut self.weights, &mut self.gy, &mut self.results];
        all.extend(&mut self.bias);
        for (index, placed) in all.into_iter().enumerate() {
            if fence.only.is_none_or(|only| only == index) {
                *placed = placed.fenced(fence.side);
            }
        }
    }

    /// What a run touched that it mustn't, or left that it must write.
    pub fn damage(&self, tensors: &Tensors) -> Option<String> {
        let bias = self.bias.as_ref().zip(tensors.bias.as_ref());
        let operands = [
            ("input", &self.x, &tensors.x),
            ("weights", &self.weights, &tensors.weights),
            ("output gradient", &self.gy, &tensors.gy),
        ];
        let operands =
            operands.into_iter().chain(bias.map(|(placed, bias)| ("bias", placed, bias)));
        // First, before anything here can let memory grow.
        let mut fenced = operands.clone().map(|(_, placed, _)| placed).chain([&self.results]);
        if !fenced.all(Placed::is_fenced) {
            return Some("the memory behind a tensor has grown".into());
        }
        for (name, placed, values) in operands {
            if !placed.holds(values) {
                return Some(format!("the {name} has changed"));
            }
            if let Some(distance) = placed.damage() {
                return Some(format!("written around the {name}, at element {distance}"));
            }
        }
        if let Some(distance) = self.results.damage() {
            return Some(format!("written around the results, at element {distance}"));
        }
        let painted = self.results.values().iter().position(|value| value.to_bits() == PAINT);
        painted.map(|index| format!("result {index} isn't written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_from_a_boundary() {
        for offset in 0..4 {
            let placed = Placed::painted(5, offset);
            assert_eq!(placed.values().as_ptr().addr() / 4 % 4, offset);
        }
    }

    #[test]
    fn every_cell_outside_is_guarded() {
        let mut placed = Placed::new(&[1.0; 5], 3);
        assert_eq!(placed.damage(), None);
        for distance in (-64..0).chain(5..64 + 5) {
            *placed.cell_mut(distance) = 0.0;
            assert_eq!(placed.damage(), Some(distance));
            *placed.cell_mut(distance) = f32::from_bits(PAINT);
        }
        placed.values_mut().fill(0.0);
        assert_eq!(placed.damage(), None);
    }

    #[test]
    fn a_fence_leaves_the_tensor_and_the_guard_on_the_other_side() {
        for fence in Fence::ALL {
            let placed = Placed::new(&[1.0, 2.0, 3.0], 1);
            let mut fenced = placed.fenced(fence.side);
            assert!(fenced.holds(placed.values()) && fenced.is_fenced());
            let guarded = match fence.side {
                Side::Start => 3,
                Side::End => -1,
            };
            *fenced.cell_mut(guarded) = 0.0;
            assert_eq!(fenced.damage(), Some(guarded));
        }
    }
}
