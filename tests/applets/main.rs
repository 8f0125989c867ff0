//! The stand-ins as ordinary processes: what is judged is /proc, wait statuses and what comes over
//! sockets.

mod deaths;
mod idle;
mod init;
mod ports;
mod proxy;
mod support;
mod web;
mod web_config;
mod zombies;
