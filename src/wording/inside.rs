//! Why something in a namespace is not shown.

use super::os_error;
use crate::model::Finding;

/// For a snapshot without any.
pub const NOT_READ: &str = "what is in namespaces is read for pods, and there is none, or nobody has looked";

/// Why it was not found, in a sentence, and what would help. `None` if it was found.
pub fn why_not<T>(found: &Finding<T>) -> Option<String> {
    match found {
        Finding::Known(_) => None,
        Finding::NotThere => Some("It is not there any more, or this kernel does not have it.".to_owned()),
        Finding::NotPermitted => {
            Some("Not permitted: the namespace belongs to another user. Root may read it.".to_owned())
        }
        Finding::Failed(error) => Some(format!("It could not be read: {}.", os_error::description(*error))),
    }
}

/// The same in two or three words, for a line with more in it.
pub fn why_not_short<T>(found: &Finding<T>) -> Option<&'static str> {
    match found {
        Finding::Known(_) => None,
        Finding::NotThere => Some("not there"),
        Finding::NotPermitted => Some("not permitted"),
        Finding::Failed(_) => Some("could not be read"),
    }
}
