//! The bytes that a terminal sends for keys (xterm's `ctlseqs`).

use eframe::egui::{Event, Key, Modifiers};

/// The bytes for all that was typed. The modes are `application` cursor keys (DECCKM) and `bracketed` paste, in which
/// pasted text is marked.
pub fn bytes(events: &[Event], (application, bracketed): (bool, bool)) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        match event {
            Event::Text(text) => out.extend(text.bytes()),
            Event::Paste(text) => {
                // an end mark in the text would make the rest count as typed
                let text = text.replace("\x1b[201~", "").replace('\n', "\r");
                let (before, after) = if bracketed { ("\x1b[200~", "\x1b[201~") } else { ("", "") };
                out.extend([before, &text, after].concat().bytes());
            }
            // with Ctrl these are signals to the program; with Shift they are meant for the clipboard
            Event::Copy => out.push(0x03),
            Event::Cut => out.push(0x18),
            Event::Key { key, pressed: true, modifiers, .. } => out.extend(key_bytes(*key, *modifiers, application)),
            _ => {}
        }
    }
    out
}

fn key_bytes(key: Key, modifiers: Modifiers, application: bool) -> Vec<u8> {
    if modifiers.ctrl {
        return control(key).map_or_else(Vec::new, |byte| vec![byte]);
    }
    let cursor = |letter: char| if application { format!("\x1bO{letter}") } else { format!("\x1b[{letter}") };
    let text = match key {
        Key::Enter => "\r".to_owned(),
        Key::Tab if modifiers.shift => "\x1b[Z".to_owned(),
        Key::Tab => "\t".to_owned(),
        Key::Backspace => "\x7f".to_owned(),
        Key::Escape => "\x1b".to_owned(),
        Key::ArrowUp => cursor('A'),
        Key::ArrowDown => cursor('B'),
        Key::ArrowRight => cursor('C'),
        Key::ArrowLeft => cursor('D'),
        Key::Home => cursor('H'),
        Key::End => cursor('F'),
        Key::Insert => "\x1b[2~".to_owned(),
        Key::Delete => "\x1b[3~".to_owned(),
        Key::PageUp => "\x1b[5~".to_owned(),
        Key::PageDown => "\x1b[6~".to_owned(),
        _ => String::new(),
    };
    text.into_bytes()
}

/// The byte for Ctrl with a key: for a letter, its place in the alphabet.
fn control(key: Key) -> Option<u8> {
    let name = key.name();
    match (name.as_bytes(), key) {
        (&[letter @ b'A'..=b'Z'], _) => Some(letter - b'A' + 1),
        (_, Key::Space) => Some(0),
        (_, Key::OpenBracket) => Some(0x1b),
        (_, Key::Backslash) => Some(0x1c),
        (_, Key::CloseBracket) => Some(0x1d),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: Key, modifiers: Modifiers) -> Event {
        Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers }
    }

    #[test]
    fn keys_give_the_bytes_that_a_terminal_sends() {
        let usual = (false, false);
        let typed = [Event::Text("ls".into()), press(Key::L, Modifiers::NONE), press(Key::Enter, Modifiers::NONE)];
        assert_eq!(bytes(&typed, usual), b"ls\r", "letters come as text, and only once");
        assert_eq!(bytes(&[press(Key::C, Modifiers::CTRL)], usual), b"\x03");
        assert_eq!(bytes(&[Event::Copy], usual), b"\x03", "egui makes Copy from Ctrl-C");
        assert_eq!(bytes(&[press(Key::Z, Modifiers::CTRL), press(Key::D, Modifiers::CTRL)], usual), b"\x1a\x04");
        assert_eq!(bytes(&[press(Key::ArrowUp, Modifiers::NONE)], usual), b"\x1b[A");
        assert_eq!(bytes(&[press(Key::ArrowUp, Modifiers::NONE)], (true, false)), b"\x1bOA");
        assert_eq!(bytes(&[Event::Paste("a\nb".into())], usual), b"a\rb");
        let hostile = Event::Paste("x\x1b[201~rm".into());
        assert_eq!(bytes(&[hostile], (false, true)), b"\x1b[200~xrm\x1b[201~");
    }
}
