//! The geometry of the views, in points; nothing here paints. A layout depends on the World alone, so the same past
//! always looks the same. The picture of a pod that does not run yet depends on its manifest alone.

mod geometry;
pub mod hierarchy;
pub mod matrix;
pub mod pod_map;
pub mod pod_picture;
pub mod side_panels;
mod slots;
pub mod timeline;
pub mod tree;

pub use geometry::Rect;
