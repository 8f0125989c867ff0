//! A file is written as a whole or not at all.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};

use podscope::export::{WriteError, read_limited, write_file, write_mode, write_new};
use tempfile::tempdir;

fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

#[test]
fn a_file_is_replaced_and_keeps_its_mode() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.json");
    write_file(&path, b"one").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    write_file(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    write_mode(&path, b"three", 0o755).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(names(folder.path()), ["out.json"]);
}

#[test]
fn a_link_stays_a_link() {
    let folder = tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::write(&real, "old").unwrap();
    symlink(&real, &link).unwrap();
    write_file(&link, b"new").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"new");
}

#[test]
fn a_dangling_link_is_refused_and_stays() {
    let folder = tempdir().unwrap();
    let (nowhere, link) = (folder.path().join("nowhere"), folder.path().join("link"));
    symlink(&nowhere, &link).unwrap();
    for write in [write_file, write_new] {
        let error = write(&link, b"new").unwrap_err();
        assert!(matches!(&error, WriteError::DanglingLink { target, .. } if Path::new(target) == nowhere), "{error}");
    }
    assert_eq!(fs::read_link(&link).unwrap(), nowhere);
    assert_eq!(names(folder.path()), ["link"]);
}

#[test]
fn a_new_file_replaces_nothing() {
    let folder = tempdir().unwrap();
    let (path, link) = (folder.path().join("out.json"), folder.path().join("link"));
    write_new(&path, b"one").unwrap();
    symlink(&path, &link).unwrap();
    assert!(matches!(write_new(&path, b"two"), Err(WriteError::Exists { link: None, .. })));
    let behind = write_new(&link, b"two").unwrap_err();
    assert!(matches!(&behind, WriteError::Exists { link: Some(file), .. } if file.ends_with("out.json")), "{behind:?}");
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(names(folder.path()), ["link", "out.json"]);
}

/// Root keeps the owner of a replaced file. A user who cannot do that gets an error, and the file is unchanged.
#[test]
fn a_replaced_file_keeps_its_owner_or_is_not_replaced() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.json");
    fs::write(&path, "one").unwrap();
    if !nix::unistd::geteuid().is_root() {
        // the user's own file keeps its owner
        write_file(&path, b"two").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().uid(), nix::unistd::geteuid().as_raw());
        return;
    }
    chown(&path, Some(1234), Some(1235)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    write_file(&path, b"two").unwrap();
    let owner = || fs::metadata(&path).map(|m| (m.uid(), m.gid(), m.mode() & 0o777)).unwrap();
    assert_eq!(owner(), (1234, 1235, 0o666));
    assert_eq!(fs::read(&path).unwrap(), b"two");

    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let out = Command::new("setpriv")
        .args(["--reuid=4321", "--regid=4321", "--clear-groups", env!("CARGO_BIN_EXE_podscope")])
        .args(["pause", "--extract"])
        .arg(&path)
        .output()
        .expect("setpriv(1) of util-linux");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("belongs to uid 1234, gid 1235, which a replacement would change"), "{said}");
    assert_eq!((owner(), fs::read(&path).unwrap()), ((1234, 1235, 0o666), b"two".to_vec()));
    assert_eq!(names(folder.path()), ["out.json"]);
}

#[test]
fn errors_of_writing_name_the_cause() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    assert!(matches!(write_file(path, b"x"), Err(WriteError::IsFolder { .. })));
    let reason = |path: &Path| write_file(path, b"x").unwrap_err().to_string();
    let missing = reason(&path.join("no/such/file"));
    let first = path.join("no").display().to_string();
    assert!(missing.ends_with(&format!("the folder {first} does not exist; create it or choose another place")));
    let proc = "/proc/taken.json: no files can be made in /proc; choose another place";
    assert_eq!(reason(Path::new("/proc/taken.json")), proc);
    fs::write(path.join("file"), "").unwrap();
    let through = reason(&path.join("file/out"));
    assert!(through.contains(&format!("{} is not a folder", path.join("file").display())), "{through}");
    fs::remove_file(path.join("file")).unwrap();
    assert!(reason(&path.join("x".repeat(300))).contains("File name too long"));
    assert!(matches!(write_file(Path::new("/dev/full"), b"x"), Err(WriteError::Full { .. })));
    write_file(Path::new("/dev/null"), b"x").unwrap();
    assert!(names(path).is_empty());
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("pod.yaml");
    fs::write(&path, "0123456789").unwrap();
    assert_eq!(read_limited(&path, 10).unwrap(), "0123456789");
    let error = read_limited(&path, 9).unwrap_err();
    assert!(matches!(error, WriteError::TooLarge { size: 10, limit: 9, .. }), "{error}");
    assert!(read_limited(&folder.path().join("none"), 9).unwrap_err().to_string().contains("No such file"));
}

#[test]
fn a_file_that_is_not_utf8_is_refused_with_line_and_column() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("pod.yaml");
    for (bytes, want) in [
        (&b"kind: Pod\nname: \xe9t\xe9\n"[..], "2:7: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("é: é\n\n".as_bytes(), ""),
        (b"\xff\xfek", "1:1: the byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"\xc3\xa9\xc3", "1:2: the byte 0xc3 is not UTF-8; save the file as UTF-8"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = read_limited(&path, 99).err().map(|e| e.to_string()).unwrap_or_default();
        let want = if want.is_empty() { String::new() } else { format!("{}:{want}", path.display()) };
        assert_eq!(error, want);
    }
}

/// Runs a shell in its own mount namespace, so that an ordinary user can mount a full or read-only disk.
fn in_own_mounts(folder: &Path, script: &str) -> Output {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-euc", script])
        .env("D", folder)
        .env("PODSCOPE", env!("CARGO_BIN_EXE_podscope"))
        .output()
        .expect("unshare(1) of util-linux")
}

#[test]
fn a_full_disk_leaves_the_old_file_unchanged() {
    let folder = tempdir().unwrap();
    let script = "mount -t tmpfs -o size=8k tmpfs $D; cd $D; echo old > pause; head -c 4096 /dev/zero > filler
        code=0; $PODSCOPE pause --extract pause || code=$?
        echo code $code; cat pause; ls -A";
    let out = in_own_mounts(folder.path(), script);
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(stdout, "code 1\nold\nfiller\npause\n", "{stderr}");
    assert!(stderr.starts_with("podscope: pause: the disk is full;"), "{stderr}");
    assert!(stderr.trim_end().ends_with("the file that was there is unchanged"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1);
}

#[test]
fn a_read_only_disk_leaves_the_old_file_unchanged() {
    let folder = tempdir().unwrap();
    let script = "mount -t tmpfs tmpfs $D; cd $D; echo old > pause; mount -o remount,bind,ro $D
        code=0; $PODSCOPE pause --extract pause || code=$?
        echo code $code; cat pause; ls -A";
    let out = in_own_mounts(folder.path(), script);
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(stdout, "code 1\nold\npause\n", "{stderr}");
    assert!(stderr.starts_with("podscope: pause: the file system is read-only;"), "{stderr}");
}
