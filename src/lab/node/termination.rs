//! The termination message of a container (`getTerminationMessage` in pkg/kubelet/kuberuntime).

use super::event_loop::PodRun;
use super::volumes;
use crate::lab::protocol::LogPart;
use crate::model::{PodUid, WaitStatus};

/// How many bytes of the file are read at most, and how many bytes all containers of a pod may have together
/// (`normalizeStatus` in pkg/kubelet/status): each container gets an equal part.
const MAX_BYTES: u64 = 4096;
const MAX_BYTES_OF_POD: u64 = 12 * 1024;
/// How many bytes and lines of a log are used at most in place of the file.
const MAX_LOG_BYTES: usize = 2048;
const MAX_LOG_LINES: usize = 80;

/// Reads the termination message of a container; `None` if it is empty.
pub(super) fn message(run: &PodRun, uid: &PodUid, container: &str, status: WaitStatus) -> Option<String> {
    let spec = run.state.spec.container(container)?;
    let max = MAX_BYTES.min(MAX_BYTES_OF_POD / run.state.spec.all_containers().count().max(1) as u64);
    let mut bytes = match volumes::read_termination_log(uid, container, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(e) => return Some(format!("Error on reading termination log {}: {e}", spec.termination.path)),
    };
    if bytes.is_empty() && spec.termination.fallback_to_logs && !status.success() {
        let log = run.logs.get(&Some(container.to_owned())).and_then(|log| log.of(LogPart::Last)).unwrap_or_default();
        bytes = last_lines(&log).to_vec();
    }
    bytes.truncate(usize::try_from(max).unwrap_or(usize::MAX));
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The end of a log: the last [`MAX_LOG_LINES`] lines, and of these the last [`MAX_LOG_BYTES`] bytes.
fn last_lines(log: &[u8]) -> &[u8] {
    let end = log.strip_suffix(b"\n").unwrap_or(log);
    let newlines = (0..end.len()).rev().filter(|i| end[*i] == b'\n');
    let start = newlines.take(MAX_LOG_LINES).nth(MAX_LOG_LINES - 1).map_or(0, |i| i + 1);
    &log[start.max(log.len().saturating_sub(MAX_LOG_BYTES))..]
}

#[cfg(test)]
mod tests {
    use super::{MAX_LOG_BYTES, MAX_LOG_LINES, last_lines};

    #[test]
    fn the_end_of_a_log_is_eighty_lines_or_two_kibibytes() {
        assert_eq!(last_lines(b""), b"");
        assert_eq!(last_lines(b"one\ntwo\n"), b"one\ntwo\n");
        assert_eq!(last_lines(b"\n"), b"\n");
        let lines = (0..200).fold(String::new(), |lines, n| lines + &format!("{n}\n"));
        let last = last_lines(lines.as_bytes());
        assert!(last.starts_with(b"120\n") && last.ends_with(b"199\n"));
        assert_eq!(last.split(|b| *b == b'\n').count(), MAX_LOG_LINES + 1);
        // the last line may be unfinished
        let open = lines.trim_end();
        assert!(last_lines(open.as_bytes()).starts_with(b"120\n"));
        let long = vec![b'x'; 3 * MAX_LOG_BYTES];
        assert_eq!(last_lines(&long).len(), MAX_LOG_BYTES);
    }
}
