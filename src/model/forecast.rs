//! What a signal will do.
