//! The roofline chart: speed over arithmetic intensity, both in logarithmic scale.

use std::fmt::Write;

use depthwise_verification::Pass;

use crate::report::{LayerReport, NetworkReport, Report, size};

const SIZE: [f64; 2] = [1040.0, 640.0];
const LEFT: f64 = 64.0;
const RIGHT: f64 = 1016.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 584.0;
/// Layers that still have their names beside them.
const NAMED: usize = 40;
/// Kernel sizes with a colour of their own, and all others.
const COLOURS: [(Option<usize>, &str, &str); 4] = [
    (Some(3), "3×3", "#0969da"),
    (Some(5), "5×5", "#bc4c00"),
    (Some(7), "7×7", "#1a7f37"),
    (None, "other kernels", "#8250df"),
];

/// Places of values on the chart.
struct Scale {
    /// Least and largest operations per byte.
    x: [f64; 2],
    /// Least and largest operations per second.
    y: [f64; 2],
}

impl Scale {
    /// A scale that shows all layers and the peak.
    fn of(report: &Report) -> Self {
        let layers = || layers(report).map(|(_, layer)| layer);
        let slowest = layers().map(|layer| speed(layer, layer.plain_time.max(layer.time)));
        let least = slowest.fold(report.roofline.peak, f64::min);
        // With the places where each bandwidth meets the peak.
        let ridges = report.roofline.bandwidth.iter().map(|roof| report.roofline.peak / roof.rate);
        let (low, high) = layers()
            .map(intensity)
            .chain(ridges)
            .fold((1.0, 1.0), |(low, high): (f64, f64), x| (low.min(x), high.max(x)));
        let x = [(low / 1.1).log2().floor().exp2(), (high * 2.0).log2().ceil().exp2()];
        Self { x, y: [least / 2.0, report.roofline.peak * 1.5] }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (value / self.x[0]).ln() / (self.x[1] / self.x[0]).ln()
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (value / self.y[0]).ln() / (self.y[1] / self.y[0]).ln()
    }

    /// Degrees by which a line of constant bandwidth falls; negative, for it rises.
    fn slope(&self) -> f64 {
        let per_x = (RIGHT - LEFT) / (self.x[1] / self.x[0]).ln();
        let per_y = (BOTTOM - TOP) / (self.y[1] / self.y[0]).ln();
        -per_y.atan2(per_x).to_degrees()
    }
}

/// The chart of a report, as an SVG document.
pub fn chart(report: &Report) -> String {
    let scale = Scale::of(report);
    let mut svg = String::new();
    let [width, height] = SIZE;
    let names: Vec<_> = report.networks.iter().map(|network| network.name.as_str()).collect();
    line(
        &mut svg,
        format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">
<rect width="{width}" height="{height}" fill="#ffffff"/>
<text x="{LEFT}" y="26" font-size="17" font-weight="600">{}</text>
<text x="{LEFT}" y="46" fill="#59636e">{} f32 {} on {} ({}), one thread of {}</text>"##,
            escape(&names.join(", ")),
            report.passes.join(", "),
            report.layout,
            report.isa,
            report.contract,
            escape(&report.host.to_string()),
        ),
    );
    grid(&mut svg, &scale);
    roofs(&mut svg, report, &scale);
    points(&mut svg, report, &scale);
    legend(&mut svg, report);
    svg + "</svg>\n"
}

fn line(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{text}");
}

fn grid(svg: &mut String, scale: &Scale) {
    let powers = std::iter::successors(Some(scale.x[0]), |x| Some(2.0 * x));
    for value in powers.take_while(|&value| value <= scale.x[1] * 1.001) {
        let x = scale.x(value);
        line(
            svg,
            format_args!(
                r##"<path d="M{x:.1} {TOP}V{BOTTOM}" stroke="#eaeef2"/><text x="{x:.1}" y="{:.1}" text-anchor="middle">{value}</text>"##,
                BOTTOM + 18.0,
            ),
        );
    }
    let decades = (-3..=4).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)));
    for value in decades.filter(|value| (scale.y[0]..=scale.y[1]).contains(&(value * 1e9))) {
        let y = scale.y(value * 1e9);
        line(
            svg,
            format_args!(
                r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="#eaeef2"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"##,
                LEFT - 8.0,
                y + 4.0,
                // Without the dust of a power of ten.
                (value * 1e3).round() / 1e3,
            ),
        );
    }
    line(
        svg,
        format_args!(
            r##"<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#59636e"/>
<text x="{:.1}" y="{:.1}" text-anchor="middle">floating-point operations per byte of the tensors</text>
<text transform="translate(20 {:.1}) rotate(-90)" text-anchor="middle">GFLOP/s, padding not counted</text>"##,
            (LEFT + RIGHT) / 2.0,
            BOTTOM + 42.0,
            (TOP + BOTTOM) / 2.0,
        ),
    );
}

