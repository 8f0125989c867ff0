//! The lab against the real binary: what is judged is /proc and wait statuses, not the lab's word.

mod apart;
mod bad;
mod cgroup;
mod files;
mod hand;
mod havoc;
mod life;
mod nginx;
mod ports;
mod predictions;
mod reap;
mod restart;
mod safety;
mod storm;
mod support;
mod web;
