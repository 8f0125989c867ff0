//! Base64 as Go's `encoding/base64` reads it.

/// Decodes a text; line ends in it are ignored.
///
/// # Errors
/// The offset of the first byte that is not valid, as Go reports it.
pub fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut quad = Vec::with_capacity(4);
    let mut bytes = text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n'));
    while let Some((at, byte)) = bytes.next() {
        if byte == b'=' {
            if quad.len() < 2 {
                return Err(at);
            }
            if quad.len() == 2 {
                match bytes.next() {
                    Some((_, b'=')) => {}
                    Some((at, _)) => return Err(at),
                    None => return Err(text.len()),
                }
            }
            if let Some((at, _)) = bytes.next() {
                return Err(at);
            }
            push(&quad, &mut out);
            return Ok(out);
        }
        quad.push(value(byte).ok_or(at)?);
        if quad.len() == 4 {
            push(&quad, &mut out);
            quad.clear();
        }
    }
    if quad.is_empty() { Ok(out) } else { Err(text.len() - quad.len()) }
}

/// Four digits give three bytes, three give two, and two give one.
fn push(quad: &[u8], out: &mut Vec<u8>) {
    let bits = quad.iter().enumerate().fold(0_u32, |bits, (i, digit)| bits | u32::from(*digit) << (18 - 6 * i));
    let [_, a, b, c] = bits.to_be_bytes();
    out.extend_from_slice(&[a, b, c][..quad.len().saturating_sub(1)]);
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decode_passes_the_vectors_of_rfc_4648_and_fails_where_go_does() {
        for (text, want) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg==", b"foob"),
            ("Zm9v\nYmE=\n", b"fooba"),
            ("Zm9vYmFy", b"foobar"),
            ("//79", &[0xff, 0xfe, 0xfd]),
        ] {
            assert_eq!(decode(text).as_deref(), Ok(want), "{text}");
        }
        for (text, at) in [
            ("hunter2!", 7),
            ("Zg", 0),
            ("Zg=", 3),
            ("Z===", 1),
            ("Zg==Zg==", 4),
            ("Zm 9v", 2),
            ("Zg=x", 3),
            ("Zm9vYg", 4),
        ] {
            assert_eq!(decode(text), Err(at), "{text}");
        }
    }
}
