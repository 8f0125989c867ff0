//! Tests of what the views show, without a window.

mod fixture;
mod forecast;
mod layout;
mod outcome;
mod report;
mod steps;
