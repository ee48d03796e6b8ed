use crate::axis::Axis;
use crate::machine::{Issue, Machine};
use crate::problem::{Dtype, Layout, Pass, Problem};

/// Lanes of a vector.
pub(crate) const LANES: usize = 4;

/// Independent sums that an in-order core needs: as many as the cycles of a multiply-add (4 on Cortex-A53 and A55, Arm's
/// optimisation guides).
const SUMS_IN_FLIGHT: usize = 4;

/// A size that an instance is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// This size alone, the same in height and width.
    Exactly(usize),
    /// Whatever the problem has.
    Any,
}

impl Size {
    fn fits(self, size: usize) -> bool {
        match self {
            Self::Exactly(exact) => exact == size,
            Self::Any => true,
        }
    }
}

/// How a kernel walks its rectangle; which sums it computes never depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Marches down the rows with the weights and all rows in flight in registers, so each input
    /// vector is loaded once for a strip of columns.
    Roll,
    /// One row of results at a time, kernel row after kernel row: few registers, and rows clipped
    /// at the border cost nothing extra.
    Row,
    /// One row of results at a time, whose residue classes come in pairs (input gradients at stride 2).
    Pairs,
    /// Keeps taps in registers and runs over output positions (weight gradients).
    Taps,
    /// Follows the spans of any window: any kernel, stride, dilation, padding and multiplier.
    Span,
}

impl Body {
    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Roll => "roll",
            Self::Row => "row",
            Self::Pairs => "pairs",
            Self::Taps => "taps",
            Self::Span => "span",
        }
    }
}

/// Results that an instance keeps in registers. Of a weight gradient these are rows of taps, each
/// as wide as the kernel, and the columns are the output positions that are summed at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Rows of results in flight.
    pub rows: usize,
    /// Columns of results.
    pub columns: usize,
    /// Vectors: of channels at each column (NHWC), of columns in each row (NCHW).
    pub vectors: usize,
}

/// One line of the instance table: a kernel that exists on every instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Name, `{pass}_{dtype}_{layout}_{kernel}s{stride}_{rows}x{columns}x{vectors}`, with `any` for
    /// a kernel and stride that are not fixed. Reports put the instruction set before the tile.
    pub name: &'static str,
    /// The kernel itself.
    pub kernel_id: Kernel,
    /// What it computes.
    pub pass: Pass,
    /// Element type.
    pub dtype: Dtype,
    /// Order of the dimensions.
    pub layout: Layout,
    /// Kernel height and width.
    pub kernel: Size,
    /// Stride in height and width.
    pub stride: Size,
    /// How it walks.
    pub body: Body,
    /// What it keeps in registers.
    pub tile: Tile,
    /// Vector registers from which on it is chosen: it runs without spilling, or faster than what does.
    pub registers: usize,
    /// What it is for, in a line.
    pub purpose: &'static str,
}

