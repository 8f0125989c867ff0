//! Ctrl-P Ctrl-Q: docker's keys to leave a terminal.

const CTRL_P: u8 = 0x10;
const CTRL_Q: u8 = 0x11;

/// Looks for the two keys in what is typed.
#[derive(Debug, Default)]
pub struct LeaveKeys {
    /// Ctrl-P was typed last, and has not been passed on yet.
    held: bool,
}

impl LeaveKeys {
    /// What of it is to be passed on, and whether the terminal is to be left then.
    pub fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(typed.len() + 1);
        for key in typed {
            match (std::mem::take(&mut self.held), *key) {
                (true, CTRL_Q) => return (passed, true),
                (held, key) => {
                    passed.extend(held.then_some(CTRL_P));
                    self.held = key == CTRL_P;
                    passed.extend((!self.held).then_some(key));
                }
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::LeaveKeys;

    #[test]
    fn only_the_two_together_leave() {
        let mut keys = LeaveKeys::default();
        assert_eq!(keys.filter(b"ls\r"), (b"ls\r".to_vec(), false));
        assert_eq!(keys.filter(b"\x10"), (Vec::new(), false), "held until the next key");
        assert_eq!(keys.filter(b"a"), (b"\x10a".to_vec(), false));
        assert_eq!(keys.filter(b"\x11"), (b"\x11".to_vec(), false));
        assert_eq!(keys.filter(b"\x10\x10"), (b"\x10".to_vec(), false));
        assert_eq!(keys.filter(b"\x11rest"), (Vec::new(), true));
        assert_eq!(LeaveKeys::default().filter(b"x\x10\x11y"), (b"x".to_vec(), true));
    }
}
