use alloc::string::ToString;

use depthwise::Error;
use wasm_bindgen::prelude::*;

/// The exception with the error's message.
pub(crate) fn exception(error: Error) -> JsError {
    JsError::new(&error.to_string())
}
