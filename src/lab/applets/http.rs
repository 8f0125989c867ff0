//! As much of HTTP/1.1 as the stand-ins speak: requests, replies, and a server for both.

mod connection;
mod exchange;
pub mod files;
pub mod reply;
pub mod request;
pub mod server;
pub mod upstream;
pub mod url;