/// The instance table, as a list of arguments for the macro `$each`: dispatch, tests, benchmarks
/// and documentation all expand it, so that an instance cannot exist in one of them alone.
///
/// Within a pass and layout, lines are in order of preference.
#[macro_export]
macro_rules! for_each_instance {
    ($each:ident) => {
        $each! {
            // name                            pass    dtype layout kernel stride   body    tile     registers
            [forward_f32_nhwc_3s1_3x7x1,   Forward, F32, Nhwc, Exactly(3), Exactly(1), Roll, (3, 7, 1), 32,
                "3×3 where 32 registers hold the weights and three rows in flight"],
            [forward_f32_nhwc_3s2_2x7x1,   Forward, F32, Nhwc, Exactly(3), Exactly(2), Roll, (2, 7, 1), 32,
                "3×3 stride 2 with 32 registers"],
            [forward_f32_nhwc_3s1_1x7x1,   Forward, F32, Nhwc, Exactly(3), Exactly(1), Row,  (1, 7, 1), 16,
                "3×3 with 16 registers; 7 divides the maps of most networks"],
            [forward_f32_nhwc_3s1_1x4x4,   Forward, F32, Nhwc, Exactly(3), Exactly(1), Row,  (1, 4, 4), 16,
                "3×3, whole cache lines: where columns share few sets, and where they remain"],
            [forward_f32_nhwc_3s1_1x3x4,   Forward, F32, Nhwc, Exactly(3), Exactly(1), Row,  (1, 3, 4), 16,
                "3×3, remaining columns"],
            [forward_f32_nhwc_3s1_1x2x4,   Forward, F32, Nhwc, Exactly(3), Exactly(1), Row,  (1, 2, 4), 16,
                "3×3, remaining columns"],
            [forward_f32_nhwc_3s2_1x7x2,   Forward, F32, Nhwc, Exactly(3), Exactly(2), Row,  (1, 7, 2), 32,
                "3×3 stride 2 with 32 registers, two vectors side by side"],
            [forward_f32_nhwc_3s2_1x7x1,   Forward, F32, Nhwc, Exactly(3), Exactly(2), Row,  (1, 7, 1), 16,
                "3×3 stride 2"],
            [forward_f32_nhwc_3s2_1x4x4,   Forward, F32, Nhwc, Exactly(3), Exactly(2), Row,  (1, 4, 4), 16,
                "3×3 stride 2, whole cache lines: where columns share few sets, and where they remain"],
            [forward_f32_nhwc_3s2_1x3x4,   Forward, F32, Nhwc, Exactly(3), Exactly(2), Row,  (1, 3, 4), 16,
                "3×3 stride 2, remaining columns"],
            [forward_f32_nhwc_3s2_1x2x4,   Forward, F32, Nhwc, Exactly(3), Exactly(2), Row,  (1, 2, 4), 16,
                "3×3 stride 2, remaining columns"],
            [forward_f32_nhwc_5s1_1x7x2,   Forward, F32, Nhwc, Exactly(5), Exactly(1), Row,  (1, 7, 2), 32,
                "5×5 with 32 registers, two vectors side by side"],
            [forward_f32_nhwc_5s1_1x7x1,   Forward, F32, Nhwc, Exactly(5), Exactly(1), Row,  (1, 7, 1), 16,
                "5×5"],
            [forward_f32_nhwc_5s1_1x4x1,   Forward, F32, Nhwc, Exactly(5), Exactly(1), Row,  (1, 4, 1), 16,
                "5×5, remaining columns"],
            [forward_f32_nhwc_5s1_1x3x1,   Forward, F32, Nhwc, Exactly(5), Exactly(1), Row,  (1, 3, 1), 16,
                "5×5, remaining columns"],
            [forward_f32_nhwc_5s1_1x2x1,   Forward, F32, Nhwc, Exactly(5), Exactly(1), Row,  (1, 2, 1), 16,
                "5×5, remaining columns"],
            [forward_f32_nhwc_5s2_1x7x2,   Forward, F32, Nhwc, Exactly(5), Exactly(2), Row,  (1, 7, 2), 32,
                "5×5 stride 2 with 32 registers, two vectors side by side"],
            [forward_f32_nhwc_5s2_1x7x1,   Forward, F32, Nhwc, Exactly(5), Exactly(2), Row,  (1, 7, 1), 16,
                "5×5 stride 2"],
            [forward_f32_nhwc_5s2_1x4x1,   Forward, F32, Nhwc, Exactly(5), Exactly(2), Row,  (1, 4, 1), 16,
                "5×5 stride 2, remaining columns"],
            [forward_f32_nhwc_5s2_1x3x1,   Forward, F32, Nhwc, Exactly(5), Exactly(2), Row,  (1, 3, 1), 16,
                "5×5 stride 2, remaining columns"],
            [forward_f32_nhwc_5s2_1x2x1,   Forward, F32, Nhwc, Exactly(5), Exactly(2), Row,  (1, 2, 1), 16,
                "5×5 stride 2, remaining columns"],
            [forward_f32_nhwc_7s1_1x7x2,   Forward, F32, Nhwc, Exactly(7), Exactly(1), Row,  (1, 7, 2), 32,
                "7×7 with 32 registers, two vectors side by side"],
            [forward_f32_nhwc_7s1_1x7x1,   Forward, F32, Nhwc, Exactly(7), Exactly(1), Row,  (1, 7, 1), 16,
                "7×7"],
            [forward_f32_nhwc_7s1_1x4x1,   Forward, F32, Nhwc, Exactly(7), Exactly(1), Row,  (1, 4, 1), 16,
                "7×7, remaining columns"],
            [forward_f32_nhwc_7s1_1x3x1,   Forward, F32, Nhwc, Exactly(7), Exactly(1), Row,  (1, 3, 1), 16,
                "7×7, remaining columns"],
            [forward_f32_nhwc_7s2_1x7x1,   Forward, F32, Nhwc, Exactly(7), Exactly(2), Row,  (1, 7, 1), 16,
                "7×7 stride 2"],
            [forward_f32_nhwc_7s2_1x4x1,   Forward, F32, Nhwc, Exactly(7), Exactly(2), Row,  (1, 4, 1), 16,
                "7×7 stride 2, remaining columns"],
            [forward_f32_nhwc_7s2_1x3x1,   Forward, F32, Nhwc, Exactly(7), Exactly(2), Row,  (1, 3, 1), 16,
                "7×7 stride 2, remaining columns"],
            [forward_f32_nhwc_any_1x8x1,   Forward, F32, Nhwc, Any,        Any,        Span, (1, 8, 1), 16,
                "any window and multiplier; channels beyond a multiple of four; columns that tiles leave"],
            [forward_f32_nchw_3s1_3x16x4,  Forward, F32, Nchw, Exactly(3), Exactly(1), Roll, (3, 16, 4), 16,
                "3×3: the weights and three rows in flight; 16 registers spill, and rows would be slower still"],
            [forward_f32_nchw_3s2_2x16x4,  Forward, F32, Nchw, Exactly(3), Exactly(2), Roll, (2, 16, 4), 16,
                "3×3 stride 2"],
            [forward_f32_nchw_5s1_5x8x2,   Forward, F32, Nchw, Exactly(5), Exactly(1), Roll, (5, 8, 2), 16,
                "5×5: the weights and five rows in flight"],
            [forward_f32_nchw_5s2_3x8x2,   Forward, F32, Nchw, Exactly(5), Exactly(2), Roll, (3, 8, 2), 16,
                "5×5 stride 2"],
            [forward_f32_nchw_7s1_1x16x4,  Forward, F32, Nchw, Exactly(7), Exactly(1), Row,  (1, 16, 4), 16,
                "7×7"],
            [forward_f32_nchw_7s2_1x16x4,  Forward, F32, Nchw, Exactly(7), Exactly(2), Row,  (1, 16, 4), 16,
                "7×7 stride 2"],
            [forward_f32_nchw_any_1x16x4,  Forward, F32, Nchw, Any,        Any,        Span, (1, 16, 4), 16,
                "any window and multiplier; rows at the very ends of the tensor"],
            [grad_input_f32_nhwc_3s2_1x14x1, GradInput, F32, Nhwc, Exactly(3), Exactly(2), Pairs, (1, 14, 1), 16,
                "3×3 stride 2: both residue classes of a row, 7 pairs at a time"],
            [grad_input_f32_nhwc_3s2_1x8x1, GradInput, F32, Nhwc, Exactly(3), Exactly(2), Pairs, (1, 8, 1), 16,
                "3×3 stride 2: both residue classes of a row, 4 pairs at a time"],
            [grad_input_f32_nhwc_3s2_1x6x1, GradInput, F32, Nhwc, Exactly(3), Exactly(2), Pairs, (1, 6, 1), 16,
                "3×3 stride 2, remaining pairs"],
            [grad_input_f32_nhwc_5s2_1x8x2, GradInput, F32, Nhwc, Exactly(5), Exactly(2), Pairs, (1, 8, 2), 32,
                "5×5 stride 2 with 32 registers: 4 pairs of two vectors side by side"],
            [grad_input_f32_nhwc_5s2_1x6x2, GradInput, F32, Nhwc, Exactly(5), Exactly(2), Pairs, (1, 6, 2), 32,
                "5×5 stride 2 with 32 registers, remaining pairs of two vectors"],
            [grad_input_f32_nhwc_5s2_1x8x1, GradInput, F32, Nhwc, Exactly(5), Exactly(2), Pairs, (1, 8, 1), 16,
                "5×5 stride 2: both residue classes of a row, 4 pairs at a time"],
            [grad_input_f32_nhwc_5s2_1x6x1, GradInput, F32, Nhwc, Exactly(5), Exactly(2), Pairs, (1, 6, 1), 16,
                "5×5 stride 2, remaining pairs"],
            [grad_input_f32_nhwc_7s2_1x8x1, GradInput, F32, Nhwc, Exactly(7), Exactly(2), Pairs, (1, 8, 1), 16,
                "7×7 stride 2: both residue classes of a row, 4 pairs at a time"],
            [grad_input_f32_nhwc_7s2_1x6x1, GradInput, F32, Nhwc, Exactly(7), Exactly(2), Pairs, (1, 6, 1), 16,
                "7×7 stride 2, remaining pairs"],
            [grad_input_f32_nchw_3s2_1x32x8, GradInput, F32, Nchw, Exactly(3), Exactly(2), Pairs, (1, 32, 8), 16,
                "3×3 stride 2: both residue classes of a row, zipped"],
            [grad_input_f32_nchw_5s2_1x32x8, GradInput, F32, Nchw, Exactly(5), Exactly(2), Pairs, (1, 32, 8), 16,
                "5×5 stride 2: both residue classes of a row, zipped"],
            [grad_input_f32_nchw_7s2_1x32x8, GradInput, F32, Nchw, Exactly(7), Exactly(2), Pairs, (1, 32, 8), 16,
                "7×7 stride 2: both residue classes of a row, zipped"],
            [grad_weight_f32_nhwc_3s1_3x7x2, GradWeight, F32, Nhwc, Exactly(3), Exactly(1), Taps, (3, 7, 2), 32,
                "3×3 with 32 registers, two vectors side by side at edges"],
            [grad_weight_f32_nhwc_3s1_3x7x1, GradWeight, F32, Nhwc, Exactly(3), Exactly(1), Taps, (3, 7, 1), 16,
                "3×3: all rows of taps at a time"],
            [grad_weight_f32_nhwc_3s2_3x7x2, GradWeight, F32, Nhwc, Exactly(3), Exactly(2), Taps, (3, 7, 2), 32,
                "3×3 stride 2 with 32 registers, two vectors side by side at edges"],
            [grad_weight_f32_nhwc_3s2_3x7x1, GradWeight, F32, Nhwc, Exactly(3), Exactly(2), Taps, (3, 7, 1), 16,
                "3×3 stride 2: all rows of taps at a time"],
            [grad_weight_f32_nhwc_5s1_1x7x2, GradWeight, F32, Nhwc, Exactly(5), Exactly(1), Taps, (1, 7, 2), 32,
                "5×5 with 32 registers, two vectors side by side"],
            [grad_weight_f32_nhwc_5s1_1x7x1, GradWeight, F32, Nhwc, Exactly(5), Exactly(1), Taps, (1, 7, 1), 16,
                "5×5: a row of taps at a time"],
            [grad_weight_f32_nhwc_5s2_1x7x2, GradWeight, F32, Nhwc, Exactly(5), Exactly(2), Taps, (1, 7, 2), 32,
                "5×5 stride 2 with 32 registers, two vectors side by side"],
            [grad_weight_f32_nhwc_5s2_1x7x1, GradWeight, F32, Nhwc, Exactly(5), Exactly(2), Taps, (1, 7, 1), 16,
                "5×5 stride 2: a row of taps at a time"],
            [grad_weight_f32_nhwc_7s1_1x7x2, GradWeight, F32, Nhwc, Exactly(7), Exactly(1), Taps, (1, 7, 2), 32,
                "7×7 with 32 registers, two vectors side by side"],
            [grad_weight_f32_nhwc_7s1_1x7x1, GradWeight, F32, Nhwc, Exactly(7), Exactly(1), Taps, (1, 7, 1), 16,
                "7×7: a row of taps at a time"],
            [grad_weight_f32_nhwc_7s2_1x7x1, GradWeight, F32, Nhwc, Exactly(7), Exactly(2), Taps, (1, 7, 1), 16,
                "7×7 stride 2: a row of taps at a time"],
            [grad_weight_f32_nhwc_any_1x1x1, GradWeight, F32, Nhwc, Any, Any, Span, (1, 1, 1), 16,
                "any window and multiplier, eight taps of a row at a time; channels beyond a multiple of four"],
            [grad_weight_f32_nchw_3s1_3x4x1, GradWeight, F32, Nchw, Exactly(3), Exactly(1), Taps, (3, 4, 1), 16,
                "3×3: all rows of taps at a time"],
            [grad_weight_f32_nchw_3s2_3x4x1, GradWeight, F32, Nchw, Exactly(3), Exactly(2), Taps, (3, 4, 1), 16,
                "3×3 stride 2: all rows of taps at a time"],
            [grad_weight_f32_nchw_5s1_3x4x1, GradWeight, F32, Nchw, Exactly(5), Exactly(1), Taps, (3, 4, 1), 32,
                "5×5 with 32 registers: three rows of taps at a time"],
            [grad_weight_f32_nchw_5s1_1x4x1, GradWeight, F32, Nchw, Exactly(5), Exactly(1), Taps, (1, 4, 1), 16,
                "5×5: a row of taps at a time"],
            [grad_weight_f32_nchw_5s2_3x4x1, GradWeight, F32, Nchw, Exactly(5), Exactly(2), Taps, (3, 4, 1), 32,
                "5×5 stride 2 with 32 registers: three rows of taps at a time"],
            [grad_weight_f32_nchw_5s2_1x4x1, GradWeight, F32, Nchw, Exactly(5), Exactly(2), Taps, (1, 4, 1), 16,
                "5×5 stride 2: a row of taps at a time"],
            [grad_weight_f32_nchw_7s1_4x4x1, GradWeight, F32, Nchw, Exactly(7), Exactly(1), Taps, (4, 4, 1), 32,
                "7×7 with 32 registers: four rows of taps at a time"],
            [grad_weight_f32_nchw_7s1_1x4x1, GradWeight, F32, Nchw, Exactly(7), Exactly(1), Taps, (1, 4, 1), 16,
                "7×7: a row of taps at a time"],
            [grad_weight_f32_nchw_7s2_1x4x1, GradWeight, F32, Nchw, Exactly(7), Exactly(2), Taps, (1, 4, 1), 16,
                "7×7 stride 2: a row of taps at a time"],
            [grad_weight_f32_nchw_any_1x4x1, GradWeight, F32, Nchw, Any, Any, Span, (1, 4, 1), 16,
                "any window and multiplier, tap after tap"],
        }
    };
}

