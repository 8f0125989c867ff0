//! What holds a namespace besides its members: bind mounts and open files.

use std::fs;
use std::path::Path;

use crate::model::{Holder, NsId, ProcId};
use crate::procfs::{Mount, own_mounts};

/// All visible holders: mounts in `own`, our own mount namespace, and open files of these processes.
pub fn of(ns: NsId, own: Option<NsId>, processes: &mut dyn Iterator<Item = ProcId>) -> Vec<Holder> {
    let name = ns.to_string();
    let mounts = own.into_iter().flat_map(|own| mounts_of(own_mounts().unwrap_or_default(), own, &name));
    let mut found: Vec<Holder> = mounts.collect();
    for process in processes {
        let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { continue };
        let open =
            files.flatten().filter(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == &*name));
        let numbers = open.filter_map(|file| file.file_name().to_str()?.parse().ok());
        found.extend(numbers.map(|fd| Holder::File { process, fd }));
    }
    found
}

/// The mounts of a namespace's file. `name` is the text of its link.
fn mounts_of(mounts: impl IntoIterator<Item = Mount>, inside: NsId, name: &str) -> impl Iterator<Item = Holder> {
    let of_it = mounts.into_iter().filter(move |mount| mount.root == Path::new(name));
    of_it.map(move |mount| Holder::Mount { inside, id: mount.id, point: mount.point.to_string_lossy().into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NsKind;
    use crate::procfs::mounts;

    #[test]
    fn mounts_are_found_by_the_namespace_they_hold() {
        let text = b"22 1 0:20 / /proc rw - proc proc rw\n\
                    91 22 0:4 net:[4026532177] /run/netns/x rw shared:1 - nsfs nsfs rw\n\
                    92 22 0:4 net:[4026532178] /run/netns/y rw - nsfs nsfs rw\n";
        let inside = NsId { kind: NsKind::Mnt, dev: 4, ino: 1, generation: 0 };
        let found: Vec<Holder> = mounts_of(mounts(text), inside, "net:[4026532177]").collect();
        assert_eq!(found, [Holder::Mount { inside, id: 91, point: "/run/netns/x".into() }]);
        assert_eq!(mounts_of(mounts(text), inside, "net:[1]").count(), 0);
    }
}