fn roofs(svg: &mut String, report: &Report, scale: &Scale) {
    let (peak, bandwidth) = (report.roofline.peak, &report.roofline.bandwidth);
    line(
        svg,
        format_args!(
            r##"<path d="M{LEFT} {:.1}H{RIGHT}" stroke="#1f2328" stroke-width="1.5"/><text x="{:.1}" y="{:.1}" text-anchor="end">{:.1} GFLOP/s in registers</text>"##,
            scale.y(peak),
            RIGHT - 4.0,
            scale.y(peak) - 6.0,
            peak / 1e9,
        ),
    );
    // The caches closest to the core, the ones behind them, and memory.
    let (first, middle, last) =
        (bandwidth.first(), bandwidth.get(bandwidth.len() / 2), bandwidth.last());
    for roof in [first, middle, last].into_iter().flatten() {
        let from = scale.x[0].max(scale.y[0] / roof.rate);
        let to = scale.x[1].min(peak / roof.rate);
        if from >= to {
            continue;
        }
        let place = |x: f64| (scale.x(x), scale.y(x * roof.rate));
        let ((x0, y0), (x1, y1)) = (place(from), place(to));
        line(
            svg,
            format_args!(
                r##"<path d="M{x0:.1} {y0:.1}L{x1:.1} {y1:.1}" stroke="#1f2328" stroke-width="1.2" stroke-dasharray="6 3"/><text transform="translate({:.1} {:.1}) rotate({:.2})" dx="6" dy="-5" fill="#59636e">{:.1} GB/s from {}</text>"##,
                x0,
                y0,
                scale.slope(),
                roof.rate / 1e9,
                size(roof.bytes),
            ),
        );
    }
}

fn points(svg: &mut String, report: &Report, scale: &Scale) {
    let mut labels = Labels::default();
    for (_, layer) in layers(report) {
        labels.taken.push(place(layer, layer.time, scale));
    }
    // The passes of a layer lie above each other.
    let first = |layer: &LayerReport| report.passes.first() == Some(&layer.pass);
    let named = layers(report).filter(|(_, layer)| first(layer)).count() <= NAMED;
    for (network, layer) in layers(report) {
        let colour = colour(layer);
        let (x, y) = place(layer, layer.time, scale);
        let (_, plain) = place(layer, layer.plain_time, scale);
        line(
            svg,
            format_args!(
                r##"<g fill="{colour}" stroke="{colour}"><path d="M{x:.1} {plain:.1}V{y:.1}" stroke-opacity="0.35"/><path d="{}" fill="#ffffff"/><path d="{}" stroke="#ffffff"><title>{} {} {} ×{}
{}
{:.1} µs, {:.2} GFLOP/s, {:.0} % of the roof, {:.2} times as fast as the plain loop</title></path></g>"##,
                mark(layer.pass, x, plain, 3.0),
                mark(layer.pass, x, y, 4.5),
                escape(&network.name),
                escape(&layer.name),
                layer.pass,
                layer.count,
                escape(layer.instance.as_deref().unwrap_or("no instance")),
                layer.time * 1e6,
                speed(layer, layer.time) / 1e9,
                layer.roofline_share * 100.0,
                layer.speedup,
            ),
        );
        if !named || !first(layer) {
            continue;
        }
        if let Some(label) = labels.place(x, y) {
            line(
                svg,
                format_args!(
                    r##"<path d="M{x:.1} {y:.1}L{:.1} {label:.1}" stroke="#afb8c1" stroke-width="0.7"/><text x="{:.1}" y="{:.1}" font-size="10" stroke="#ffffff" stroke-width="3" paint-order="stroke">{}</text>"##,
                    x + Labels::OFFSET - 2.0,
                    x + Labels::OFFSET,
                    label + 3.5,
                    escape(&layer.name),
                ),
            );
        }
    }
}

fn legend(svg: &mut String, report: &Report) {
    const GREY: &str = "#59636e";
    let mut y = BOTTOM - 18.0;
    let mut entry = |pass: &str, fill: &str, stroke: &str, text: &str| {
        line(
            svg,
            format_args!(
                r##"<path d="{}" fill="{fill}" stroke="{stroke}"/><text x="{:.1}" y="{y:.1}" text-anchor="end">{text}</text>"##,
                mark(pass, RIGHT - 12.0, y - 4.0, 4.0),
                RIGHT - 24.0,
            ),
        );
        y -= 18.0;
    };
    let forward = Pass::Forward.name();
    entry(forward, "#ffffff", GREY, "plain loop");
    for pass in report.passes.iter().rev().filter(|_| report.passes.len() > 1) {
        entry(pass, GREY, GREY, pass);
    }
    for (_, name, colour) in COLOURS.iter().rev() {
        if layers(report).any(|(_, layer)| self::colour(layer) == *colour) {
            entry(forward, colour, colour, name);
        }
    }
}

