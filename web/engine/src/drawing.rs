//! Drawings: strokes of a pen, and the images that a network sees of them.

use std::f32::consts::TAU;

use depthwise_training::{Random, SIZE};

/// Strokes, each of points `[x, y]`, in a unit square with y downwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    strokes: Vec<Vec<[f32; 2]>>,
}

/// Closer points than this are one.
const NEAR: f32 = 0.02;

/// Size of a drawing in its image: its longer side.
const EXTENT: f32 = 0.68;

/// Width of the pen in an image.
const PEN: f32 = 0.055;

impl Drawing {
    /// From coordinates x, y, x, y, …; where one is no number, a stroke ends.
    #[must_use]
    pub fn from_coordinates(coordinates: &[f32]) -> Self {
        let mut strokes: Vec<Vec<[f32; 2]>> = vec![Vec::new()];
        let (points, _) = coordinates.as_chunks::<2>();
        for &point in points {
            let last = strokes.len() - 1;
            let stroke = &mut strokes[last];
            if !point.iter().all(|coordinate| coordinate.is_finite()) {
                strokes.push(Vec::new());
            } else if stroke.last().is_none_or(|other| distance(*other, point) >= NEAR) {
                stroke.push(point);
            }
        }
        strokes.retain(|stroke| !stroke.is_empty());
        Self { strokes }.centred()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.strokes.is_empty()
    }

    /// In the middle, and of one size: a network need not learn that neither matters.
    fn centred(self) -> Self {
        let points = || self.strokes.iter().flatten();
        let least = |axis: usize| points().map(|p| p[axis]).fold(f32::INFINITY, f32::min);
        let most = |axis: usize| points().map(|p| p[axis]).fold(f32::NEG_INFINITY, f32::max);
        let [left, top] = [0, 1].map(least);
        let [right, bottom] = [0, 1].map(most);
        // A dot stays small.
        let scale = EXTENT / (right - left).max(bottom - top).max(0.1);
        let centre = [(left + right) / 2.0, (top + bottom) / 2.0];
        self.moved(|[x, y]| [(x - centre[0]) * scale + 0.5, (y - centre[1]) * scale + 0.5])
    }

    fn moved(&self, place: impl Fn([f32; 2]) -> [f32; 2]) -> Self {
        let stroke = |stroke: &Vec<[f32; 2]>| stroke.iter().map(|point| place(*point)).collect();
        Self { strokes: self.strokes.iter().map(stroke).collect() }
    }

    /// Its image, `[h][w]`.
    #[must_use]
    pub fn image(&self) -> Vec<f32> {
        self.drawn_with(PEN)
    }

    /// The image of a variation of it, `[h][w]`: turned, sheared, stretched, moved and bent a little, with
    /// another pen, under noise.
    #[must_use]
    pub fn varied(&self, random: &mut Random) -> Vec<f32> {
        let (sin, cos) = random.uniform(-0.3..0.3).sin_cos();
        let shear = random.uniform(-0.2..0.2);
        let scale = [(); 2].map(|()| random.uniform(0.78..1.12));
        let shift = [(); 2].map(|()| random.uniform(-0.07..0.07));
        let bend = random.uniform(0.0..0.045);
        let [wave, phase] = [random.uniform(3.0..8.0), random.uniform(0.0..TAU)];
        let moved = self.moved(|[x, y]| {
            let [x, y] = [x - 0.5, y - 0.5];
            let [x, y] = [x + bend * (wave * y + phase).sin(), y + bend * (wave * x + phase).cos()];
            let [x, y] = [(x + shear * y) * scale[0], y * scale[1]];
            [cos * x - sin * y + 0.5 + shift[0], sin * x + cos * y + 0.5 + shift[1]]
        });
        let mut image = moved.drawn_with(random.uniform(0.7..1.5) * PEN);
        let ink = random.uniform(0.75..1.0);
        let noise = random.uniform(0.0..0.08);
        image.iter_mut().for_each(|pixel| *pixel = *pixel * ink + noise * random.normal());
        image
    }

    fn drawn_with(&self, pen: f32) -> Vec<f32> {
        let mut image = vec![0.0; SIZE * SIZE];
        for stroke in &self.strokes {
            // A lone point is a dot.
            let ends = stroke.iter().zip(stroke.iter().skip(1).chain(stroke.last()));
            ends.for_each(|(from, to)| draw_line(&mut image, *from, *to, pen));
        }
        image
    }
}

/// Draws a line: full ink within half a pen of it, none a pixel further out.
fn draw_line(image: &mut [f32], from: [f32; 2], to: [f32; 2], pen: f32) {
    let size = SIZE as f32;
    let reach = pen / 2.0 + 1.0 / size;
    let pixels = |axis: usize| {
        let pixel = |place: f32| (place * size).clamp(0.0, size) as usize;
        let (low, high) = (from[axis].min(to[axis]), from[axis].max(to[axis]));
        pixel(low - reach)..pixel(high + reach + 1.0 / size)
    };
    for row in pixels(1) {
        for column in pixels(0) {
            let place = [(column as f32 + 0.5) / size, (row as f32 + 0.5) / size];
            let ink = ((reach - to_line(place, from, to)) * size).clamp(0.0, 1.0);
            let pixel = &mut image[row * SIZE + column];
            *pixel = pixel.max(ink);
        }
    }
}

/// How far a place is from a line.
fn to_line(place: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let minus = |a: [f32; 2], b: [f32; 2]| [a[0] - b[0], a[1] - b[1]];
    let dot = |a: [f32; 2], b: [f32; 2]| a[0] * b[0] + a[1] * b[1];
    let (line, there) = (minus(to, from), minus(place, from));
    let along = (dot(there, line) / dot(line, line).max(1e-12)).clamp(0.0, 1.0);
    distance(there, line.map(|coordinate| coordinate * along))
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROSS: [f32; 10] = [0.2, 0.2, 0.4, 0.4, f32::NAN, f32::NAN, 0.4, 0.2, 0.2, 0.4];

    fn ink(image: &[f32]) -> f32 {
        image.iter().sum()
    }

    #[test]
    fn size_and_place_do_not_matter() {
        let small = Drawing::from_coordinates(&CROSS).image();
        let large = Drawing::from_coordinates(&CROSS.map(|place| 2.0 * place - 0.3)).image();
        let differences: f32 = small.iter().zip(&large).map(|(a, b)| (a - b).abs()).sum();
        assert!(ink(&small) > 50.0 && differences < 1.0, "{} {differences}", ink(&small));
    }

    #[test]
    fn dots_and_nothing() {
        assert!(Drawing::from_coordinates(&[]).is_empty());
        assert!(Drawing::from_coordinates(&[f32::NAN, 1.0, 0.5]).is_empty());
        let dot = Drawing::from_coordinates(&[0.9, 0.1]).image();
        assert!((1.0..20.0).contains(&ink(&dot)), "{}", ink(&dot));
    }

    #[test]
    fn variations_differ_and_stay_in_sight() {
        let drawing = Drawing::from_coordinates(&CROSS);
        let mut random = Random::new(1);
        let first = drawing.varied(&mut random);
        for _ in 0..100 {
            let image = drawing.varied(&mut random);
            assert_ne!(image, first);
            assert!(ink(&image) > 20.0);
        }
    }
}
