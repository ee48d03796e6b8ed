//! The numbers of a case: the same on every target, from integers and exact operations alone.
//!
//! They are drawn in the order of coordinates, so both layouts get the same tensors.

use depthwise::Update;

use crate::case::Case;
use crate::order;
use crate::pass::Pass;
use crate::random::Random;

/// What the tensors are filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Odd integers, as wide as is exact: Σ|products| ≤ 2²⁴, so every order of summation, fused or
    /// not, gives the exact sum; and since each product is odd, a tap that is missed or doubled
    /// changes the sum's parity.
    Odd,
    /// Bell-shaped reals around 0, of variance 1.
    Normal,
    /// Reals in (−1, 1).
    Uniform,
    /// Reals among ±0, subnormals, numbers that underflow or overflow, infinities and NaN.
    Special,
}

impl Data {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Odd, Self::Normal, Self::Uniform, Self::Special];

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Odd => "odd",
            Self::Normal => "normal",
            Self::Uniform => "uniform",
            Self::Special => "special",
        }
    }
}

/// Integers up to here are exact in f32, so sums are whose terms' magnitudes add up to no more.
pub const EXACT: usize = 1 << 24;

/// The operands of a pass, in the layout's order; those that it doesn't take are empty.
#[derive(Clone, Debug, Default)]
pub struct Tensors<T = f32> {
    /// `[n][h][w][c]` or `[n][c][h][w]`
    pub x: Vec<T>,
    /// `[kh][kw][c·m]` or `[c·m][kh][kw]`
    pub weights: Vec<T>,
    /// `[c·m]`
    pub bias: Option<Vec<T>>,
    /// `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    pub gy: Vec<T>,
    /// What a gradient is added to, if it is, shaped like it.
    pub before: Option<Vec<T>>,
}

/// Draws an input element, a weight or an output gradient of output channel `o`, or its bias.
trait Source {
    fn x(&mut self, random: &mut Random) -> f32;
    fn weight(&mut self, random: &mut Random, o: usize) -> f32;
    fn gy(&mut self, random: &mut Random, o: usize) -> f32;
    fn bias(&mut self, random: &mut Random, o: usize) -> f32;
}

impl Tensors {
    /// The operands of a case.
    pub fn new(case: &Case) -> Self {
        let random = &mut Random::new(u64::from(case.seed));
        let terms = case.pass.terms(&case.shape);
        match case.data {
            Data::Odd => {
                let odd = Odd::new(case.pass, terms, random);
                Self::draw(case, random, odd)
            }
            Data::Normal => Self::draw(case, random, Reals(normal)),
            Data::Uniform => Self::draw(case, random, Reals(Random::signed_unit)),
            Data::Special => {
                Self::draw(case, random, Special { pass: case.pass, rarity: 4 * terms })
            }
        }
    }

    fn draw(case: &Case, random: &mut Random, mut source: impl Source) -> Self {
        let (shape, layout, pass) = (&case.shape, case.layout, case.pass);
        // An operand is shaped like the results of one pass or another.
        let mut filled = |like: Pass, draw: &mut dyn FnMut(&mut Random, usize) -> f32| {
            let mut tensor = vec![0.0; order::count(like, shape)];
            for at in order::results(like, shape) {
                tensor[order::result(like, layout, shape, at)] = draw(random, at[1]);
            }
            tensor
        };
        let mut tensors = Self::default();
        if pass.takes_weights() {
            tensors.weights = filled(Pass::GradWeight, &mut |random, o| source.weight(random, o));
        }
        // Drawn in any case, so that a case with a bias differs from one without in that alone.
        if pass == Pass::Forward {
            let bias = filled(Pass::GradBias, &mut |random, o| source.bias(random, o));
            tensors.bias = case.bias.then_some(bias);
        }
        if pass.takes_x() {
            tensors.x = filled(Pass::GradInput, &mut |random, _| source.x(random));
        }
        if pass.takes_gy() {
            tensors.gy = filled(Pass::Forward, &mut |random, o| source.gy(random, o));
        }
        if case.update == Update::Accumulate {
            tensors.before = Some(filled(pass, &mut |random, o| source.bias(random, o)));
        }
        tensors
    }
}

/// Largest magnitudes of odd integers, within the budget of [`Data::Odd`].
struct Odd {
    x: usize,
    weight: usize,
    gy: usize,
    bias: usize,
}