macro_rules! table {
    ($([$name:ident, $pass:ident, $dtype:ident, $layout:ident, $kernel:expr, $stride:expr, $body:ident,
        ($rows:literal, $columns:literal, $vectors:literal), $registers:literal, $purpose:literal],)*) => {{
        use Size::{Any, Exactly};
        &[$(Instance {
            kernel_id: Kernel::$name,
            name: stringify!($name),
            pass: Pass::$pass,
            dtype: Dtype::$dtype,
            layout: Layout::$layout,
            kernel: $kernel,
            stride: $stride,
            body: Body::$body,
            tile: Tile { rows: $rows, columns: $columns, vectors: $vectors },
            registers: $registers,
            // Builds that are downloaded do without.
            purpose: if cfg!(depthwise_web) { "" } else { $purpose },
        },)*]
    }};
}

macro_rules! kernel_ids {
    ($([$name:ident, $($line:tt)*],)*) => {
        /// The kernel of an instance, by its name: what dispatch matches on.
        #[allow(non_camel_case_types, reason = "names are the table's")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is documented by its line's purpose")]
        pub enum Kernel { $($name,)* }
    };
}

for_each_instance!(kernel_ids);

/// The instance table: of this build, see [`Kernel::is_built`].
pub static INSTANCES: &[Instance] = &BUILT;