/// The outline of a pass's mark: a circle for forward, and a square, a diamond and a triangle for gradients.
fn mark(pass: &str, x: f64, y: f64, radius: f64) -> String {
    let corners: &[[f64; 2]] = match pass {
        "grad_input" => &[[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
        "grad_weight" => &[[0.0, -1.3], [1.3, 0.0], [0.0, 1.3], [-1.3, 0.0]],
        "grad_bias" => &[[0.0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
        _ => {
            let (left, r) = (x - radius, radius);
            return format!("M{left:.1} {y:.1}a{r} {r} 0 1 1 0 .01z");
        }
    };
    let corners =
        corners.iter().map(|[i, j]| format!("{:.1} {:.1}", x + i * radius, y + j * radius));
    format!("M{}z", corners.collect::<Vec<_>>().join("L"))
}

/// Lines of text that don't cover each other.
#[derive(Default)]
struct Labels {
    /// Left ends that are taken.
    taken: Vec<(f64, f64)>,
}

impl Labels {
    /// From a point to its label.
    const OFFSET: f64 = 14.0;
    /// Room that a label takes.
    const ROOM: [f64; 2] = [118.0, 11.0];

    /// The height of a label for the point at `x`, `y`: as close to it as there is room, if any.
    fn place(&mut self, x: f64, y: f64) -> Option<f64> {
        let left = x + Self::OFFSET;
        let [width, height] = Self::ROOM;
        let shifts = (0..24).flat_map(|step| [f64::from(step), -f64::from(step)]);
        let mut heights = shifts.map(|shift| y + shift * height / 2.0);
        let free = heights.find(|&place| {
            let taken = |&(x, y): &(f64, f64)| {
                (x - left).abs() < width && (y - place).abs() < height && (x, y) != (left, place)
            };
            (TOP..BOTTOM).contains(&place) && !self.taken.iter().any(taken)
        })?;
        self.taken.push((left, free));
        Some(free)
    }
}

fn layers(report: &Report) -> impl Iterator<Item = (&NetworkReport, &LayerReport)> {
    let networks = report.networks.iter();
    networks.flat_map(|network| network.layers.iter().map(move |layer| (network, layer)))
}

/// Operations per second.
fn speed(layer: &LayerReport, time: f64) -> f64 {
    layer.needed_flops as f64 / time
}

/// Operations per byte.
fn intensity(layer: &LayerReport) -> f64 {
    layer.needed_flops as f64 / layer.bytes as f64
}

fn place(layer: &LayerReport, time: f64, scale: &Scale) -> (f64, f64) {
    (scale.x(intensity(layer)), scale.y(speed(layer, time)))
}

fn colour(layer: &LayerReport) -> &'static str {
    let [height, width] = layer.kernel;
    let square = (height == width).then_some(height);
    let own = COLOURS.iter().find(|(size, ..)| size.is_some() && *size == square);
    own.unwrap_or(&COLOURS[COLOURS.len() - 1]).2
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::example;
    use std::collections::HashSet;

    #[test]
    fn every_layer_is_in_the_chart() {
        let report = example();
        let svg = chart(&report);
        assert_eq!(svg.matches("<title>").count(), 4);
        assert_eq!(svg.matches(">second</text>").count(), 1);
        assert!(svg.contains("Example &amp; &lt;Sons&gt;"));
        assert!(
            svg.contains(">forward, grad_input f32 nhwc") && svg.contains(">grad_input</text>")
        );
        for name in ["svg", "g", "text", "title"] {
            let opened = svg.matches(&format!("<{name}>")).count()
                + svg.matches(&format!("<{name} ")).count();
            assert_eq!(opened, svg.matches(&format!("</{name}>")).count(), "{name}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn every_pass_has_its_mark() {
        let marks: HashSet<_> =
            Pass::ALL.iter().map(|pass| mark(pass.name(), 100.0, 50.0, 4.0)).collect();
        assert_eq!(marks.len(), Pass::ALL.len());
    }

    #[test]
    fn values_have_their_places() {
        let scale = Scale { x: [1.0, 16.0], y: [1e9, 1e11] };
        assert_eq!((scale.x(1.0), scale.x(16.0)), (LEFT, RIGHT));
        assert_eq!(scale.x(4.0), (LEFT + RIGHT) / 2.0);
        assert_eq!((scale.y(1e9), scale.y(1e11)), (BOTTOM, TOP));
    }

    #[test]
    fn labels_make_room() {
        let mut labels = Labels::default();
        let first = labels.place(300.0, 300.0).unwrap();
        let second = labels.place(305.0, 302.0).unwrap();
        assert_eq!(first, 300.0);
        assert!((second - first).abs() >= Labels::ROOM[1]);
    }
}
