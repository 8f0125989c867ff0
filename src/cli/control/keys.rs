//! Ctrl-P Ctrl-Q: docker's keys to detach from a terminal.

const CTRL_P: u8 = 0x10;
const CTRL_Q: u8 = 0x11;

/// Looks for the two keys in the typed bytes.
#[derive(Debug, Default)]
pub struct DetachKeys {
    /// Ctrl-P was typed last and has not been passed on yet.
    is_holding_ctrl_p: bool,
}

impl DetachKeys {
    /// The bytes to pass on, and whether to detach after them.
    pub fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(typed.len() + 1);
        for key in typed {
            match (std::mem::take(&mut self.is_holding_ctrl_p), *key) {
                (true, CTRL_Q) => return (passed, true),
                (held, key) => {
                    passed.extend(held.then_some(CTRL_P));
                    self.is_holding_ctrl_p = key == CTRL_P;
                    passed.extend((!self.is_holding_ctrl_p).then_some(key));
                }
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::DetachKeys;

    #[test]
    fn only_both_keys_in_a_row_detach() {
        let mut keys = DetachKeys::default();
        assert_eq!(keys.filter(b"ls\r"), (b"ls\r".to_vec(), false));
        assert_eq!(keys.filter(b"\x10"), (Vec::new(), false), "held until the next key");
        assert_eq!(keys.filter(b"a"), (b"\x10a".to_vec(), false));
        assert_eq!(keys.filter(b"\x11"), (b"\x11".to_vec(), false));
        assert_eq!(keys.filter(b"\x10\x10"), (b"\x10".to_vec(), false));
        assert_eq!(keys.filter(b"\x11rest"), (Vec::new(), true));
        assert_eq!(DetachKeys::default().filter(b"x\x10\x11y"), (b"x".to_vec(), true));
    }
}
