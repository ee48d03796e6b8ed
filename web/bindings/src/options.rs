use alloc::string::String;
use alloc::vec::Vec;

use depthwise::{Activation, Builder, Conv, Isa, Layout, Machine, Padding};
use wasm_bindgen::prelude::*;

/// Order of a tensor's dimensions.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `[n][c][h][w]`; of filters `[c·m][kh][kw]`
    ChannelsFirst,
    /// `[n][h][w][c]`; of filters `[kh][kw][c·m]`
    ChannelsLast,
}

impl From<Order> for Layout {
    fn from(order: Order) -> Self {
        match order {
            Order::ChannelsFirst => Self::Nchw,
            Order::ChannelsLast => Self::Nhwc,
        }
    }
}

/// Where padding comes from.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoPad {
    /// It is given.
    Explicit,
    /// The output has `⌈input / stride⌉` elements; an odd one is added at the end.
    SameUpper,
    /// As before, but an odd element is added at the beginning.
    SameLower,
}

#[wasm_bindgen]
extern "C" {
    /// What describes a convolution: an object with these properties, sizes in elements.
    pub type Options;

    /// Images.
    #[wasm_bindgen(method, getter)]
    fn batch(this: &Options) -> usize;

    /// Input channels.
    #[wasm_bindgen(method, getter)]
    fn channels(this: &Options) -> usize;

    /// Output channels for each input channel.
    #[wasm_bindgen(method, getter)]
    fn multiplier(this: &Options) -> usize;

    /// `[input h, input w, kernel h, kernel w, stride h, stride w, dilation h, dilation w]`
    #[wasm_bindgen(method, getter)]
    fn window(this: &Options) -> Vec<u32>;

    #[wasm_bindgen(method, getter, js_name = autoPad)]
    fn auto_pad(this: &Options) -> AutoPad;

    /// `[top, bottom, left, right]`
    #[wasm_bindgen(method, getter)]
    fn padding(this: &Options) -> Vec<i32>;

    #[wasm_bindgen(method, getter, js_name = inputOrder)]
    fn input_order(this: &Options) -> Order;

    #[wasm_bindgen(method, getter, js_name = filterOrder)]
    pub(crate) fn filter_order(this: &Options) -> Order;

    /// `[min, max]`, or empty if every output passes.
    #[wasm_bindgen(method, getter)]
    fn bounds(this: &Options) -> Vec<f32>;

    /// The name of the machine that tiles are chosen for; the host unless told.
    #[wasm_bindgen(method, getter)]
    fn machine(this: &Options) -> Option<String>;
}

impl Options {
    /// The convolution that they describe.
    pub(crate) fn build(&self) -> Result<Conv, JsError> {
        let &[ih, iw, kh, kw, sh, sw, dh, dw] = self.window().as_slice() else {
            return Err(JsError::new("a window has eight sizes"));
        };
        let &[top, bottom, left, right] = self.padding().as_slice() else {
            return Err(JsError::new("padding has four sides"));
        };
        let pair = |h: u32, w: u32| [h as usize, w as usize];
        let builder = Conv::builder()
            .batch(self.batch())
            .channels(self.channels())
            .multiplier(self.multiplier())
            .input(pair(ih, iw))
            .kernel(pair(kh, kw))
            .stride(pair(sh, sw))
            .dilation(pair(dh, dw))
            .layout(self.input_order().into())
            .activation(self.activation())
            .machine(self.chosen_machine()?)
            .isa(isa());
        let builder = self.padded(builder, [top, bottom, left, right].map(|side| side as isize));
        builder.build().map_err(crate::error::exception)
    }

    fn padded(&self, builder: Builder, sides: [isize; 4]) -> Builder {
        match self.auto_pad() {
            AutoPad::Explicit => builder.padding(Padding::from_webnn(sides)),
            AutoPad::SameUpper => builder.same_upper(),
            AutoPad::SameLower => builder.same_lower(),
        }
    }

    fn activation(&self) -> Activation {
        match *self.bounds() {
            [min, max] => Activation::Clamp { min, max },
            _ => Activation::None,
        }
    }

    fn chosen_machine(&self) -> Result<Machine, JsError> {
        let Some(name) = self.machine() else { return Ok(Machine::detect()) };
        let machine = Machine::ALL.into_iter().find(|machine| machine.name == name);
        machine.ok_or_else(|| JsError::new("unknown machine"))
    }
}

/// The instruction set of this build, and its only one: a host that doesn't fuse gets the other module.
const fn isa() -> Isa {
    if cfg!(target_feature = "relaxed-simd") { Isa::Simd128Relaxed } else { Isa::Simd128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_names_every_machine() {
        let quoted: Vec<_> =
            Machine::ALL.iter().map(|machine| format!("'{}'", machine.name)).collect();
        let line = format!("export const MACHINES = [{}] as const;", quoted.join(", "));
        assert!(include_str!("../../depthwise/src/options.ts").contains(&line), "{line}");
    }
}