/// In a static, so that it is in a program once.
static BUILT: [Instance; COUNT] = {
    let mut built = [LINES[0]; COUNT];
    let (mut line, mut count) = (0, 0);
    while line < LINES.len() {
        if LINES[line].is_built() {
            built[count] = LINES[line];
            count += 1;
        }
        line += 1;
    }
    built
};

/// Instances that are built.
const COUNT: usize = {
    let (mut line, mut count) = (0, 0);
    while line < LINES.len() {
        count += LINES[line].is_built() as usize;
        line += 1;
    }
    count
};

/// All lines.
const LINES: &[Instance] = for_each_instance!(table);

impl Kernel {
    /// Whether this build has it. All do, but those with `--cfg depthwise_lean`, which are to be downloaded: beside
    /// the general kernels they have, of one vector of channels or of four,
    ///
    /// - those for 3×3 in NHWC, all passes, for 16 and for 32 registers, but for tiles of fewer than four columns,
    /// - forward for 3×3 in NCHW that roll, on every machine,
    /// - forward for 5×5, and for 7×7 at stride 1, in NHWC, with tiles of 7 columns alone.
    ///
    /// With `--cfg depthwise_sampled` a build has one of each generic body or two, so that bugs can be planted there in
    /// a fraction of the time: most of those show in any instance.
    #[must_use]
    pub const fn is_built(self) -> bool {
        LINES[self as usize].is_built()
    }
}

