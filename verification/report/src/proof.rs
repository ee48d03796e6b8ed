//! The lines that the proof prints of each pass:
//!
//! ```text
//! proven pass=forward shapes=31096 instances=47 results=13241820 operations=73402172 seconds=15
//! ```

use anyhow::{Context, Result, ensure};

/// What is proven of a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// The pass.
    pub pass: String,
    /// Shapes.
    pub shapes: u64,
    /// Results that are the specified expression.
    pub results: u64,
    /// Operations in these expressions.
    pub operations: u64,
    /// Time taken.
    pub seconds: u64,
}

/// The passes, in their order; tests print them in any.
const PASSES: [&str; 4] = ["forward", "grad_input", "grad_weight", "grad_bias"];

/// Finds the lines in what the tests printed.
///
/// # Errors
/// A line that lacks something, or no line.
pub fn parse(text: &str) -> Result<Vec<Proven>> {
    let lines = text.lines().filter_map(|line| line.split_once("proven pass=").map(|(_, of)| of));
    let mut proven: Vec<_> = lines.map(line).collect::<Result<_>>()?;
    ensure!(!proven.is_empty(), "nothing is proven there");
    proven.sort_by_key(|of| PASSES.iter().position(|pass| *pass == of.pass));
    Ok(proven)
}

fn line(of: &str) -> Result<Proven> {
    let number = |name: &str| {
        let words = of.split_whitespace().filter_map(|word| word.split_once('='));
        let value = words.clone().find_map(|(key, value)| (key == name).then_some(value));
        value.and_then(|value| value.parse().ok()).with_context(|| format!("no {name} in {of}"))
    };
    Ok(Proven {
        pass: of.split_whitespace().next().context("no pass")?.into(),
        shapes: number("shapes")?,
        results: number("results")?,
        operations: number("operations")?,
        seconds: number("seconds")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_among_others() {
        let text = "test a ... proven pass=forward shapes=3 instances=2 results=40 operations=50 seconds=1\nok";
        let proven =
            Proven { pass: "forward".into(), shapes: 3, results: 40, operations: 50, seconds: 1 };
        assert_eq!(parse(text).unwrap(), [proven]);
    }

    #[test]
    fn passes_are_in_their_order() {
        let line = |pass| format!("proven pass={pass} shapes=1 results=1 operations=1 seconds=1\n");
        let proven = parse(&(line("grad_bias") + &line("forward"))).unwrap();
        assert_eq!([&proven[0].pass, &proven[1].pass], ["forward", "grad_bias"]);
    }

    #[test]
    fn nothing_proven_is_no_proof() {
        assert!(parse("ok").is_err());
        assert!(parse("proven pass=forward shapes=three").is_err());
    }
}
