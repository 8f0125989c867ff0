//! `/proc/PID/stat` (`proc_pid_stat(5)`).

use std::ops::Range;

use crate::model::State;

/// `PF_*` of `include/linux/sched.h`.
const PF_EXITING: u32 = 0x4;
const PF_KTHREAD: u32 = 0x0020_0000;

/// The fields used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Bytes that are not UTF-8 are replaced.
    pub comm: String,
    pub state: State,
    pub ppid: u32,
    /// `PF_*` of `include/linux/sched.h`.
    pub flags: u32,
    /// Threads that are not yet released, never zero; one for a zombie that can be reaped.
    pub threads: u32,
    /// Clock ticks after boot.
    pub start: u64,
    /// CPU time in user and kernel mode, in clock ticks.
    pub cpu_ticks: u64,
    /// CPU time of the children it has waited for, and of theirs, in clock ticks.
    pub waited_ticks: u64,
    pub rss_pages: u64,
    /// Where its arguments are in its memory; empty if we may not read it (no ptrace access).
    pub arguments: Range<u64>,
    /// Wait status of a zombie; also zero if we may not read it (no ptrace access).
    pub exit_code: i32,
}

impl Default for Stat {
    fn default() -> Self {
        Self {
            comm: String::new(),
            state: State::Sleeping,
            ppid: 0,
            flags: 0,
            threads: 1,
            start: 0,
            cpu_ticks: 0,
            waited_ticks: 0,
            rss_pages: 0,
            arguments: 0..0,
            exit_code: 0,
        }
    }
}

impl Stat {
    /// `None` if the text is not complete, as when the process was released while it was read.
    pub fn parse(text: &[u8]) -> Option<Self> {
        // comm may hold any byte, also closing brackets, spaces and line ends; no field after it has a bracket
        let open = text.iter().position(|b| *b == b'(')?;
        let close = text.iter().rposition(|b| *b == b')')?;
        let comm = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
        let rest = std::str::from_utf8(text.get(close + 2..)?).ok()?;
        let mut stat = Self { comm, ..Self::default() };
        let add = |ticks: &mut u64, field: &str| *ticks = ticks.saturating_add(field.parse().unwrap_or(0));
        let mut seen = 0;
        for (i, field) in rest.split_ascii_whitespace().enumerate() {
            seen = i + 3;
            match seen {
                3 => stat.state = State::from_letter(field.chars().next()?),
                4 => stat.ppid = field.parse().ok()?,
                9 => stat.flags = field.parse().ok()?,
                14 | 15 => add(&mut stat.cpu_ticks, field),
                16 | 17 => add(&mut stat.waited_ticks, field),
                20 => stat.threads = field.parse().ok()?,
                22 => stat.start = field.parse().ok()?,
                24 => stat.rss_pages = field.parse().unwrap_or(0),
                48 => stat.arguments.start = field.parse().unwrap_or(0),
                49 => stat.arguments.end = field.parse().unwrap_or(0),
                52 => stat.exit_code = field.parse().unwrap_or(0),
                _ => {}
            }
        }
        // if it was released while it was read, the kernel writes zeros for what it can no longer look up
        (seen >= 24 && stat.threads > 0).then_some(stat)
    }

    pub const fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    /// Its first thread has begun to exit, or has exited.
    pub const fn is_exiting(&self) -> bool {
        self.flags & PF_EXITING != 0
    }

    /// A zombie without other threads: the process has exited and waits to be reaped. A leader that ended before its
    /// threads has state `Z` too, but then the process lives.
    pub const fn is_dead(&self) -> bool {
        matches!(self.state, State::Zombie) && self.threads <= 1
    }

    pub const fn has_memory(&self) -> bool {
        !matches!(self.state, State::Zombie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line with this name.
    fn line(comm: &[u8]) -> Vec<u8> {
        let rest = b") S 7 42 42 0 -1 4194564 1 2 3 4 5 6 7 8 20 0 3 0 99 4096 11 1 2 3 4 5 6 7 8 9 10 11 0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 768\n";
        [&b"42 ("[..], comm, &rest[..]].concat()
    }

    #[test]
    fn every_field_is_found_whatever_the_name_is() {
        let table: [(&[u8], &str); 8] = [
            (b"sh", "sh"),
            (b"a) Z (b)", "a) Z (b)"),
            (b") R 1 1", ") R 1 1"),
            (b"two words", "two words"),
            (b"a\nb) Z 9\n", "a\nb) Z 9\n"),
            (b"((", "(("),
            (b"\xff\x00x", "\u{fffd}\0x"),
            (b"", ""),
        ];
        for (comm, shown) in table {
            let stat = Stat::parse(&line(comm)).expect("a whole line");
            assert_eq!(stat.comm, shown);
            assert_eq!((stat.state, stat.ppid, stat.threads, stat.start), (State::Sleeping, 7, 3, 99), "{shown:?}");
            assert_eq!((stat.rss_pages, stat.arguments, stat.exit_code), (11, 4..5, 768), "{shown:?}");
            assert_eq!((stat.cpu_ticks, stat.waited_ticks), (5 + 6, 7 + 8), "{shown:?}");
        }
    }

    #[test]
    fn flags_tell_kernel_threads_and_exits() {
        let of = |flags: u32| {
            let text = String::from_utf8(line(b"x")).expect("ASCII").replace("4194564", &flags.to_string());
            let stat = Stat::parse(text.as_bytes()).expect("a whole line");
            (stat.is_kernel_thread(), stat.is_exiting())
        };
        assert_eq!(of(0x0040_0000), (false, false));
        assert_eq!(of(0x0040_0004), (false, true));
        assert_eq!(of(0x0020_0040), (true, false));
    }

    #[test]
    fn times_that_are_too_large_are_cut_to_the_largest() {
        let most = u64::MAX;
        let text = format!("1 (x) S 1 1 1 0 -1 0 1 2 3 4 {most} {most} {most} {most} 20 0 1 0 99 4096 11\n");
        let stat = Stat::parse(text.as_bytes()).expect("a whole line");
        assert_eq!((stat.cpu_ticks, stat.waited_ticks), (most, most));
    }

    #[test]
    fn an_incomplete_text_is_no_process() {
        let text = line(b"x");
        // up to its resident memory
        let needed = text.windows(4).position(|w| w == b" 11 ").expect("it is there") + 3;
        for cut in 0..needed - 2 {
            assert_eq!(Stat::parse(&text[..cut]), None, "cut at {cut}");
        }
        assert!(Stat::parse(&text[..needed]).is_some());
        assert!(Stat::parse(b"").is_none() && Stat::parse(b")(").is_none());
        let released = String::from_utf8(text).expect("ASCII").replace(" 20 0 3 0 99 ", " 20 0 0 0 99 ");
        assert_eq!(Stat::parse(released.as_bytes()), None, "it has no threads any more");
    }
}
