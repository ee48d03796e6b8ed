//! Tensors in memory as a kernel sees them, with guards around that show what it shouldn't touch.

use crate::case::Case;
use crate::data::Tensors;
use crate::order;

/// A signalling NaN, which no arithmetic gives: what is painted with it and changes was written, and
/// what is read of it spoils a result.
pub const PAINT: u32 = 0x7f85_3a5c;

/// Elements of paint on either side of a tensor.
const GUARD: usize = 64;

/// Elements between addresses of 16 bytes.
const ALIGNMENT: usize = 4;

/// A tensor inside a painted buffer.
#[derive(Clone, Debug)]
pub struct Placed {
    cells: Vec<f32>,
    start: usize,
    len: usize,
}

impl Placed {
    /// `len` elements of paint, `offset` elements after a 16-byte boundary.
    fn painted(len: usize, offset: usize) -> Self {
        let cells = vec![f32::from_bits(PAINT); GUARD + 2 * ALIGNMENT + len + GUARD];
        let boundary = cells[GUARD..].as_ptr().align_offset(ALIGNMENT * size_of::<f32>());
        Self { start: GUARD + boundary % ALIGNMENT + offset % ALIGNMENT, cells, len }
    }

    fn new(values: &[f32], offset: usize) -> Self {
        let mut placed = Self::painted(values.len(), offset);
        placed.values_mut().copy_from_slice(values);
        placed
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
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        bits(self.values()) == bits(values)
    }
}

/// All tensors of a run; those that the pass doesn't take are empty.
#[derive(Clone, Debug)]
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
        let len = order::results(case.pass, &case.shape).count();
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
        let placed = Placed::new(&[1.0; 5], 3);
        assert_eq!(placed.damage(), None);
        for distance in (-64..0).chain(5..64 + 5) {
            let mut damaged = placed.clone();
            *damaged.cell_mut(distance) = 0.0;
            assert_eq!(damaged.damage(), Some(distance));
        }
        let mut written = placed;
        written.values_mut().fill(0.0);
        assert_eq!(written.damage(), None);
    }
}
