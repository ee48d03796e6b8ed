/// A position in a tensor, moved in elements.
pub trait Cursor: Copy {
    /// `offset` elements on (or back). The result may lie outside the tensor, as the place after
    /// the last row does, as long as it is not read or written.
    #[must_use]
    fn step(self, offset: isize) -> Self;

    /// The same position, with its origin hidden from the optimiser.
    ///
    /// A loop that reads many columns of each row has one position that moves from row to row.
    /// LLVM's loop strength reduction would rather move a pointer for each column, at two additions
    /// a load and far more integer registers than there are.
    #[must_use]
    fn anew(self) -> Self;

    /// A distance of so many elements, for [`apart`](Self::apart), hidden from the optimiser.
    ///
    /// LLVM would compute the distances of a tile's columns again in each block of code that uses them.
    #[inline(always)]
    #[must_use]
    fn distance(elements: isize) -> isize {
        elements
    }

    /// The position a [`distance`](Self::distance) from this one.
    #[inline(always)]
    #[must_use]
    fn apart(self, distance: isize) -> Self {
        self.step(distance)
    }

    /// The position a [`distance`](Self::distance) from this one, which is one `step` from `previous`: found from the one from
    /// which it takes less, as with [`nth`](Self::nth).
    #[inline(always)]
    #[must_use]
    fn far(self, distance: isize, step: isize, previous: Self) -> Self {
        let _ = (step, previous);
        self.apart(distance)
    }

    /// The position `index` steps from this one, which is one step from `previous`: found from the one from which it
    /// takes less. WebAssembly's loads have no register for a distance, so that each distance would be one more to be kept.
    #[inline(always)]
    #[must_use]
    fn nth(self, index: usize, step: isize, previous: Self) -> Self {
        let _ = previous;
        self.step(index as isize * step)
    }
}

/// A pointer of which the optimiser knows nothing but that it is the given one.
#[cfg(all(any(target_arch = "aarch64", target_arch = "x86_64"), not(miri)))]
macro_rules! opaque {
    ($pointer:expr) => {{
        let mut pointer = $pointer;
        #[allow(
            clippy::pointers_in_nomem_asm_block,
            reason = "the pointer is not followed: there is no instruction"
        )]
        // SAFETY: there is no instruction, so nothing happens but that the pointer may have changed,
        // for all the compiler knows.
        unsafe {
            core::arch::asm!(
                "/* {0} */",
                inout(reg) pointer,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        pointer
    }};
}
#[cfg(target_arch = "wasm32")]
macro_rules! opaque {
    ($pointer:expr) => {
        // SAFETY: a static is valid for reads.
        $pointer.wrapping_offset(unsafe { (&raw const NOWHERE).read_volatile() })
    };
}
#[cfg(not(any(
    target_arch = "wasm32",
    all(any(target_arch = "aarch64", target_arch = "x86_64"), not(miri))
)))]
macro_rules! opaque {
    ($pointer:expr) => {
        core::hint::black_box($pointer)
    };
}

/// No distance, as far as the optimiser knows one. WebAssembly has no `asm!`, and `black_box` would pass each
/// position through memory, from which it comes back later than the addition that this is.
#[cfg(target_arch = "wasm32")]
static NOWHERE: isize = 0;

macro_rules! cursor {
    ($(#[$doc:meta])* $name:ident, $pointer:ty, $slice:ty, $from:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            pointer: $pointer,
            #[cfg(debug_assertions)]
            tensor: (usize, usize),
        }

        impl $name {
            /// The first element of `tensor`. Nothing ties the position to the borrow: whoever
            /// reads or writes through it promises that the borrow still lives.
            #[must_use]
            pub fn new(tensor: $slice) -> Self {
                Self {
                    #[cfg(debug_assertions)]
                    tensor: (tensor.as_ptr() as usize, tensor.len()),
                    pointer: tensor.$from(),
                }
            }

            /// The position at `pointer`, in the same tensor.
            #[cfg(all(target_arch = "aarch64", not(miri)))]
            #[inline(always)]
            pub(crate) fn at(self, pointer: $pointer) -> Self {
                Self { pointer, ..self }
            }

            /// The address, in debug builds only if `len` elements from it lie in the tensor.
            #[inline(always)]
            pub(crate) fn access(self, len: usize) -> $pointer {
                #[cfg(debug_assertions)]
                {
                    let (start, elements) = self.tensor;
                    let bytes = (self.pointer as usize).wrapping_sub(start);
                    let first = bytes / size_of::<f32>();
                    assert!(
                        bytes % size_of::<f32>() == 0 && first + len <= elements,
                        "{len} elements from {} of {elements}", first as isize
                    );
                }
                let _ = len;
                self.pointer
            }
        }

        impl Cursor for $name {
            #[inline(always)]
            fn step(self, offset: isize) -> Self {
                Self { pointer: self.pointer.wrapping_offset(offset), ..self }
            }

            #[inline(always)]
            fn anew(self) -> Self {
                Self { pointer: opaque!(self.pointer), ..self }
            }

            #[cfg(not(target_arch = "wasm32"))]
            #[inline(always)]
            fn distance(elements: isize) -> isize {
                opaque!(elements.wrapping_mul(size_of::<f32>() as isize))
            }

            #[cfg(not(target_arch = "wasm32"))]
            #[inline(always)]
            fn apart(self, distance: isize) -> Self {
                Self { pointer: self.pointer.wrapping_byte_offset(distance), ..self }
            }

            #[cfg(target_arch = "wasm32")]
            #[inline(always)]
            fn far(self, _distance: isize, step: isize, previous: Self) -> Self {
                previous.step(step)
            }

            #[cfg(target_arch = "wasm32")]
            #[inline(always)]
            fn nth(self, _index: usize, step: isize, previous: Self) -> Self {
                previous.step(step)
            }
        }
    };
}

cursor! {
    /// A position in a tensor of `f32` that is read.
    Src, *const f32, &[f32], as_ptr
}
cursor! {
    /// A position in a tensor of `f32` that is written.
    Dst, *mut f32, &mut [f32], as_mut_ptr
}

impl Dst {
    /// The same position, to be read.
    #[inline(always)]
    pub(crate) fn read(self) -> Src {
        Src {
            pointer: self.pointer.cast_const(),
            #[cfg(debug_assertions)]
            tensor: self.tensor,
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn debug_builds_check_every_access() {
        let tensor = [0.0; 8];
        let src = Src::new(&tensor);
        let refused = |src: Src, len| std::panic::catch_unwind(|| src.access(len)).is_err();
        assert!(!refused(src, 8) && !refused(src.step(7), 1) && !refused(src.step(9).step(-5), 4));
        assert!(refused(src, 9) && refused(src.step(8), 1) && refused(src.step(-1), 1));
    }
}
