//! The observer on the real kernel. The tests read what they expect themselves, from wait statuses and /proc. They wait
//! for events, never for time to pass.

mod basics;
mod bpf;
mod churn;
mod degraded;
mod facts;
mod failure;
mod keeper;
mod limits;
mod lsns;
mod namespaces;
mod pod;
mod roles;
mod signals;
mod storm;
mod stuck;
mod support;
mod survey;
mod zombies;
