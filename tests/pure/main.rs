//! Tests that ask the kernel nothing: values in, values out. They run once, as whoever runs them.

mod store;
mod structure;
mod views;