impl Odd {
    /// A share for each of `terms` products and the bias. Of a product's bits, some go to one factor
    /// and the others to the other.
    fn new(pass: Pass, terms: usize, random: &mut Random) -> Self {
        let share = (EXACT / (terms + 1)).max(4);
        let x = (1 << (1 + random.below(share.ilog2() as usize - 1))) - 1;
        let weight = share / x;
        let gy = match pass {
            Pass::Forward | Pass::GradInput => x,
            Pass::GradWeight => weight,
            Pass::GradBias => share,
        };
        Self { x, weight, gy, bias: share }
    }

    /// An odd integer of magnitude up to `most`.
    fn draw(random: &mut Random, most: usize) -> f32 {
        let magnitude = (2 * random.below(most.div_ceil(2)) + 1) as f32;
        if random.below(2) == 0 { magnitude } else { -magnitude }
    }
}

impl Source for Odd {
    fn x(&mut self, random: &mut Random) -> f32 {
        Self::draw(random, self.x)
    }

    fn weight(&mut self, random: &mut Random, _: usize) -> f32 {
        Self::draw(random, self.weight)
    }

    fn gy(&mut self, random: &mut Random, _: usize) -> f32 {
        Self::draw(random, self.gy)
    }

    fn bias(&mut self, random: &mut Random, _: usize) -> f32 {
        Self::draw(random, self.bias)
    }
}

/// The same distribution for all tensors.
struct Reals(fn(&mut Random) -> f32);

impl Source for Reals {
    fn x(&mut self, random: &mut Random) -> f32 {
        self.0(random)
    }

    fn weight(&mut self, random: &mut Random, _: usize) -> f32 {
        self.0(random)
    }

    fn gy(&mut self, random: &mut Random, _: usize) -> f32 {
        self.0(random)
    }

    fn bias(&mut self, random: &mut Random, _: usize) -> f32 {
        self.0(random)
    }
}

/// Four uniform numbers, whose sum has variance 4/3, scaled to variance 1.
fn normal(random: &mut Random) -> f32 {
    const SCALE: f64 = 0.866_025_403_784_438_6;
    let sum: f64 = (0..4).map(|_| f64::from(random.signed_unit())).sum();
    (sum * SCALE) as f32
}

/// One number in `rarity` is not finite or close to overflow: few enough that most sums have none.
struct Special {
    pass: Pass,
    rarity: usize,
}

impl Special {
    const RARE: [f32; 5] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];

    /// A real of about 2^`exponent`, or something odder.
    fn draw(&self, random: &mut Random, exponent: i32) -> f32 {
        if random.below(self.rarity) == 0 {
            return random.pick(&Self::RARE);
        }
        let subnormal = f32::from_bits(random.next() as u32 & 0x807f_ffff);
        match random.below(16) {
            0 => 0.0,
            1 => -0.0,
            2 => subnormal,
            3 => random.pick(&[f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 1.0, -1.0]),
            _ => scaled(random.signed_unit(), exponent),
        }
    }
}

/// `value · 2^exponent`, which may be subnormal, rounded once.
fn scaled(value: f32, exponent: i32) -> f32 {
    let power = f64::from_bits(((1023 + exponent) as u64) << 52);
    (f64::from(value) * power) as f32
}

impl Source for Special {
    fn x(&mut self, random: &mut Random) -> f32 {
        let exponent = random.below(7) as i32 - 3;
        self.draw(random, exponent)
    }

    /// Some channels underflow, some overflow.
    fn weight(&mut self, random: &mut Random, o: usize) -> f32 {
        self.draw(random, [0, -126, 0, -147, 0, 125][o % 6])
    }

    /// As weights, where there are none.
    fn gy(&mut self, random: &mut Random, o: usize) -> f32 {
        if self.pass.takes_weights() { self.x(random) } else { self.weight(random, o) }
    }

