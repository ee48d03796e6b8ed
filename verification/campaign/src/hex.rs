//! Hashes as 16 hexadecimal digits, which every reader of JSON keeps as they are.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

/// Writes a hash.
pub fn serialize<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{hash:016x}"))
}

/// Reads a hash.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let digits = String::deserialize(deserializer)?;
    u64::from_str_radix(&digits, 16).map_err(Error::custom)
}
