//! The lab against the real binary: what is judged is /proc and wait statuses, not the lab's word.

mod life;
mod support;
