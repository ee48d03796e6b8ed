//! The engine as JavaScript has it. Data that is more than numbers goes as JSON.

use depthwise::{Isa, Machine};
use depthwise_verification::Pass;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::cover::{Choice, Picture};
use crate::drawing::Drawing;
use crate::layer::PASSES;
use crate::{campaign, layer, roofline, teach};

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since the worker began.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn milliseconds() -> f64;

    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn report(message: &str);
}

fn json(value: &impl Serialize) -> Result<String, JsError> {
    Ok(serde_json::to_string(value)?)
}

/// Panics are told to the console.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|info| report(&info.to_string())));
}

/// The instruction set that runs here.
#[wasm_bindgen]
pub fn isa() -> String {
    Isa::best().name().into()
}

/// Its arithmetic contract.
#[wasm_bindgen]
pub fn contract() -> String {
    Isa::best().contract().name().into()
}

/// What tiles are chosen for.
#[wasm_bindgen]
pub fn machine() -> String {
    Machine::detect().name.into()
}

/// The version of the library.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// The picture of a plan, from a choice.
#[wasm_bindgen]
pub fn cover(choice: &str) -> Result<String, JsError> {
    let choice: Choice = serde_json::from_str(choice)?;
    json(&Picture::new(&choice)?)
}

/// Floating-point operations in a second, at most.
#[wasm_bindgen]
pub fn peak() -> f64 {
    roofline::peak()
}

/// Bytes in a second, of reading so many bytes again and again.
#[wasm_bindgen]
pub fn bandwidth(bytes: usize) -> f64 {
    roofline::bandwidth(bytes)
}

/// The image that the network sees of a drawing, `[h][w]`.
#[wasm_bindgen]
pub fn image(coordinates: &[f32]) -> Vec<f32> {
    Drawing::from_coordinates(coordinates).image()
}

/// Someone who teaches a network.
#[wasm_bindgen]
pub struct Teacher(teach::Teacher);

#[wasm_bindgen]
impl Teacher {
    /// A network of so many classes that knows nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new(classes: usize, seed: u32) -> Result<Self, JsError> {
        Ok(Self(teach::Teacher::new(classes, seed.into())?))
    }

    /// Takes a drawing of a class.
    pub fn add(&mut self, class: usize, coordinates: &[f32], held_out: bool) {
        self.0.add(class, Drawing::from_coordinates(coordinates), held_out);
    }

    /// Trains for about so many seconds.
    pub fn train(&mut self, seconds: f64) -> Result<String, JsError> {
        json(&self.0.train(seconds)?)
    }

    /// The share of so many batches of held out variations that is recognised.
    pub fn test(&mut self, batches: usize) -> Result<f64, JsError> {
        Ok(self.0.test(batches)?)
    }

    /// The probability of each class.
    pub fn recognise(&self, coordinates: &[f32]) -> Result<Vec<f32>, JsError> {
        Ok(self.0.recognise(&Drawing::from_coordinates(coordinates))?)
    }

    /// All that the network has learnt.
    pub fn weights(&self) -> Vec<f32> {
        self.0.network().weights()
    }

    /// Makes the network know that.
    #[wasm_bindgen(js_name = setWeights)]
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), JsError> {
        Ok(self.0.network_mut().set_weights(weights)?)
    }
}

/// A verification campaign.
#[wasm_bindgen]
pub struct Campaign(campaign::Campaign);

#[wasm_bindgen]
impl Campaign {
    /// The campaign of a seed.
    #[wasm_bindgen(constructor)]
    pub fn new(seed: u32, count_classes: bool) -> Self {
        Self(campaign::Campaign::new(seed.into(), count_classes))
    }

    /// Runs so many more cases.
    pub fn run(&mut self, cases: u32) {
        self.0.run(cases.into());
    }

    /// What has been counted so far.
    pub fn report(&self) -> Result<String, JsError> {
        json(&self.0.report())
    }
}

/// A layer to be checked and timed.
#[wasm_bindgen]
pub struct Layer(layer::Layer);

#[wasm_bindgen]
impl Layer {
    /// The layer of these sizes.
    #[wasm_bindgen(constructor)]
    pub fn new(sizes: &str) -> Result<Self, JsError> {
        Ok(Self(layer::Layer::new(serde_json::from_str(sizes)?)?))
    }

    /// Checks every pass, and tells what there is to be known.
    pub fn check(&self) -> Result<String, JsError> {
        json(&self.0.check().map_err(|found| JsError::new(&found))?)
    }

    /// Runs a pass so many times: 0 is forward, 1 grad_input, 2 grad_weight.
    pub fn run(&mut self, pass: usize, calls: usize) -> Result<(), JsError> {
        Ok(self.0.run(timed(pass), calls)?)
    }

    /// Plans that a pass can choose among; their results have the same bits.
    pub fn alternatives(&self, pass: usize) -> usize {
        self.0.alternatives(timed(pass))
    }

    /// Has a pass run by one of them.
    pub fn choose(&mut self, pass: usize, alternative: usize) {
        self.0.choose(timed(pass), alternative);
    }

    /// Where input, weights and output lie in memory, each by its address and its number of elements.
    pub fn tensors(&self) -> Vec<usize> {
        self.0
            .tensors()
            .iter()
            .flat_map(|tensor| [tensor.as_ptr() as usize, tensor.len()])
            .collect()
    }
}

/// A pass by its number.
fn timed(pass: usize) -> Pass {
    PASSES.get(pass).copied().unwrap_or(Pass::Forward)
}
