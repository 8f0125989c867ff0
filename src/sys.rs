//! Kernel calls: the only room with unsafe code.
#![allow(unsafe_code)]

pub mod connector;
pub mod nsfs;
pub mod pidfd;