impl Instance {
    /// The line of that name, with or without an instruction set in it.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let (head, rest) = name.split_once("__").unwrap_or((name, ""));
        let tile = rest.split_once('_').map_or("", |(_isa, tile)| tile);
        INSTANCES.iter().find(|instance| {
            instance.name.strip_prefix(head).is_some_and(|end| end.trim_start_matches('_') == tile)
        })
    }

    /// As [`Kernel::is_built`].
    const fn is_built(&self) -> bool {
        if cfg!(depthwise_lean) {
            self.is_lean()
        } else {
            !cfg!(depthwise_sampled) || self.is_sampled()
        }
    }

    /// Whether it is general, or among the tiles that together do what its body's do: small kernels, where all rows of
    /// one are in flight, a large kernel, too, and tiles of one vector and of several.
    const fn is_sampled(&self) -> bool {
        let Tile { rows, columns, .. } = self.tile;
        match (self.kernel, self.layout, self.body) {
            (Size::Any, ..) => true,
            (Size::Exactly(5), Layout::Nhwc, _) if self.is_side_by_side() => {
                matches!(self.stride, Size::Exactly(2)) && columns > 6
            }
            (Size::Exactly(5), Layout::Nhwc, Body::Row) => columns == 3,
            (Size::Exactly(3), Layout::Nhwc, Body::Row) => columns == 2,
            (Size::Exactly(3), Layout::Nhwc, Body::Pairs) => columns == 6,
            (Size::Exactly(3), Layout::Nhwc, Body::Taps) => self.is_side_by_side(),
            (Size::Exactly(3), _, Body::Roll | Body::Pairs | Body::Taps) => true,
            (Size::Exactly(7), Layout::Nhwc, Body::Taps) => matches!(self.stride, Size::Exactly(2)),
            (Size::Exactly(7), Layout::Nchw, Body::Taps) => rows > 1,
            (Size::Exactly(7), Layout::Nchw, Body::Row) => true,
            _ => false,
        }
    }

    /// Whether it is general, or among the tiles that take little room.
    const fn is_lean(&self) -> bool {
        match (self.kernel, self.layout, self.body) {
            (Size::Any, ..) => true,
            (_, Layout::Nhwc, _) if self.is_side_by_side() => false,
            (Size::Exactly(3), Layout::Nhwc, _) => self.tile.columns > 3,
            (Size::Exactly(3), Layout::Nchw, body) => matches!(body, Body::Roll),
            (Size::Exactly(kernel), Layout::Nhwc, Body::Row) => {
                self.tile.columns == 7 && (kernel == 5 || matches!(self.stride, Size::Exactly(1)))
            }
            _ => false,
        }
    }

    /// Whether it computes this problem, alone or together with the general instance of its layout.
    ///
    /// The input gradient at stride 1 is a forward convolution with the kernel read backwards, and
    /// the general instances follow the spans of either: so forward instances compute both.
    #[must_use]
    pub fn computes(&self, problem: &Problem) -> bool {
        let gradient = self.pass == Pass::Forward && problem.pass() == Pass::GradInput;
        let window = |axis: Axis| {
            self.kernel.fits(axis.kernel())
                && self.stride.fits(axis.stride())
                && (self.body == Body::Span
                    || (axis.dilation() == 1 && (!gradient || axis.stride() == 1)))
        };
        let depth = match self.body {
            Body::Span => true,
            // Planes of one source channel may follow each other, but not be summed over.
            _ => {
                let sums = problem.pass() == Pass::GradInput;
                problem.multiplier() == 1 || (self.layout == Layout::Nchw && !sums)
            }
        };
        (self.pass == problem.pass() || gradient)
            && self.dtype == problem.dtype()
            && self.layout == problem.layout()
            && window(problem.height())
            && window(problem.width())
            && depth
    }

    /// Whether it runs without spilling on `machine`, and on one that starts instructions in order with
    /// enough sums in flight and registers to load ahead.
    #[must_use]
    pub const fn suits(&self, machine: Machine) -> bool {
        let flows = match machine.issue {
            Issue::OutOfOrder => true,
            Issue::InOrder => {
                matches!(self.body, Body::Span)
                    || (self.sums() >= SUMS_IN_FLIGHT && !self.is_side_by_side())
            }
        };
        // Builds with one tile of planes for all machines have the wide one: in 16 registers, too, strips are faster than
        // rows in WebAssembly, 1.7 times over MobileNetV2 in V8 on x86-64.
        let is_only = cfg!(depthwise_lean) && matches!(self.layout, Layout::Nchw);
        flows && (is_only || self.registers <= machine.registers)
    }

    /// Whether it takes two vectors of channels together. That leaves no registers to load ahead, as cores must that start
    /// instructions in order.
    #[must_use]
    pub const fn is_side_by_side(&self) -> bool {
        matches!(self.layout, Layout::Nhwc) && self.tile.vectors == 2
    }

    /// Vectors of sums that its tile keeps in flight.
    const fn sums(&self) -> usize {
        let Tile { rows, columns, vectors } = self.tile;
        match (self.body, self.layout) {
            // Each row of taps has a vector for each column of the kernel.
            (Body::Taps, _) => match self.kernel {
                Size::Exactly(kernel) => rows * kernel,
                Size::Any => rows,
            },
            (_, Layout::Nhwc) => rows * columns * vectors,
            (_, Layout::Nchw) => rows * columns / LANES,
        }
    }

    /// Whether its tiles exist for windows that miss `clip` columns at one end.
    ///
    /// Padding that keeps the size of the map clips half a kernel; at stride 2 one less, too.
    #[must_use]
    pub fn clips(&self, clip: usize) -> bool {
        match (self.kernel, self.layout) {
            (Size::Exactly(kernel), _) if self.body == Body::Pairs => clip < kernel.div_ceil(2),
            (Size::Exactly(kernel), Layout::Nhwc) => {
                let half = kernel / 2;
                clip == 0 || clip == half || (self.stride != Size::Exactly(1) && clip + 1 == half)
            }
            (Size::Exactly(kernel), Layout::Nchw) => clip <= kernel / 2,
            (Size::Any, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, vec::Vec};

    #[test]
    fn names_spell_the_parameters() {
        for instance in INSTANCES {
            let window = match (instance.kernel, instance.stride) {
                (Size::Exactly(kernel), Size::Exactly(stride)) => format!("{kernel}s{stride}"),
                (Size::Any, Size::Any) => "any".into(),
                mixed => panic!("{mixed:?}"),
            };
            let Tile { rows, columns, vectors } = instance.tile;
            let (pass, dtype, layout) = (instance.pass, instance.dtype.name(), instance.layout);
            let name = format!("{pass}_{dtype}_{layout}_{window}_{rows}x{columns}x{vectors}");
            assert_eq!(instance.name, name);
            let tile = format!("_{rows}x{columns}x{vectors}");
            let with_isa = name.replace(&tile, &format!("__simd128-relaxed{tile}"));
            assert_eq!(Instance::by_name(&name), Some(instance));
            assert_eq!(Instance::by_name(&with_isa), Some(instance));
        }
        assert_eq!(Instance::by_name("forward_f32_nhwc"), None);
        assert_eq!(Instance::by_name(""), None);
    }

    #[test]
    fn sampled_builds_have_every_body() {
        let sampled: Vec<_> = LINES.iter().filter(|i| i.is_sampled()).map(|i| i.name).collect();
        assert_eq!(
            sampled,
            [
                "forward_f32_nhwc_3s1_3x7x1",
                "forward_f32_nhwc_3s2_2x7x1",
                "forward_f32_nhwc_3s1_1x2x4",
                "forward_f32_nhwc_3s2_1x2x4",
                "forward_f32_nhwc_5s1_1x3x1",
                "forward_f32_nhwc_5s2_1x7x2",
                "forward_f32_nhwc_5s2_1x3x1",
                "forward_f32_nhwc_any_1x8x1",
                "forward_f32_nchw_3s1_3x16x4",
                "forward_f32_nchw_3s2_2x16x4",
                "forward_f32_nchw_7s1_1x16x4",
                "forward_f32_nchw_7s2_1x16x4",
                "forward_f32_nchw_any_1x16x4",
                "grad_input_f32_nhwc_3s2_1x6x1",
                "grad_input_f32_nhwc_5s2_1x8x2",
                "grad_input_f32_nchw_3s2_1x32x8",
                "grad_weight_f32_nhwc_3s1_3x7x2",
                "grad_weight_f32_nhwc_3s2_3x7x2",
                "grad_weight_f32_nhwc_5s2_1x7x2",
                "grad_weight_f32_nhwc_7s2_1x7x1",
                "grad_weight_f32_nhwc_any_1x1x1",
                "grad_weight_f32_nchw_3s1_3x4x1",
                "grad_weight_f32_nchw_3s2_3x4x1",
                "grad_weight_f32_nchw_7s1_4x4x1",
                "grad_weight_f32_nchw_any_1x4x1",
            ]
        );
        let kind = |instance: &Instance| (instance.pass, instance.layout, instance.body.name());
        let has = |line| LINES.iter().any(|other| other.is_sampled() && kind(other) == kind(line));
        assert!(LINES.iter().all(has));
    }

    #[test]
    fn lean_builds_have_few_kernels() {
        let lean: Vec<_> = INSTANCES.iter().filter(|i| i.is_lean()).map(|i| i.name).collect();
        assert_eq!(
            lean,
            [
                "forward_f32_nhwc_3s1_3x7x1",
                "forward_f32_nhwc_3s2_2x7x1",
                "forward_f32_nhwc_3s1_1x7x1",
                "forward_f32_nhwc_3s1_1x4x4",
                "forward_f32_nhwc_3s2_1x7x1",
                "forward_f32_nhwc_3s2_1x4x4",
                "forward_f32_nhwc_5s1_1x7x1",
                "forward_f32_nhwc_5s2_1x7x1",
                "forward_f32_nhwc_7s1_1x7x1",
                "forward_f32_nhwc_any_1x8x1",
                "forward_f32_nchw_3s1_3x16x4",
                "forward_f32_nchw_3s2_2x16x4",
                "forward_f32_nchw_any_1x16x4",
                "grad_input_f32_nhwc_3s2_1x14x1",
                "grad_input_f32_nhwc_3s2_1x8x1",
                "grad_input_f32_nhwc_3s2_1x6x1",
                "grad_weight_f32_nhwc_3s1_3x7x1",
                "grad_weight_f32_nhwc_3s2_3x7x1",
                "grad_weight_f32_nhwc_any_1x1x1",
                "grad_weight_f32_nchw_any_1x4x1",
            ]
        );
        assert!(INSTANCES.iter().all(|i| i.is_built() == (i.is_lean() || !cfg!(depthwise_lean))));
    }

    #[test]
    #[cfg(not(depthwise_lean))]
    fn tiles_miss_what_padding_of_half_a_kernel_makes_them_miss() {
        for (name, clips) in [
            ("forward_f32_nhwc_7s1_1x7x1", &[0, 3][..]),
            ("forward_f32_nhwc_7s2_1x7x1", &[0, 2, 3]),
            ("forward_f32_nchw_7s1_1x16x4", &[0, 1, 2, 3]),
            ("grad_input_f32_nhwc_7s2_1x8x1", &[0, 1, 2, 3]),
            ("grad_input_f32_nchw_3s2_1x32x8", &[0, 1]),
            ("forward_f32_nhwc_any_1x8x1", &[]),
        ] {
            let instance = Instance::by_name(name).unwrap();
            let found: Vec<_> = (0..9).filter(|clip| instance.clips(*clip)).collect();
            assert_eq!(found, clips, "{name}");
        }
    }

    #[test]
    #[cfg(not(depthwise_lean))]
    fn an_in_order_machine_needs_sums_in_flight() {
        let instance = INSTANCES.iter().find(|i| i.body == Body::Row).unwrap();
        let narrow = Instance { tile: Tile { columns: 1, ..instance.tile }, ..*instance };
        assert!(narrow.suits(Machine::ARM64) && !narrow.suits(Machine::ARM64_IN_ORDER));
        assert!(instance.suits(Machine::ARM64_IN_ORDER));
        let side_by_side = |instance: &&Instance| instance.is_side_by_side();
        assert!(INSTANCES.iter().filter(side_by_side).all(|instance| {
            instance.suits(Machine::ARM64) && !instance.suits(Machine::ARM64_IN_ORDER)
        }));
        let sums = |name| {
            let tile = Tile { rows: 3, columns: 8, vectors: 5 };
            Instance { tile, ..*Instance::by_name(name).unwrap() }.sums()
        };
        assert_eq!(sums("forward_f32_nhwc_3s1_3x7x1"), 3 * 8 * 5);
        assert_eq!(sums("forward_f32_nchw_3s1_3x16x4"), 3 * 8 / LANES);
        assert_eq!(sums("grad_weight_f32_nhwc_5s1_1x7x1"), 3 * 5);
    }

    #[test]
    fn every_problem_has_a_general_instance_on_every_machine() {
        for layout in Layout::ALL {
            let problem = Problem::builder().layout(layout).multiplier(3).kernel([2, 3]);
            let problem = problem.dilation([3, 1]).input([9, 9]).stride([1, 4]).build().unwrap();
            for machine in Machine::ALL {
                assert!(INSTANCES.iter().any(|i| i.computes(&problem) && i.suits(machine)));
            }
        }
    }
}
