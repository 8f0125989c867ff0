//! What holds a namespace besides its members: bind mounts and open files.

use std::fs;
use std::path::Path;

use super::namespaces::Holder;
use crate::model::NsId;
use crate::procfs::{Mount, own_mounts};

/// All visible holders: mounts in our own mount namespace, and open files of these processes.
pub fn of(ns: NsId, pids: &mut dyn Iterator<Item = u32>) -> Vec<Holder> {
    let name = ns.to_string();
    let mut found: Vec<Holder> = mounts_of(own_mounts().unwrap_or_default(), &name).map(Holder::Mount).collect();
    for pid in pids {
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let open =
            files.flatten().filter(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == &*name));
        let numbers = open.filter_map(|file| file.file_name().to_str()?.parse().ok());
        found.extend(numbers.map(|fd| Holder::Open { pid, fd }));
    }
    found
}

/// Ids of the mounts of a namespace's file. `name` is the text of its link.
fn mounts_of(mounts: impl IntoIterator<Item = Mount>, name: &str) -> impl Iterator<Item = u64> {
    mounts.into_iter().filter(move |mount| mount.root == Path::new(name)).map(|mount| mount.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::mounts;

    #[test]
    fn mounts_are_found_by_the_namespace_they_hold() {
        let text = b"22 1 0:20 / /proc rw - proc proc rw\n\
                    91 22 0:4 net:[4026532177] /run/netns/x rw shared:1 - nsfs nsfs rw\n\
                    92 22 0:4 net:[4026532178] /run/netns/y rw - nsfs nsfs rw\n";
        assert_eq!(mounts_of(mounts(text), "net:[4026532177]").collect::<Vec<_>>(), [91]);
        assert_eq!(mounts_of(mounts(text), "net:[1]").count(), 0);
    }
}
