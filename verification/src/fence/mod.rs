//! Memory beside which there is none: an access beyond a tensor that lies there ends the program.
//!
//! Natively that is a page that must not be touched, on either side of each tensor in turn. In wasm it is the end
//! of the linear memory, of which there is one, so each tensor has a run of its own; before its first element
//! is only paint, which spoils the results that it gets into.

mod line;
#[cfg(not(target_family = "wasm"))]
mod pages;
#[cfg(target_family = "wasm")]
#[path = "linear.rs"]
mod pages;

pub use line::during;
pub use pages::Ground;

/// The end of a tensor that lies at a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its first element: what comes before can't be read.
    Start,
    /// Its last element: what comes after can't be read.
    End,
}

/// Which tensors of a run lie at a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// With which end.
    pub side: Side,
    /// One of five, or all.
    pub only: Option<usize>,
}

impl Fence {
    /// All that this target has.
    pub const ALL: &[Self] = if cfg!(target_family = "wasm") {
        &[Self::the(0), Self::the(1), Self::the(2), Self::the(3), Self::the(4)]
    } else {
        &[Self { side: Side::End, only: None }, Self { side: Side::Start, only: None }]
    };

    const fn the(only: usize) -> Self {
        Self { side: Side::End, only: Some(only) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ground_is_at_least_as_large_as_asked_for_and_used_again() {
        for fence in Fence::ALL {
            let address = |len| {
                let mut ground = Ground::new(len, fence.side);
                assert_eq!(ground.cells().len(), len);
                ground.cells_mut().fill(1.0);
                assert!(ground.holds());
                ground.cells().as_ptr_range()
            };
            let (small, large, again) = (address(70), address(70_000), address(69_000));
            match fence.side {
                Side::Start => assert_eq!(large.start, again.start),
                Side::End => assert_eq!(large.end, again.end),
            }
            assert_ne!(small, large);
        }
    }
}
