/// A position in a tensor, moved in elements.
pub trait Cursor: Copy {
    /// `offset` elements on (or back). The result may lie outside the tensor, as the place after
    /// the last row does, as long as it is not read or written.
    #[must_use]
    fn step(self, offset: isize) -> Self;

    /// `offset` elements on, to a place that is about to be read or written.
    ///
    /// # Safety
    /// - The tensor has at least `offset` elements after this position.
    #[must_use]
    unsafe fn add(self, offset: usize) -> Self;
}

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
            unsafe fn add(self, offset: usize) -> Self {
                if cfg!(debug_assertions) {
                    return self.step(offset as isize);
                }
                // SAFETY: the caller keeps the result inside the tensor.
                Self { pointer: unsafe { self.pointer.add(offset) }, ..self }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(debug_assertions)]
    fn debug_builds_check_every_access() {
        let tensor = [0.0; 8];
        let src = Src::new(&tensor);
        let refused = |src: Src, len| std::panic::catch_unwind(|| src.access(len)).is_err();
        assert!(!refused(src, 8) && !refused(src.step(7), 1) && !refused(src.step(9).step(-5), 4));
        assert!(refused(src, 9) && refused(src.step(8), 1) && refused(src.step(-1), 1));
    }
}
