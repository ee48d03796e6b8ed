use core::mem::MaybeUninit;

/// `N` copies of a vector, 8 at most.
///
/// `[vector; N]` is a loop over memory until late in LLVM's optimisation. Its reassociation has ordered the terms of each sum by then, and
/// takes sums that are in memory for younger than products that are not: it puts the products first, and all of them wait in registers.
#[inline(always)]
pub fn copies<V: Copy, const N: usize>(vector: V) -> [V; N] {
    const { assert!(N <= 8) };
    let mut copies = [const { MaybeUninit::uninit() }; N];
    macro_rules! write {
        ($($i:literal)*) => {
            $(if $i < N {
                copies[$i].write(vector);
            })*
        };
    }
    write!(0 1 2 3 4 5 6 7);
    // SAFETY: all N have been written.
    unsafe { (&raw const copies).cast::<[V; N]>().read() }
}
