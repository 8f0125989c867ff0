//! The syntax of names and paths.

use std::hash::{BuildHasher as _, RandomState};

use super::Checker;
use crate::lab::spec::yaml::PlacedError;

impl Checker<'_> {
    /// Checks a DNS label (RFC 1123), as Kubernetes requires for most names.
    pub(super) fn label(&self, path: &str, value: &str) -> Result<(), PlacedError> {
        if is_label(value) { Ok(()) } else { Err(self.bad_name(path, value, 63)) }
    }

    /// Checks labels with dots between, as in a pod's name.
    pub(super) fn subdomain(&self, path: &str, value: &str) -> Result<(), PlacedError> {
        if is_subdomain(value) { Ok(()) } else { Err(self.bad_name(path, value, 253)) }
    }

    fn bad_name(&self, path: &str, value: &str, most: usize) -> PlacedError {
        if value.is_empty() {
            return self.wrong(path, "is missing; expected a name");
        }
        let expected = format!("expected at most {most} of a-z, 0-9 and -, with a letter or digit at both ends");
        self.wrong(path, format!("is \"{value}\"; {expected}"))
    }

    /// Checks an absolute path without `..`.
    pub(super) fn absolute(&self, path: &str, value: &str) -> Result<(), PlacedError> {
        let has_parent = value.split('/').any(|part| part == "..");
        if value.starts_with('/') && !has_parent && !value.contains('\0') {
            return Ok(());
        }
        Err(self.wrong(path, format!("is \"{value}\"; expected an absolute path without \"..\"")))
    }
}

/// A DNS label (RFC 1123).
pub fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_label_of_any_length(text)
}

/// Labels with dots between. Each may be longer than a DNS label.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label_of_any_length)
}

fn is_label_of_any_length(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

/// The syntax of a port name (the IANA's service names, RFC 6335).
pub(super) fn is_service_name(text: &str) -> bool {
    is_label(text) && text.len() <= 15 && text.bytes().any(|b| b.is_ascii_lowercase()) && !text.contains("--")
}

/// A name as Kubernetes generates it from `generateName`: the prefix, cut if it is too long, and five random
/// characters.
///
/// The characters come from the keys that the standard library gives each hash map, since nothing here does I/O.
/// Kubernetes takes them from a pseudo-random generator too.
pub fn generate_name(prefix: &str) -> String {
    /// Without vowels and similar characters, so that no words come out (`k8s.io/apimachinery/pkg/util/rand`).
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    const SUFFIX: usize = 5;
    let random = RandomState::new().hash_one(prefix).to_le_bytes();
    let suffix = random.iter().take(SUFFIX).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    prefix.chars().take(63 - SUFFIX).chain(suffix).collect()
}
