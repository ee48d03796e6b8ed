//! Charts: SVG that says in words what it shows, for pages that have the same numbers in a table.

use askama::Template;

/// Width of a chart: that of a phone, so that its text is never smaller than the page's.
const WIDTH: f64 = 320.0;
/// Height of a bar with its label.
const ROW: f64 = 36.0;
/// Squares beside each other, and the distance between them.
const SQUARES: usize = 20;
const PITCH: f64 = WIDTH / SQUARES as f64;

/// Horizontal bars.
#[derive(Template)]
#[template(path = "bars.svg")]
pub struct Bars {
    /// Identifies the chart on its page.
    id: &'static str,
    title: String,
    bars: Vec<Bar>,
    /// A line that no bar may cross.
    limit: Option<&'static str>,
    width: f64,
    height: f64,
}

struct Bar {
    label: String,
    value: String,
    /// Where its text and its rectangle are.
    text: f64,
    top: f64,
    length: f64,
}

impl Bars {
    /// Bars of `(label, value, value in words)`, the longest as wide as the chart.
    pub fn new(id: &'static str, title: String, rows: Vec<(String, f64, String)>) -> Self {
        let most = rows.iter().map(|(_, value, _)| *value).fold(f64::MIN_POSITIVE, f64::max);
        Self::scaled(id, title, rows, most, None)
    }

    /// Bars of shares of a limit that is named at the right edge.
    pub fn of_limit(
        id: &'static str,
        title: String,
        rows: Vec<(String, f64, String)>,
        limit: &'static str,
    ) -> Self {
        Self::scaled(id, title, rows, 1.0, Some(limit))
    }

    fn scaled(
        id: &'static str,
        title: String,
        rows: Vec<(String, f64, String)>,
        most: f64,
        limit: Option<&'static str>,
    ) -> Self {
        let head = if limit.is_some() { 20.0 } else { 0.0 };
        let bar = |(at, (label, value, text)): (usize, (String, f64, String))| {
            let top = head + ROW * at as f64;
            let length = WIDTH * (value / most).clamp(0.0, 1.0);
            Bar { label, value: text, text: top + 14.0, top: top + 20.0, length }
        };
        let height = head + ROW * rows.len() as f64;
        let bars = rows.into_iter().enumerate().map(bar).collect();
        Self { id, title, bars, limit, width: WIDTH, height }
    }
}

/// A square for each thing that is complete, or isn't.
#[derive(Template)]
#[template(path = "squares.svg")]
pub struct Squares {
    id: &'static str,
    title: String,
    squares: Vec<Square>,
    width: f64,
    height: f64,
    side: f64,
}

struct Square {
    label: String,
    complete: bool,
    x: f64,
    y: f64,
}

impl Squares {
    /// Squares of `(label, whether it is complete)`.
    pub fn new(id: &'static str, title: String, things: Vec<(String, bool)>) -> Self {
        let height = PITCH * things.len().div_ceil(SQUARES) as f64;
        let square = |(at, (label, complete)): (usize, (String, bool))| Square {
            label,
            complete,
            x: PITCH * (at % SQUARES) as f64,
            y: PITCH * (at / SQUARES) as f64,
        };
        let squares = things.into_iter().enumerate().map(square).collect();
        Self { id, title, squares, width: WIDTH, height, side: PITCH - 3.0 }
    }

    /// Whether everything is complete.
    pub fn are_complete(&self) -> bool {
        self.squares.iter().all(|square| square.complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let rows = [1.0, 4.0].map(|value| (format!("<{value}>"), value, format!("{value} s")));
        let svg = Bars::new("times", "Times".into(), rows.into()).render().unwrap();
        assert!(svg.contains(r#"width="80""#) && svg.contains(r#"width="320""#), "{svg}");
        assert!(svg.contains("&#60;1&#62;") && !svg.contains("<1>"), "{svg}");
    }

    #[test]
    fn nothing_is_longer_than_the_chart() {
        let rows = vec![("a".into(), 7.0, "7".into())];
        let svg = Bars::of_limit("shares", "Shares".into(), rows, "the bound").render().unwrap();
        assert!(svg.contains(r#"width="320""#) && svg.contains("the bound"), "{svg}");
    }

    #[test]
    fn what_is_not_complete_looks_so() {
        let things = vec![("a".into(), true), ("b".into(), false)];
        let svg = Squares::new("kernels", "Kernels".into(), things).render().unwrap();
        assert_eq!([svg.matches("missing").count(), svg.matches("<rect").count()], [1, 2]);
    }
}
