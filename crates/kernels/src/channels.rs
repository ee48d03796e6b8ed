//! How vectors of channels meet memory where channels are last.

use depthwise_lanes::{LANES, Lanes};

use crate::task::Depth;

/// Whether rare cases share their code, as in builds that are to be downloaded: vectors that are not whole, and those
/// of one source channel, are gathered, fewer columns are computed at a time, and most tiles learn at run time which
/// columns their windows miss.
pub(crate) const LEAN: bool = cfg!(depthwise_lean);

/// Whether branches keep sums in order, and what is rare is out of the way of what is not: in WebAssembly ([`Lanes::NESTS`]), and in
/// builds to be downloaded on any machine, so that what is proven of their kernels is proven of WebAssembly's.
pub(crate) const fn is_parted<L: Lanes>() -> bool {
    LEAN || L::NESTS
}

/// How a vector of result channels meets the channels of the source.
pub(crate) trait Channels<L: Lanes>: Copy {
    /// Whether few problems have such vectors, or all have few.
    const RARE: bool = true;

    /// Offset of the first source channel. Tasks whose channels are one for one start with theirs.
    fn source(self) -> isize {
        0
    }

    /// Offset of its first weight, where the first result channel is `channel`.
    fn weights(self, channel: usize) -> isize {
        channel as isize
    }

    /// Result channels in the vector.
    fn count(self) -> usize;

    /// Source channels that each sums over.
    fn products(self) -> isize {
        1
    }

    /// The source channels of the vector.
    ///
    /// # Safety
    /// - `src` is inside a tensor that is valid for reads, at the vector's first source channel.
    unsafe fn load(self, l: L, src: L::Src) -> L::Vector;

    /// The weights of the vector.
    ///
    /// # Safety
    /// - `weights` is inside a tensor that is valid for reads, at the vector's first weight.
    unsafe fn load_weights(self, l: L, weights: L::Src) -> L::Vector {
        // SAFETY: `count` weights start here.
        unsafe {
            if self.count() == LANES {
                l.load(weights)
            } else {
                l.load_partial(weights, self.count())
            }
        }
    }
}

/// Four channels, one for one.
#[derive(Clone, Copy)]
pub(crate) struct Contiguous;

/// The last channels, one for one.
#[derive(Clone, Copy)]
pub(crate) struct Partial {
    pub count: usize,
}

/// Result channels of one source channel.
#[derive(Clone, Copy)]
pub(crate) struct Splat {
    pub src: isize,
    pub count: usize,
}

/// Result channels of several source channels.
#[derive(Clone, Copy)]
pub(crate) struct Gather {
    pub src: isize,
    pub offsets: [usize; LANES],
    pub count: usize,
}

/// Result channels that sum over `products` source channels each.
#[derive(Clone, Copy)]
pub(crate) struct Summed {
    pub src: isize,
    pub products: usize,
    pub count: usize,
}

/// Any of these, a lane at a time.
#[derive(Clone, Copy)]
pub(crate) struct Apart {
    src: isize,
    offsets: [usize; LANES],
    products: usize,
    count: usize,
}

impl Apart {
    /// `count` result channels from `channel` on.
    pub fn new(depth: &Depth, channel: usize, count: usize) -> Self {
        let (src, offsets) = depth.sources(channel);
        Self { src, offsets, products: depth.products, count }
    }
}

impl<L: Lanes> Channels<L> for Apart {
    #[inline(always)]
    fn source(self) -> isize {
        self.src
    }
    #[inline(always)]
    fn weights(self, channel: usize) -> isize {
        (channel * self.products) as isize
    }
    #[inline(always)]
    fn count(self) -> usize {
        self.count
    }
    #[inline(always)]
    fn products(self) -> isize {
        self.products as isize
    }
    #[inline(always)]
    unsafe fn load(self, l: L, src: L::Src) -> L::Vector {
        // SAFETY: the first `count` offsets lead to the channels' sources.
        unsafe { l.load_gather(src, self.offsets, self.count) }
    }
    #[inline(always)]
    unsafe fn load_weights(self, l: L, weights: L::Src) -> L::Vector {
        let offsets = core::array::from_fn(|lane| lane * self.products);
        // SAFETY: `count` weights start here, `products` apart.
        unsafe {
            if self.products == 1 {
                l.load_partial(weights, self.count)
            } else {
                l.load_gather(weights, offsets, self.count)
            }
        }
    }
}

impl Summed {
    fn offsets(self) -> [usize; LANES] {
        core::array::from_fn(|lane| lane * self.products)
    }
}

impl<L: Lanes> Channels<L> for Summed {
    #[inline(always)]
    fn source(self) -> isize {
        self.src
    }
    #[inline(always)]
    fn weights(self, channel: usize) -> isize {
        (channel * self.products) as isize
    }
    #[inline(always)]
    fn count(self) -> usize {
        self.count
    }
    #[inline(always)]
    fn products(self) -> isize {
        self.products as isize
    }
    #[inline(always)]
    unsafe fn load(self, l: L, src: L::Src) -> L::Vector {
        // SAFETY: `count` channels start here, `products` apart.
        unsafe { l.load_gather(src, self.offsets(), self.count) }
    }
    #[inline(always)]
    unsafe fn load_weights(self, l: L, weights: L::Src) -> L::Vector {
        // SAFETY: as for the source.
        unsafe { l.load_gather(weights, self.offsets(), self.count) }
    }
}

impl<L: Lanes> Channels<L> for Contiguous {
    const RARE: bool = false;

    #[inline(always)]
    fn count(self) -> usize {
        LANES
    }
    #[inline(always)]
    unsafe fn load(self, l: L, src: L::Src) -> L::Vector {
        // SAFETY: four channels start here.
        unsafe { l.load(src) }
    }
}

impl<L: Lanes> Channels<L> for Partial {
    #[inline(always)]
    fn count(self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn load(self, l: L, src: L::Src) -> L::Vector {
        // SAFETY: `count` channels start here.
        unsafe { l.load_partial(src, self.count) }
    }
}

impl<L: Lanes> Channels<L> for Splat {
    #[inline(always)]
    fn source(self) -> isize {
        self.src
    }
    #[inline(always)]
    fn count(self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn load(self, l: L, src: L::Src) -> L::Vector {
        // SAFETY: the source channel is here.
        unsafe { l.load_splat(src) }
    }
}

impl<L: Lanes> Channels<L> for Gather {
    #[inline(always)]
    fn source(self) -> isize {
        self.src
    }
    #[inline(always)]
    fn count(self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn load(self, l: L, src: L::Src) -> L::Vector {
        // SAFETY: the first `count` offsets lead to the channels' sources.
        unsafe { l.load_gather(src, self.offsets, self.count) }
    }
}
