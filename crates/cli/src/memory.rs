//! Memory for tensors whose sizes a user has given.

use anyhow::{Context, Result};

/// `len` zeros.
///
/// # Errors
/// There is no room for so many.
pub fn zeros(len: usize) -> Result<Vec<f32>> {
    let mut data = Vec::new();
    data.try_reserve_exact(len).with_context(|| format!("no memory for {len} elements"))?;
    data.resize(len, 0.0);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_an_error() {
        assert_eq!(zeros(3).unwrap(), [0.0; 3]);
        assert!(zeros(usize::MAX).is_err());
    }
}
