//! Numbers as people read them.

/// With spaces between groups of three digits: 161 259.
pub fn whole(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            // A narrow space that no line is broken at.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// To three digits, with a unit: 13.2 M.
pub fn short(number: u64) -> String {
    let units = [(1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| number >= *unit) else {
        return whole(number);
    };
    let unit = if name == "k" { 1000 } else { unit };
    let value = number as f64 / unit as f64;
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}\u{202f}{name}")
}

/// A share: 98.5 %. Nothing but all is 100 %.
pub fn percent(share: f64) -> String {
    let tenths = (1000.0 * share).floor() / 10.0;
    let decimals = usize::from(tenths < 100.0);
    format!("{tenths:.decimals$}\u{202f}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: String) -> String {
        text.replace('\u{202f}', " ")
    }

    #[test]
    fn whole_numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (161_259, "161 259")] {
            assert_eq!(plain(whole(number)), text);
        }
    }

    #[test]
    fn large_numbers_are_short() {
        for (number, text) in
            [(9999, "9 999"), (10_000, "10.0 k"), (1_234_567, "1.23 M"), (345_678_901, "346 M")]
        {
            assert_eq!(plain(short(number)), text);
        }
    }

    #[test]
    fn only_all_is_all() {
        assert_eq!(plain(percent(1.0)), "100 %");
        assert_eq!(plain(percent(0.99999)), "99.9 %");
        assert_eq!(plain(percent(0.99)), "99.0 %");
    }
}