    fn bias(&mut self, random: &mut Random, o: usize) -> f32 {
        match random.below(4) {
            0 => -0.0,
            1 => self.draw(random, -140),
            _ => self.draw(random, [0, -126, 0, -147, 0, 125][o % 6]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = "pass=forward batch=3 channels=6 multiplier=1 input=1x1 kernel=3x3 stride=1x1 \
                        dilation=1x1 low=2,2 high=2,2 layout=nhwc bias=1 update=overwrite activation=none \
                        data=odd seed=2620581388 offset=1 machine=x86-64 instance=best";

    fn case(data: Data) -> Case {
        Case { data, ..CASE.parse().unwrap() }
    }

    /// The values of many seeds.
    fn values(data: Data) -> Vec<f32> {
        let tensors = (0..200).map(|seed| Tensors::new(&Case { seed, ..case(data) }));
        tensors.flat_map(|t| [t.x, t.weights, t.bias.unwrap()].concat()).collect()
    }

    #[test]
    fn odd_integers_are_odd_and_wide() {
        for (pass, terms) in Pass::ALL.iter().flat_map(|p| [1, 9, 49, 121, 3000].map(|t| (*p, t))) {
            for seed in 0..99 {
                let odd = Odd::new(pass, terms, &mut Random::new(seed));
                let factors = match pass {
                    Pass::Forward => [odd.x, odd.weight],
                    Pass::GradInput => [odd.gy, odd.weight],
                    Pass::GradWeight => [odd.x, odd.gy],
                    Pass::GradBias => [1, odd.gy],
                };
                assert!(terms * factors[0] * factors[1] + odd.bias <= EXACT);
                assert!(2 * terms * factors[0] * (factors[1] + 2) >= EXACT / 2, "wasteful");
            }
        }
        assert!(values(Data::Odd).iter().all(|v| (*v as i64 as f32) == *v && *v as i64 % 2 != 0));
    }

    #[test]
    fn reals_are_signed_and_full() {
        for data in [Data::Normal, Data::Uniform] {
            let values = values(data);
            let share = |which: fn(f32) -> bool| {
                values.iter().filter(|v| which(**v)).count() as f64 / values.len() as f64
            };
            assert!((0.4..0.6).contains(&share(|v| v < 0.0)));
            assert!((0.4..0.6).contains(&share(|v| v.to_bits() & 1 == 1)) || data == Data::Uniform);
            assert!(share(|v| v == 0.0) < 0.01);
        }
        let squares = values(Data::Normal).iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        assert!((0.9..1.1).contains(&(squares / values(Data::Normal).len() as f64)));
    }

    #[test]
    fn specials_are_all_there_but_few_are_infinite() {
        let values = values(Data::Special);
        let share = |which: fn(f32) -> bool| {
            values.iter().filter(|v| which(**v)).count() as f64 / values.len() as f64
        };
        for which in [
            |v: f32| v.is_nan(),
            |v| v == f32::INFINITY,
            |v| v == f32::NEG_INFINITY,
            |v: f32| v.abs() == f32::MAX,
        ] {
            assert!((0.0005..0.02).contains(&share(which)));
        }
        assert!(share(|v| v.to_bits() == 0) > 0.03);
        assert!(share(|v| v.to_bits() == 1 << 31) > 0.03);
        assert!(share(|v| v.is_subnormal()) > 0.05);
    }

    #[test]
    fn both_layouts_have_the_same_tensors() {
        let nhwc = Case { layout: depthwise::Layout::Nhwc, ..case(Data::Normal) };
        let nchw = Case { layout: depthwise::Layout::Nchw, ..nhwc };
        let (a, b) = (Tensors::new(&nhwc), Tensors::new(&nchw));
        let shape = &nhwc.shape;
        for at in order::coordinates(shape.batch, shape.channels, shape.input) {
            let value = |t: &Tensors, layout| t.x[order::input(layout, shape, at)];
            assert_eq!(value(&a, nhwc.layout), value(&b, nchw.layout));
        }
        assert_eq!(a.bias, b.bias);
    }

    /// The same on every target and for good: a case that is kept must stay the same case.
    #[test]
    fn numbers_never_change() {
        let start =
            |data| Tensors::new(&case(data)).weights[..3].iter().map(|w| w.to_bits()).collect();
        let starts: [Vec<u32>; 4] = Data::ALL.map(start);
        let expected = [
            [0x474c_5500, 0x45fe_8800, 0xc735_5500],
            [0x3f24_f597, 0x400b_ee54, 0x402c_cdcc],
            [0xbf13_824d, 0xbebe_ad36, 0xbdc9_4708],
            [0x3f45_53cf, 0x0034_17d6, 0x3f55_848d],
        ];
        assert_eq!(starts, expected);
    }
}
