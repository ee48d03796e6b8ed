use alloc::string::String;
use alloc::vec::Vec;

use depthwise::{Columns, INSTANCES, Instance, Plan, Rectangle, Span};
use wasm_bindgen::prelude::*;

/// A pass whose results are sums over a window.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// The output.
    Forward,
    /// The gradient of the input.
    GradInput,
}

/// Name of a line of the instance table.
#[wasm_bindgen(js_name = instanceName)]
#[must_use]
pub fn instance_name(index: usize) -> String {
    INSTANCES.get(index).map_or("", |instance| instance.name).into()
}

/// Where a line is in the instance table.
pub(crate) fn index(instance: &Instance) -> usize {
    INSTANCES
        .iter()
        .position(|other| other.kernel_id == instance.kernel_id)
        .unwrap_or(INSTANCES.len())
}

/// The rectangles of a plan, each as 22 numbers: instance; rows as a span; rows clipped at the low and the high end;
/// whether columns are tiles; columns as a span or as tiles.
pub(crate) fn rectangles(plan: &Plan) -> Vec<i32> {
    plan.explain().flat_map(|rectangle| numbers(&rectangle)).collect()
}

fn numbers(rectangle: &Rectangle) -> [i32; 22] {
    let mut numbers = [0; 22];
    numbers[0] = index(rectangle.instance) as i32;
    numbers[1..10].copy_from_slice(&span(&rectangle.rows));
    numbers[10] = rectangle.clip_low as i32;
    numbers[11] = rectangle.clip_high as i32;
    let columns = match rectangle.columns {
        Columns::Span(columns) => span(&columns),
        Columns::Tiles(tile) => {
            numbers[12] = 1;
            let sizes = [tile.out, tile.columns, tile.count, tile.src, tile.tap];
            let [out, columns, count, src, tap] = sizes.map(|size| size as i32);
            let clips = [tile.clip_low as i32, tile.clip_high as i32];
            let (step, odd_first) = (tile.tap_step as i32, i32::from(tile.odd_first));
            [out, columns, count, src, tap, step, odd_first, clips[0], clips[1]]
        }
    };
    numbers[13..].copy_from_slice(&columns);
    numbers
}

/// `[out, len, out step, src, src step, src tap, tap, tap step, taps]`
fn span(span: &Span) -> [i32; 9] {
    let Span { out, len, out_step, src, src_step, src_tap, tap, tap_step, taps } = *span;
    let [out, len, out_step, src, src_step, src_tap, tap, taps] =
        [out, len, out_step, src, src_step, src_tap, tap, taps].map(|size| size as i32);
    [out, len, out_step, src, src_step, src_tap, tap, tap_step as i32, taps]
}
