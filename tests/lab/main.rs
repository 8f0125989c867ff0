//! The lab against the real binary: what is judged is /proc and wait statuses, not the lab's word.

mod apart;
mod attack;
mod bad;
mod cgroup;
mod config;
mod examples;
mod exec;
mod files;
mod hand;
mod havoc;
mod host_path;
mod life;
mod nginx;
mod own_pause;
mod ports;
mod predictions;
mod reap;
mod restart;
mod safety;
mod security;
mod storm;
mod support;
mod termination;
mod web;
