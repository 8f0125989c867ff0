//! Where Deltas come from: the kernel's own words, fused into one stream.

mod input;

pub use input::Input;
