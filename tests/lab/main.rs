//! Tests of the lab with the real binary. They check /proc and wait statuses, not only what the lab reports.

mod apart;
mod attack;
mod bad;
mod cgroup;
mod config;
mod docker;
#[path = "../shared/docker_daemon.rs"]
mod docker_daemon;
mod examples;
mod exec;
mod files;
mod hand;
mod havoc;
mod host_path;
mod inside;
mod life;
mod members;
mod nginx;
mod observed_lab;
mod own_pause;
mod ports;
mod predictions;
mod reap;
mod report;
mod restart;
#[path = "../shared/rounds.rs"]
mod rounds;
mod safety;
mod security;
mod steps;
mod storm;
mod support;
mod terminal;
mod termination;
#[path = "../shared/tools.rs"]
mod tools;
mod web;
