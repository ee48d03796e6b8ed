//! Finding the kernels in a compiler's assembly listing.

use std::collections::HashMap;

/// A function's lines in a listing.
pub struct Function<'a> {
    /// The mangled name.
    pub symbol: &'a str,
    /// The lines after the one with the name.
    pub body: Vec<&'a str>,
}

/// The Rust functions in `assembly`.
pub fn functions(assembly: &str) -> Vec<Function<'_>> {
    let mut functions: Vec<Function> = Vec::new();
    let mut inside = false;
    for line in assembly.lines() {
        if let Some(symbol) = line.strip_suffix(':').filter(|name| name.starts_with("_R")) {
            functions.push(Function { symbol, body: Vec::new() });
            inside = true;
        } else if line.starts_with(".Lfunc_end") || line.trim() == "end_function" {
            inside = false;
        } else if let Some(function) = functions.last_mut().filter(|_| inside) {
            function.body.push(line);
        }
    }
    functions
}

/// The name of the kernel among `names` that `symbol` is, instantiated with the lane token `token`.
pub fn kernel<'n>(symbol: &str, names: &[&'n str], token: &str) -> Option<&'n str> {
    let path = format!("{:#}", rustc_demangle::demangle(symbol));
    let (path, argument) = path.strip_suffix('>')?.split_once("::<")?;
    let name = path.rsplit("::").next()?;
    let is_token = argument.rsplit("::").next() == Some(token);
    names.iter().copied().find(|known| is_token && *known == name)
}

/// The function that begins at `start` and all that it calls, and these call, by index.
pub fn reachable(functions: &[Function], start: usize) -> Vec<usize> {
    let indices: HashMap<_, _> =
        functions.iter().enumerate().map(|(index, function)| (function.symbol, index)).collect();
    let mut reached = vec![start];
    let mut done = 0;
    while let Some(&index) = reached.get(done) {
        let words = functions[index].body.iter().flat_map(|line| line.split([' ', '\t', ',', ':']));
        for called in words.filter_map(|word| indices.get(word).copied()) {
            if !reached.contains(&called) {
                reached.push(called);
            }
        }
        done += 1;
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEON: &str = "_RINvNtCseGCnbQK9awi_17depthwise_kernels5table26forward_f32_nhwc_3s1_1x2x4\
        NtNtCs8ZiyQpZ5CNB_15depthwise_lanes4neon4NeonECsiPQA24C5DJ1_9depthwise";
    const SIMD128: &str = "_RINvNtCs91cQFTSND1f_17depthwise_kernels5table26forward_f32_nhwc_3s1_\
        4x4x1NtNtCslFNadXvaDxn_15depthwise_lanes7simd1287Simd128ECs26Xt1ZI1hy9_9depthwise";

    const NAMES: [&str; 2] = ["forward_f32_nhwc_3s1_1x2x4", "forward_f32_nhwc_3s1_4x4x1"];

    #[test]
    fn kernels_are_known_by_name_and_token() {
        assert_eq!(kernel(NEON, &NAMES, "Neon"), Some(NAMES[0]));
        assert_eq!(kernel(SIMD128, &NAMES, "Simd128"), Some(NAMES[1]));
        assert_eq!(kernel(NEON, &NAMES[1..], "Neon"), None);
        assert_eq!(kernel(NEON, &NAMES, "Simd128"), None);
        assert_eq!(kernel(SIMD128, &NAMES, "Simd128Relaxed"), None);
        assert_eq!(kernel("_RNvCs1234_7mycrate3foo", &NAMES, "Neon"), None);
    }

    #[test]
    fn closures_of_kernels_are_no_kernels() {
        let closure = "_RNCINvNtNtCs5VeeuilA2t4_17depthwise_kernels6reduce4nhwc4tapsNtNtCs8Hk6LlTQYoQ\
            _15depthwise_lanes4neon4NeonKj2_Kj7_NCINvNtB8_5table30grad_weight_f32_nhwc_7s1_2x4x1BW\
            _E0E0Cs2jXrFZEXHTQ_9depthwise";
        assert_eq!(kernel(closure, &["grad_weight_f32_nhwc_7s1_2x4x1"], "Neon"), None);
    }

    #[test]
    fn what_is_called_is_reachable() {
        let function = |symbol, body| Function { symbol, body };
        let functions = [
            function("_Ra", vec!["\tbl\t_Rc", "\tb\t.L1", "\tbl\tmemcpy"]),
            function("_Rb", vec!["\tb\t_Ra"]),
            function("_Rc", vec!["\tcall\t_Rd", "\tbl _Rc", "\tbl _Ra"]),
            function("_Rd", vec!["\tadd\tx0, x0, :lo12:_Re"]),
            function("_Re", vec![]),
        ];
        assert_eq!(reachable(&functions, 0), [0, 2, 3, 4]);
        assert_eq!(reachable(&functions, 1), [1, 0, 2, 3, 4]);
        assert_eq!(reachable(&functions, 4), [4]);
    }

    #[test]
    fn functions_end_where_the_listing_says() {
        let assembly = "\t.file\t\"x\"\n_RNvA:\n\tret\n.Lfunc_end0:\n\t.size\n\
            _RNvB:\n\tend_function\n\tnop\nother:\n";
        let functions = functions(assembly);
        let found: Vec<_> = functions.iter().map(|f| (f.symbol, f.body.as_slice())).collect();
        assert_eq!(found, [("_RNvA", &["\tret"][..]), ("_RNvB", &[][..])]);
    }
}
