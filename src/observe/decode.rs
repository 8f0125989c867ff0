//! Decodes messages of the proc connector into events (`include/uapi/linux/cn_proc.h`).

use crate::model::{MonoNs, WaitStatus};

/// One event. `pid` is a thread's id, `tgid` the process's; both in the initial pid namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `parent` is the real parent: of a thread, the parent of its process.
    Fork {
        t: MonoNs,
        parent: u32,
        pid: u32,
        tgid: u32,
    },
    Exec {
        t: MonoNs,
        tgid: u32,
    },
    /// User or group ids changed.
    Ids {
        t: MonoNs,
        tgid: u32,
    },
    Comm {
        t: MonoNs,
        pid: u32,
        tgid: u32,
        comm: String,
    },
    /// `parent` is the parent process at that time, or `None` when the process was already reaped.
    Exit {
        t: MonoNs,
        pid: u32,
        tgid: u32,
        status: WaitStatus,
        parent: Option<u32>,
    },
    /// The kernel's answer to our request: an errno, or zero.
    Ack {
        error: u32,
    },
}

/// `struct nlmsghdr` and `struct cn_msg` before every event.
const HEADERS: usize = 16 + 20;
const NLMSG_DONE: u16 = 3;
const CN_IDX_PROC: u32 = 1;

mod what {
    pub const NONE: u32 = 0;
    pub const FORK: u32 = 1;
    pub const EXEC: u32 = 2;
    pub const UID: u32 = 4;
    pub const GID: u32 = 0x40;
    pub const COMM: u32 = 0x200;
    pub const EXIT: u32 = 0x8000_0000;
}

/// `None` for a message that is cut off, is not the connector's, or is of a kind that is not used here.
pub fn decode(message: &[u8]) -> Option<Event> {
    let length = u32_at(message, 0)? as usize;
    let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
    if length > message.len() || kind != NLMSG_DONE || u32_at(message, 16)? != CN_IDX_PROC {
        return None;
    }
    let event = message.get(HEADERS..length)?;
    let t = MonoNs(u64::from_ne_bytes(event.get(8..16)?.try_into().ok()?));
    let word = |i: usize| u32_at(event, 16 + 4 * i);
    Some(match u32_at(event, 0)? {
        what::NONE => Event::Ack { error: word(0)? },
        what::FORK => Event::Fork { t, parent: word(1)?, pid: word(2)?, tgid: word(3)? },
        what::EXEC => Event::Exec { t, tgid: word(1)? },
        what::UID | what::GID => Event::Ids { t, tgid: word(1)? },
        what::COMM => {
            let raw = event.get(24..40)?;
            let end = raw.iter().position(|b| *b == 0).unwrap_or(raw.len());
            let comm = String::from_utf8_lossy(&raw[..end]).into_owned();
            Event::Comm { t, pid: word(0)?, tgid: word(1)?, comm }
        }
        what::EXIT => Event::Exit {
            t,
            pid: word(0)?,
            tgid: word(1)?,
            status: WaitStatus(word(2)? as i32),
            // absent before Linux 4.18; zero when the exiting process was already released
            parent: word(5).filter(|p| *p != 0),
        },
        _ => return None,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(what: u32, words: &[u32]) -> Vec<u8> {
        let mut event = Vec::new();
        event.extend(what.to_ne_bytes());
        event.extend(1_u32.to_ne_bytes());
        event.extend(77_u64.to_ne_bytes());
        event.extend(words.iter().flat_map(|w| w.to_ne_bytes()));
        let mut m = Vec::new();
        m.extend(((HEADERS + event.len()) as u32).to_ne_bytes());
        m.extend(NLMSG_DONE.to_ne_bytes());
        m.extend([0; 10]);
        m.extend(CN_IDX_PROC.to_ne_bytes());
        m.extend(1_u32.to_ne_bytes());
        m.extend([0; 8]);
        m.extend((event.len() as u16).to_ne_bytes());
        m.extend([0; 2]);
        m.extend(event);
        m
    }

    #[test]
    fn every_kind_is_decoded() {
        let t = MonoNs(77);
        let table = [
            (message(0, &[22]), Event::Ack { error: 22 }),
            (message(1, &[1, 2, 3, 4]), Event::Fork { t, parent: 2, pid: 3, tgid: 4 }),
            (message(2, &[5, 6]), Event::Exec { t, tgid: 6 }),
            (message(4, &[5, 6, 0, 0]), Event::Ids { t, tgid: 6 }),
            (
                message(
                    0x200,
                    &[
                        5,
                        6,
                        u32::from_ne_bytes(*b"web:"),
                        u32::from_ne_bytes(*b" wor"),
                        u32::from_ne_bytes(*b"ker\0"),
                        0x4141_4141,
                    ],
                ),
                Event::Comm { t, pid: 5, tgid: 6, comm: "web: worker".into() },
            ),
            (
                message(0x8000_0000, &[5, 6, 9, 17, 7, 8]),
                Event::Exit { t, pid: 5, tgid: 6, status: WaitStatus(9), parent: Some(8) },
            ),
            (
                message(0x8000_0000, &[5, 6, 0x300, 17, 0, 0]),
                Event::Exit { t, pid: 5, tgid: 6, status: WaitStatus(0x300), parent: None },
            ),
            // the shorter message of kernels before 4.18
            (
                message(0x8000_0000, &[5, 6, 9, 17]),
                Event::Exit { t, pid: 5, tgid: 6, status: WaitStatus(9), parent: None },
            ),
        ];
        for (bytes, event) in table {
            assert_eq!(decode(&bytes), Some(event));
        }
    }

    #[test]
    fn garbage_is_not_decoded() {
        let whole = message(0x8000_0000, &[5, 6, 9, 17, 7, 8]);
        for cut in 0..whole.len() {
            assert_eq!(decode(&whole[..cut]), None, "cut at {cut}");
        }
        assert_eq!(decode(&message(0x4000_0000, &[1, 2, 3, 4])), None, "a coredump event is not used");
        let mut other = whole.clone();
        other[16] = 9;
        assert_eq!(decode(&other), None, "another connector");
        let mut too_long = whole;
        too_long[0] = 255;
        assert_eq!(decode(&too_long), None, "it claims to be longer than it is");
    }
}
