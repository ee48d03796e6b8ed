//! A page of Markdown some parts of which are made: each between `<!-- made: NAME -->` and `<!-- end -->`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

const BEGIN: &str = "<!-- made: ";
const END: &str = "<!-- end -->";

/// The page with `parts` in their places. Every part has a place, and every place a part.
pub fn fill(page: &str, parts: &BTreeMap<&'static str, String>) -> Result<String> {
    let mut pieces = page.split(BEGIN);
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    let mut places = Vec::new();
    for piece in pieces {
        let (name, rest) =
            piece.split_once(" -->").context("a place without an end of its name")?;
        let (_, after) = rest.split_once(END).with_context(|| format!("{name} has no end"))?;
        let part = parts.get(name).with_context(|| format!("nothing is made for {name}"))?;
        filled += &format!("{BEGIN}{name} -->\n\n{}\n\n{END}{after}", part.trim_end());
        places.push(name);
    }
    for name in parts.keys() {
        ensure!(places.contains(name), "the page has no place for {name}");
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_into_their_places() {
        let page = "# A\n<!-- made: a -->\nold\n<!-- end -->\nB\n<!-- made: b --><!-- end -->";
        let parts = BTreeMap::from([("a", "new\n".to_owned()), ("b", "c".to_owned())]);
        let filled = fill(page, &parts).unwrap();
        assert_eq!(
            filled,
            "# A\n<!-- made: a -->\n\nnew\n\n<!-- end -->\nB\n<!-- made: b -->\n\nc\n\n<!-- end -->"
        );
        assert_eq!(fill(&filled, &parts).unwrap(), filled);
        assert!(fill("no place", &parts).is_err());
        assert!(fill(page, &BTreeMap::new()).is_err());
        assert!(fill("<!-- made: a -->", &parts).is_err());
    }
}
