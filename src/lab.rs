//! The lab: runs pods.
