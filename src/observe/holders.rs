//! What holds a namespace besides its members: bind mounts and open files.

use std::fs;

use super::namespaces::Holder;
use crate::model::NsId;

/// All visible holders: mounts in our own mount namespace, and open files of these processes.
pub fn of(ns: NsId, pids: &mut dyn Iterator<Item = u32>) -> Vec<Holder> {
    let name = ns.to_string();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found: Vec<Holder> = mounts_of(&mounts, &name).map(Holder::Mount).collect();
    for pid in pids {
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let open =
            files.flatten().filter(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == &*name));
        let numbers = open.filter_map(|file| file.file_name().to_str()?.parse().ok());
        found.extend(numbers.map(|fd| Holder::Open { pid, fd }));
    }
    found
}

/// Ids of the mounts of a namespace's file, from the text of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).
fn mounts_of<'a>(mountinfo: &'a str, name: &'a str) -> impl Iterator<Item = u64> + 'a {
    mountinfo.lines().filter_map(move |line| {
        let mut words = line.split(' ');
        let id = words.next()?.parse().ok()?;
        (words.nth(2)? == name).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_by_the_namespace_they_hold() {
        let text = "22 1 0:20 / /proc rw - proc proc rw\n\
                    91 22 0:4 net:[4026532177] /run/netns/x rw shared:1 - nsfs nsfs rw\n\
                    92 22 0:4 net:[4026532178] /run/netns/y rw - nsfs nsfs rw\n";
        assert_eq!(mounts_of(text, "net:[4026532177]").collect::<Vec<_>>(), [91]);
        assert_eq!(mounts_of(text, "net:[1]").count(), 0);
    }
}
