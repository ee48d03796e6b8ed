/// Repeats a block for each `$i` below a constant, 8 at most: spelled out where it is optimised,
/// since LLVM leaves loops of large tiles rolled and then keeps their accumulators in memory; a
/// loop in debug builds.
macro_rules! unroll {
    ($i:ident < $n:expr => $block:block) => {{
        const { assert!($n <= 8) };
        #[cfg(debug_assertions)]
        for $i in 0..$n {
            $block
        }
        #[cfg(not(debug_assertions))]
        unroll!(@ $i $n $block 0 1 2 3 4 5 6 7);
    }};
    (@ $i:ident $n:tt $block:block $($at:literal)*) => {
        $(if $at < $n {
            let $i = $at;
            $block
        })*
    };
}
