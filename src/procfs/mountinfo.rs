//! `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// One mount: the fields used of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub id: u64,
    /// The numbers of the file system's device, such as `0:61`.
    pub device: String,
    /// What of the file system is mounted: a path in it. Of a namespace's file the text of its link, `net:[NUMBER]`.
    pub root: PathBuf,
    /// Where it is mounted, from the reader's root.
    pub point: PathBuf,
    /// Nothing can be written through this mount, as its own options say.
    pub is_read_only: bool,
    /// Such as `tmpfs`.
    pub fs_type: String,
    /// What was given to mount(2) as the source: anything for a file system without a device.
    pub source: String,
    /// The options of the file system itself, comma-separated.
    pub options: String,
}

/// The mounts in a text. Lines that are not complete are left out.
pub fn mounts(text: &[u8]) -> impl Iterator<Item = Mount> {
    text.split(|byte| *byte == b'\n').filter_map(parse)
}

fn parse(line: &[u8]) -> Option<Mount> {
    // a word may be empty, and spaces within one are escaped, so each single space ends a word
    let mut words = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    // the parent's id comes in between
    let device = std::str::from_utf8(words.nth(1)?).ok()?.to_owned();
    let root = path(words.next()?);
    let point = path(words.next()?);
    let is_read_only = words.next()?.split(|byte| *byte == b',').any(|option| option == b"ro");
    // any number of optional fields
    words.find(|word| *word == b"-")?;
    let mut text = || Some(String::from_utf8_lossy(&unescape(words.next()?)).into_owned());
    Some(Mount { id, device, root, point, is_read_only, fs_type: text()?, source: text()?, options: text()? })
}

fn path(word: &[u8]) -> PathBuf {
    OsString::from_vec(unescape(word)).into()
}

/// Decodes `\` with three octal digits, as which the kernel writes white space, `\` and, in a source, `#` (`mangle` in
/// fs/proc_namespace.c, `seq_path` in fs/seq_file.c).
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let code = if *first == b'\\' { after.first_chunk().copied().and_then(octal) } else { None };
        plain.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    plain
}

fn octal(digits: [u8; 3]) -> Option<u8> {
    digits.into_iter().try_fold(0_u8, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(digit - b'0'),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn one(line: &[u8]) -> Mount {
        let mut all = mounts(line);
        let only = all.next().expect("a whole line");
        assert_eq!(all.next(), None);
        only
    }

    #[test]
    fn every_field_is_found_with_and_without_optional_fields() {
        for optional in ["", "shared:1 ", "shared:1 master:2 propagate_from:3 unbindable "] {
            let mount =
                one(format!("36 35 98:0 /mnt1 /mnt2 rw,noatime {optional}- ext3 /dev/root rw,errors=ro\n").as_bytes());
            let expected = Mount {
                id: 36,
                device: "98:0".to_owned(),
                root: "/mnt1".into(),
                point: "/mnt2".into(),
                is_read_only: false,
                fs_type: "ext3".into(),
                source: "/dev/root".into(),
                options: "rw,errors=ro".into(),
            };
            assert_eq!(mount, expected);
        }
        assert!(one(b"36 35 98:0 / /mnt ro,noatime - ext3 /dev/root rw\n").is_read_only);
    }

    #[test]
    fn hostile_names_stay_one_field() {
        let mount =
            one(b"1 2 0:3 /a\\040-\\040b /mnt/\\040-\\040tmpfs\\011x\\012y\\134z rw - fuse.x \\043a\\040b rw\n");
        assert_eq!(
            (mount.root.as_path(), mount.point.as_path()),
            (Path::new("/a - b"), Path::new("/mnt/ - tmpfs\tx\ny\\z"))
        );
        assert_eq!((mount.fs_type.as_str(), mount.source.as_str()), ("fuse.x", "#a b"));
        assert_eq!(one(b"1 2 0:3 / /x rw - tmpfs  rw\n").source, "", "mount(2) accepts an empty source");
        let point = one(b"1 2 0:3 / /\xff/\\040 rw - tmpfs none rw\n").point.into_os_string().into_vec();
        assert_eq!(point, b"/\xff/ ", "a path need not be UTF-8");
        // one mount that cannot be read does not hide the others
        assert_eq!(mounts(b"1 2 0:3 / /\xff rw - tmpfs \xff rw\nx\n4 2 0:3 / /b rw - tmpfs none rw\n").count(), 2);
    }

    #[test]
    fn only_three_octal_digits_are_an_escape() {
        let table: [(&[u8], &[u8]); 7] = [
            (b"/my\\040x", b"/my x"),
            (b"\\134040", b"\\040"),
            (b"\\9\\04", b"\\9\\04"),
            (b"\\777", b"\\777"),
            (b"\\08a\\", b"\\08a\\"),
            (b"\\377", b"\xff"),
            (b"", b""),
        ];
        for (word, plain) in table {
            assert_eq!(unescape(word), plain, "{}", String::from_utf8_lossy(word));
        }
    }

    #[test]
    fn incomplete_lines_are_left_out() {
        let line = b"36 35 98:0 / /mnt rw shared:1 - ext3 /dev/root rw";
        for cut in 0..line.len() - 3 {
            assert_eq!(mounts(&line[..cut]).count(), 0, "cut at {cut}");
        }
        assert_eq!(mounts(b"").count(), 0);
    }
}
