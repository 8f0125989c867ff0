//! Tests of the stand-ins as ordinary processes. They check /proc, wait statuses and what is sent over sockets.

mod deaths;
mod idle;
mod init;
mod ports;
mod proxy;
mod support;
mod web;
mod web_config;
mod zombies;
