//! Writes the files of ConfigMaps and Secrets as a kubelet does (`AtomicWriter` in pkg/volume/util/atomic_writer.go).
//!
//! ```text
//! nginx.conf -> ..data/nginx.conf
//! ..data -> ..2026_11_28_12_47_36.123456789
//! ..2026_11_28_12_47_36.123456789/nginx.conf
//! ```
//!
//! An update writes a new directory and renames `..data`: a reader sees all old files or all new ones. Containers mount
//! the volume read-only, so only the node writes here.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::lab::spec::PayloadFile;

const DATA: &str = "..data";
const NEW_DATA: &str = "..data_tmp";

/// Makes the volume hold these files and no others.
pub fn write(volume: &Path, files: &[PayloadFile]) -> io::Result<()> {
    let old = fs::read_link(volume.join(DATA)).ok();
    // the local time of a kubelet's containers is UTC
    let name = format!("..{}", jiff::Timestamp::now().strftime("%Y_%m_%d_%H_%M_%S.%9f"));
    let dir = volume.join(&name);
    make_dir(&dir)?;
    for file in files {
        write_file(&dir, file)?;
    }
    let new_data = volume.join(NEW_DATA);
    symlink(&name, &new_data)?;
    fs::rename(&new_data, volume.join(DATA))?;
    let heads: BTreeSet<&str> = files.iter().filter_map(|file| file.path.split('/').next()).collect();
    for head in &heads {
        let link = volume.join(head);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new(DATA).join(head), link)?;
        }
    }
    // remove the links of removed files; what a subPath has created is not a link
    for entry in fs::read_dir(volume)?.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let stale = entry.file_type().is_ok_and(|kind| kind.is_symlink()) && name != DATA && !heads.contains(name);
        if stale {
            fs::remove_file(entry.path())?;
        }
    }
    match old {
        Some(old) => fs::remove_dir_all(volume.join(old)),
        None => Ok(()),
    }
}

fn write_file(dir: &Path, file: &PayloadFile) -> io::Result<()> {
    let path = dir.join(&file.path);
    let mut parent = dir.to_owned();
    let (parents, _) = file.path.rsplit_once('/').unwrap_or_default();
    for part in parents.split('/').filter(|part| !part.is_empty()) {
        parent.push(part);
        if !parent.is_dir() {
            make_dir(&parent)?;
        }
    }
    let mut out = File::create_new(&path)?;
    // independent of the node's umask
    out.set_permissions(Permissions::from_mode(file.mode))?;
    out.write_all(&file.content.0)
}

fn make_dir(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::write;
    use crate::lab::spec::PayloadFile;

    fn file(path: &str, mode: u32, text: &str) -> PayloadFile {
        PayloadFile { path: path.to_owned(), mode, content: text.into() }
    }

    #[test]
    fn an_update_leaves_only_the_current_files() {
        let dir = tempfile::tempdir().expect("a directory");
        let names = || {
            let entries = fs::read_dir(dir.path()).expect("readable").filter_map(Result::ok);
            let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
            names.sort();
            names
        };
        write(dir.path(), &[file("a", 0o644, "one"), file("b/c/d", 0o400, "two")]).expect("written");
        let read = |path: &str| fs::read_to_string(dir.path().join(path)).expect("readable");
        assert_eq!((read("a"), read("b/c/d")), ("one".to_owned(), "two".to_owned()));
        assert_eq!(fs::read_link(dir.path().join("b")).expect("a link").to_str(), Some("..data/b"));
        let mode = |path: &str| fs::metadata(dir.path().join(path)).expect("there").permissions().mode() & 0o7777;
        assert_eq!((mode("a"), mode("b"), mode("b/c/d")), (0o644, 0o755, 0o400));
        let before = names();
        assert_eq!(before.len(), 4, "{before:?}");
        write(dir.path(), &[file("a", 0o600, "three")]).expect("written");
        assert_eq!((read("a"), mode("a")), ("three".to_owned(), 0o600));
        let after = names();
        assert_eq!(after[1..], ["..data", "a"], "{after:?}");
        assert!(after[0].starts_with("..20") && after[0] != before[0], "{after:?}");
    }
}
