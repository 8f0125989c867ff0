//! Where things go: pure geometry in points, no painting. A layout is a function of the World, so the
//! same past always looks the same.

mod geometry;
pub mod pod_map;
mod slots;
pub mod timeline;
pub mod tree;

pub use geometry::Rect;
