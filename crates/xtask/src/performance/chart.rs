//! Charts of ratios: a row for each layer, a dot for each library, on a logarithmic scale.

use std::fmt::Write;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 220.0;
const RIGHT: f64 = 936.0;
const TOP: f64 = 96.0;
const ROW: f64 = 22.0;
const COLOURS: [&str; 6] = ["#0969da", "#bc4c00", "#1a7f37", "#8250df", "#cf222e", "#57606a"];

/// A chart.
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// With what, where and when.
    pub subtitle: String,
    /// What a dot at 1 means.
    pub unit: String,
    /// What the dots stand for.
    pub series: Vec<String>,
    /// Groups of rows: a heading, and the rows.
    pub groups: Vec<(String, Vec<Row>)>,
}

/// A name, and a value for each of the series, NaN where there is none.
pub type Row = (String, Vec<f64>);

impl Chart {
    /// The chart as an SVG document.
    pub fn svg(&self) -> String {
        let rows: usize = self.groups.iter().map(|(_, rows)| rows.len() + 1).sum();
        let height = TOP + ROW * rows as f64 + 40.0;
        let (low, high) = self.range();
        let x = |value: f64| LEFT + (RIGHT - LEFT) * (value / low).ln() / (high / low).ln();
        let bottom = height - 36.0;
        let mut svg = String::new();
        let mut line = |text: String| {
            svg.push_str(&text);
            svg.push('\n');
        };
        line(format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title subtitle" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">
<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>
<text id="title" x="16" y="26" font-size="17" font-weight="600">{}</text>
<text id="subtitle" x="16" y="46" fill="#59636e">{}</text>"##,
            escape(&self.title),
            escape(&self.subtitle)
        ));
        line(self.legend());
        for tick in ticks(low, high) {
            let (x, stroke) = (x(tick), if tick == 1.0 { "#1f2328" } else { "#d1d9e0" });
            line(format!(
                r##"<line x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom:.1}" stroke="{stroke}"/><text x="{x:.1}" y="{:.1}" text-anchor="middle" fill="#59636e">{tick}</text>"##,
                bottom + 16.0
            ));
        }
        line(format!(
            r##"<text x="{RIGHT}" y="{:.1}" text-anchor="end" fill="#59636e">{}</text>"##,
            bottom + 32.0,
            escape(&self.unit)
        ));
        let mut y = TOP;
        for (heading, rows) in &self.groups {
            y += ROW;
            line(format!(
                r#"<text x="16" y="{:.1}" font-weight="600">{}</text>"#,
                y - 6.0,
                escape(heading)
            ));
            for (name, values) in rows {
                y += ROW;
                line(self.row(name, values, y - ROW / 2.0, x));
            }
        }
        line("</svg>".to_owned());
        svg
    }

    fn row(&self, name: &str, values: &[f64], y: f64, x: impl Fn(f64) -> f64) -> String {
        let mut row = format!(
            r##"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text><line x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}" stroke="#eaeef2"/>"##,
            LEFT - 8.0,
            y + 4.0,
            escape(name)
        );
        for ((series, value), colour) in self.series.iter().zip(values).zip(COLOURS) {
            if value.is_finite() {
                let _ = write!(
                    row,
                    r#"<circle cx="{:.1}" cy="{y:.1}" r="5" fill="{colour}"><title>{}, {}: {value:.2}</title></circle>"#,
                    x(*value),
                    escape(name),
                    escape(series)
                );
            }
        }
        row
    }

    fn legend(&self) -> String {
        let mut legend = String::new();
        let mut x = 16.0;
        for (series, colour) in self.series.iter().zip(COLOURS) {
            let _ = write!(
                legend,
                r#"<circle cx="{:.1}" cy="68" r="5" fill="{colour}"/><text x="{:.1}" y="72">{}</text>"#,
                x + 5.0,
                x + 15.0,
                escape(series)
            );
            x += 40.0 + 7.0 * series.chars().count() as f64;
        }
        legend
    }

    /// From the least to the largest value, with 1 among them.
    fn range(&self) -> (f64, f64) {
        let rows = self.groups.iter().flat_map(|(_, rows)| rows);
        let values = rows.flat_map(|(_, values)| values).filter(|value| value.is_finite());
        let (low, high) =
            values.fold((1.0, 1.0), |(low, high): (f64, f64), &v| (low.min(v), high.max(v)));
        (low / 1.15, high * 1.15)
    }
}

/// Round numbers within a range.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let all = exponents.flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| (digit, exponent)));
    // Divided, for 5 / 10 is exactly what 0.5 is.
    let all = all.map(|(digit, exponent)| match exponent {
        0.. => digit * 10_f64.powi(exponent),
        _ => digit / 10_f64.powi(-exponent),
    });
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_dot_for_each_value() {
        let chart = Chart {
            title: "a < b".into(),
            subtitle: "c".into(),
            unit: "times".into(),
            series: vec!["x".into(), "y".into()],
            groups: vec![("g".into(), vec![("r".into(), vec![0.5, f64::NAN])])],
        };
        let svg = chart.svg();
        assert!(svg.contains("a &lt; b") && svg.contains("<title>r, x: 0.50</title>"));
        assert_eq!(svg.matches("r=\"5\"").count(), 2 + 1);
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.3, 6.0), [0.5, 1.0, 2.0, 5.0]);
        assert_eq!(ticks(0.9, 130.0), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
    }
}
