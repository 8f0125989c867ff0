//! Serialises bytes as a string of the first 256 Unicode characters (Latin-1): readable, and shorter in JSON than
//! numbers.

use serde::{Deserialize as _, Deserializer, Serializer};

pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&bytes.iter().map(|b| char::from(*b)).collect::<String>())
}

pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(d)?;
    text.chars().map(|c| u8::try_from(u32::from(c)).map_err(serde::de::Error::custom)).collect()
}
