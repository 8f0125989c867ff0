//! Messages of Protocol Buffers (<https://protobuf.dev/programming-guides/encoding>), as far as CRI's lists need them.
//! The crates that derive them from types take longer to build than all else that CRI needs.

use std::borrow::Cow;

/// The bytes are not such a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of Protocol Buffers")]
pub struct Malformed;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer or an enum.
    Number(u64),
    /// A string or a message.
    Bytes(&'a [u8]),
    /// A fixed number of bytes, which CRI's lists do not have.
    Other,
}

impl<'a> Value<'a> {
    pub const fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            _ => 0,
        }
    }

    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    pub fn text(self) -> String {
        match String::from_utf8_lossy(self.bytes()) {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        }
    }
}

/// Calls `take` with the number and the value of each field.
pub fn each_field<'a>(
    mut rest: &'a [u8],
    mut take: impl FnMut(u64, Value<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut rest)?),
            1 => fixed(&mut rest, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).map_err(|_| Malformed)?;
                let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed)?;
                rest = after;
                Value::Bytes(bytes)
            }
            5 => fixed(&mut rest, 4)?,
            _ => return Err(Malformed),
        };
        take(tag >> 3, value)?;
    }
    Ok(())
}

fn fixed<'a>(rest: &mut &'a [u8], length: usize) -> Result<Value<'a>, Malformed> {
    *rest = rest.get(length..).ok_or(Malformed)?;
    Ok(Value::Other)
}

/// Seven bits a byte, the lowest first.
fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(Malformed)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind_are_read() {
        // the examples of the guide: 150, "testing", then eight and four fixed bytes
        let message = b"\x08\x96\x01\x12\x07testing\x19\0\0\0\0\0\0\0\0\x25\0\0\0\0\x82\x01\x01x";
        let mut fields = Vec::new();
        each_field(message, |number, value| {
            fields.push((number, value));
            Ok(())
        })
        .expect("a message");
        let want = [
            (1, Value::Number(150)),
            (2, Value::Bytes(b"testing")),
            (3, Value::Other),
            (4, Value::Other),
            (16, Value::Bytes(b"x")),
        ];
        assert_eq!(fields, want);
        for wrong in [
            &b"\x08"[..],
            b"\x08\x96",
            b"\x12\x07test",
            b"\x0b",
            b"\x19\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(each_field(wrong, |_, _| Ok(())), Err(Malformed), "{wrong:?}");
        }
    }
}
