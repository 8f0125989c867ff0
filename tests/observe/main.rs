//! The observer against the real kernel. Every expectation is read by the tests themselves, from wait
//! statuses and /proc, and every wait is for an event, never for time to pass.

mod basics;
mod degraded;
mod facts;
mod failure;
mod limits;
mod namespaces;
mod pod;
mod roles;
mod storm;
mod support;
mod zombies;
