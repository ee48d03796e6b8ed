//! Tensors in NumPy's `.npy` files: `f32`, in C or Fortran order and either byte order.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::{ArrayD, ArrayView};
use ndarray_npy::npy::header::Header;
use ndarray_npy::{ReadNpyError, ReadNpyExt, WriteNpyError};

/// A tensor in C order.
#[derive(Debug, PartialEq)]
pub struct Tensor {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Vec<f32>,
}

/// Reads a file; errors name it.
pub fn read(path: &Path) -> Result<Tensor> {
    let name = || path.display().to_string();
    parse(&fs::read(path).with_context(name)?).with_context(name)
}

fn parse(bytes: &[u8]) -> Result<Tensor> {
    let header = Header::from_reader(&mut &*bytes).context("no NumPy array")?;
    let shape = header.shape;
    if let Some(dimension) = shape.iter().position(|&length| length == 0) {
        bail!("dimension {dimension} of {shape:?} is 0");
    }
    // Before memory is taken for what the header promises.
    let length = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
    ensure!(length.is_some_and(|length| length <= bytes.len()), "no data for {shape:?}");
    let array = ArrayD::<f32>::read_npy(bytes).map_err(|error| match error {
        ReadNpyError::WrongDescriptor(found) => {
            anyhow!("elements are {found}, expected '<f4' (float32)")
        }
        error => error.into(),
    })?;
    Ok(Tensor { shape, data: array.iter().copied().collect() })
}

/// Writes `data`, in C order, as a file; errors name it.
pub fn write(path: &Path, shape: &[usize], data: &[f32]) -> Result<()> {
    let array = ArrayView::from_shape(shape, data)?;
    let written = ndarray_npy::write_npy(path, &array).map_err(|error| match error {
        WriteNpyError::Io(error) => error.into(),
        error => anyhow!(error),
    });
    written.with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descriptor: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!(
            "{{'descr': '{descriptor}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"
        );
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn both_orders() {
        let data = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let c = parse(&file("<f4", "False", "(2, 3)", &data)).unwrap();
        assert_eq!(c, Tensor { shape: vec![2, 3], data: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] });
        let fortran = parse(&file("<f4", "True", "(2, 3)", &data)).unwrap();
        assert_eq!(fortran, Tensor { shape: vec![2, 3], data: vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0] });
    }

    #[test]
    fn refusals_say_why() {
        let data = floats(&[1.0, 2.0]);
        for (bytes, reason) in [
            (file("<f8", "False", "(1,)", &data), "elements are '<f8', expected '<f4' (float32)"),
            (file("<f4", "False", "(3,)", &data), "reached EOF"),
            (file("<f4", "False", "(1,)", &data), "extra bytes"),
            (file("<f4", "False", "(0, 2)", &data), "dimension 0 of [0, 2] is 0"),
            (file("<f4", "False", "(4611686018427387904, 4)", &data), "no data for"),
            (file("<f4", "False", "(1099511627776,)", &data), "no data for"),
            (b"PK".to_vec(), "no NumPy array"),
        ] {
            let error = format!("{:#}", parse(&bytes).expect_err(reason));
            assert!(error.contains(reason), "`{error}`, expected `{reason}`");
        }
    }
}
