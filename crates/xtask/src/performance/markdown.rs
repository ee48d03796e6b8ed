//! Tables in Markdown.

/// A table: the columns, the first of words, and rows of as many cells.
pub fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heading: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
    let rule: Vec<_> =
        (0..columns.len()).map(|i| if i == 0 { "---" } else { "--:" }.to_owned()).collect();
    let rows = rows.into_iter().map(|row| line(&row));
    [line(&heading), line(&rule)].into_iter().chain(rows).collect()
}

/// A number with so many digits behind the point; nothing for NaN.
pub fn number(value: f64, digits: usize) -> String {
    if value.is_nan() { String::new() } else { format!("{value:.digits$}") }
}

/// How many times as long something else takes: in italics where that is less than once.
pub fn times(value: f64) -> String {
    match value {
        _ if value.is_nan() => String::new(),
        _ if value < 1.0 => format!("*{value:.2}*"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_in_italics() {
        let row = vec!["b".into(), number(1.25, 1), times(0.5) + &times(2.0)];
        let expected = "| a | x | y |\n| --- | --: | --: |\n| b | 1.2 | *0.50*2.00 |\n";
        assert_eq!(table(&["a", "x", "y"], [row]), expected);
        assert_eq!(times(f64::NAN) + &number(f64::NAN, 2), "");
    }
}
