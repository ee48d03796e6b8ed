//! Finding the kernels in a compiler's assembly listing.

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

/// The kernel's name if `symbol` is a kernel instantiated with the lane token `token`.
///
/// Generic arguments besides the token become part of the name: `forward_f32_nhwc_3s1_2x2x1<true>`.
pub fn kernel(symbol: &str, token: &str) -> Option<String> {
    let path = format!("{:#}", rustc_demangle::demangle(symbol));
    if let Some((_, leaf)) = path.split_once("::reduce::").and(path.split_once("::table::")) {
        // The loops of a weight gradient are where the tree of its sums calls its closure.
        let (name, rest) = leaf.split_once('<')?;
        let (argument, _) = rest.split_once('>')?;
        let known = is_kernel_name(name) && argument.rsplit("::").next() == Some(token);
        return known.then(|| name.to_owned());
    }
    let (path, arguments) = path.strip_suffix('>')?.split_once("::<")?;
    let name = path.rsplit("::").next()?;
    if !is_kernel_name(name) {
        return None;
    }
    let is_token = |argument: &&str| argument.rsplit("::").next() == Some(token);
    let (tokens, others): (Vec<_>, Vec<_>) = arguments.split(", ").partition(is_token);
    match (tokens.len(), others.as_slice()) {
        (1, []) => Some(name.to_owned()),
        (1, others) => Some(format!("{name}<{}>", others.join(", "))),
        _ => None,
    }
}

/// Whether `name` is `{pass}_{dtype}_{layout}_{parameters}`.
fn is_kernel_name(name: &str) -> bool {
    let Some(rest) =
        ["forward_", "grad_input_", "grad_weight_"].iter().find_map(|pass| name.strip_prefix(pass))
    else {
        return false;
    };
    let mut words = rest.splitn(3, '_').skip(1);
    matches!(words.next(), Some("nhwc" | "nchw"))
        && words.next().is_some_and(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEON: &str = "_RINvNtCseGCnbQK9awi_17depthwise_kernels5table26forward_f32_nhwc_3s1_1x2x1\
        NtNtCs8ZiyQpZ5CNB_15depthwise_lanes4neon4NeonECsiPQA24C5DJ1_9depthwise";
    const SIMD128: &str = "_RINvNtCs91cQFTSND1f_17depthwise_kernels5table26forward_f32_nhwc_3s1_\
        4x4x1NtNtCslFNadXvaDxn_15depthwise_lanes7simd1287Simd128ECs26Xt1ZI1hy9_9depthwise";

    #[test]
    fn loops_of_weight_gradients_are_known_by_their_closure() {
        let symbol = "_RNCINvNtNtCs5VeeuilA2t4_17depthwise_kernels6reduce4nhwc4tapsNtNtCs8Hk6LlTQYoQ\
            _15depthwise_lanes4neon4NeonKj2_Kj7_NCINvNtB8_5table30grad_weight_f32_nhwc_7s1_2x4x1BW\
            _E0E0Cs2jXrFZEXHTQ_9depthwise";
        assert_eq!(kernel(symbol, "Neon").as_deref(), Some("grad_weight_f32_nhwc_7s1_2x4x1"));
        assert_eq!(kernel(symbol, "Simd128"), None);
    }

    #[test]
    fn kernels_are_known_by_name_and_token() {
        assert_eq!(kernel(NEON, "Neon").as_deref(), Some("forward_f32_nhwc_3s1_1x2x1"));
        assert_eq!(kernel(SIMD128, "Simd128").as_deref(), Some("forward_f32_nhwc_3s1_4x4x1"));
        assert_eq!(kernel(NEON, "Simd128"), None);
        assert_eq!(kernel(SIMD128, "Simd128Relaxed"), None);
        assert_eq!(kernel("_RNvCs1234_7mycrate3foo", "Neon"), None);
    }

    #[test]
    fn names_of_all_passes_and_layouts_are_kernel_names() {
        for name in [
            "forward_f32_nhwc_3s1_3x4x1",
            "grad_input_f32_nchw_5s2_2x2x1",
            "grad_weight_f16_nhwc_x",
        ] {
            assert!(is_kernel_name(name), "{name}");
        }
        for name in [
            "forward",
            "forward_f32_nhwc",
            "forward_f32_nhwc_",
            "forward_f32_chw_3s1",
            "backward_f32_nhwc_3s1",
        ] {
            assert!(!is_kernel_name(name), "{name}");
        }
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
