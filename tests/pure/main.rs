//! Tests that ask the kernel nothing: values in, values out. They run once, not again as an ordinary user.

mod store;
mod structure;
mod views;
