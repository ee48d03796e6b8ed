//! The instructions that mark a region.

/// An instruction that marks a region's begin or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// `hint #(112 + label)`
    Begin(u32),
    /// `hint #120`
    End,
}

impl Marker {
    /// What the instruction with this encoding marks, if anything.
    pub fn of(word: u32) -> Option<Self> {
        const HINT: u32 = 0xd503_201f;
        const NUMBER: u32 = 0b111_1111 << 5;
        if word & !NUMBER != HINT {
            return None;
        }
        match (word & NUMBER) >> 5 {
            number @ 112..120 => Some(Self::Begin(number - 112)),
            120 => Some(Self::End),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hints_are_markers() {
        assert_eq!(Marker::of(0xd503_2e1f), Some(Marker::Begin(0)));
        assert_eq!(Marker::of(0xd503_2eff), Some(Marker::Begin(7)));
        assert_eq!(Marker::of(0xd503_2f1f), Some(Marker::End));
    }

    #[test]
    fn other_instructions_are_not() {
        let others = [
            ("nop", 0xd503_201f),
            ("hint #111", 0xd503_2dff),
            ("hint #121", 0xd503_2f3f),
            ("dmb ish", 0xd503_3bbf),
            ("fmla v0.4s, v1.4s, v2.4s", 0x4e22_cc20),
        ];
        for (text, word) in others {
            assert_eq!(Marker::of(word), None, "{text}");
        }
    }
}
