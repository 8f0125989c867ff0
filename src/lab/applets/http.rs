//! The part of HTTP/1.1 that the stand-ins need: requests, replies and a server.

mod connection;
mod exchange;
pub mod files;
pub mod reply;
pub mod request;
pub mod server;
pub mod upstream;
pub mod url;
