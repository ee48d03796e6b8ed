use std::ops::Range;

/// SplitMix64: small, and good enough for drawing.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// A number of a range.
    pub fn uniform(&mut self, range: Range<f32>) -> f32 {
        let fraction = (self.bits() >> 40) as f32 / (1 << 24) as f32;
        range.start + fraction * (range.end - range.start)
    }

    /// Nearly normal, of variance 1: a sum of four uniform numbers.
    pub fn normal(&mut self) -> f32 {
        let bits = self.bits();
        let sum: u64 = [0, 16, 32, 48].map(|shift| bits >> shift & 0xffff).iter().sum();
        (sum as f32 / 65536.0 - 2.0) * 3.0_f32.sqrt()
    }

    /// So many nearly normal numbers.
    pub fn normals(&mut self, len: usize, variance: f32) -> Vec<f32> {
        (0..len).map(|_| variance.sqrt() * self.normal()).collect()
    }
}
