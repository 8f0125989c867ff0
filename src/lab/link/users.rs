//! User and group ids for the lab: 65,536 as in any container if the machine allows it, otherwise one.
//!
//! An ordinary user may map only itself (`user_namespaces(7)`); `newuidmap(1)` also maps the range that
//! `/etc/subuid(5)` assigns to it. Root changes to the first user of a range that is not assigned to anyone, and maps
//! that range.

use std::fs;
use std::process::{Command, Stdio};

use nix::unistd::{User, geteuid};

use crate::lab::protocol::MappedIds;

/// The number of ids in the user namespace, including 0.
pub const ALL: u32 = 65_536;
/// The start of the ranges for labs of root: between systemd's for containers and the reserved ones
/// (<https://systemd.io/UIDS-GIDS>).
const UNUSED: u32 = 1_900_000_000;
/// The end of these ranges.
const UNUSED_END: u32 = 2_100_000_000;

/// The user that root changes to before it starts a lab: the first id of a range in which this machine has no user,
/// group or subordinate range. Unlike `nobody` it owns no process and no file. `None` if this process is not root.
pub fn for_root() -> Option<u32> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    geteuid().is_root().then(|| {
        let single = [read("/etc/passwd"), read("/etc/group")];
        let ranges = [read(USERS.ranges_file), read(GROUPS.ranges_file)];
        first_unassigned(&single, &ranges)
    })
}

fn first_unassigned(single: &[String], ranges: &[String]) -> u32 {
    let number = |line: &str, field: usize| line.split(':').nth(field)?.trim().parse::<u32>().ok();
    let ids = single.iter().flat_map(|text| text.lines()).filter_map(|line| Some((number(line, 2)?, 1)));
    let taken: Vec<(u32, u32)> = ranges
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| Some((number(line, 1)?, number(line, 2)?)))
        .chain(ids)
        .collect();
    let is_free = |first: &u32| {
        let after = *first + ALL;
        taken.iter().all(|(start, count)| start.saturating_add(*count) <= *first || *start >= after)
    };
    (UNUSED..UNUSED_END).step_by(ALL as usize).find(is_free).unwrap_or(UNUSED)
}

/// Maps as many ids as allowed for a process in a new user namespace. Returns what has been mapped.
pub fn map_for(pid: u32) -> MappedIds {
    let Some((uid, gid)) = owner(pid) else { return MappedIds::default() };
    MappedIds { users: map(pid, &USERS, uid), groups: map(pid, &GROUPS, gid) }
}

struct Kind {
    file: &'static str,
    ranges_file: &'static str,
    helper: &'static str,
}

const USERS: Kind = Kind { file: "uid_map", ranges_file: "/etc/subuid", helper: "newuidmap" };
const GROUPS: Kind = Kind { file: "gid_map", ranges_file: "/etc/subgid", helper: "newgidmap" };

/// The effective ids of a process in our user namespace.
fn owner(pid: u32) -> Option<(u32, u32)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let effective =
        |name: &str| status.lines().find_map(|l| l.strip_prefix(name)?.split_whitespace().nth(1)?.parse().ok());
    Some((effective("Uid:")?, effective("Gid:")?))
}

fn map(pid: u32, kind: &Kind, own: u32) -> bool {
    if geteuid().is_root() {
        // root of a user namespace without such a range maps only itself
        if own == 0 {
            return false;
        }
        let text = format!("0 {own} {ALL}\n");
        return fs::write(format!("/proc/{pid}/{}", kind.file), text).is_ok();
    }
    let Some((start, count)) = subordinate_range(kind.ranges_file) else { return false };
    let numbers = [pid, 0, own, 1, 1, start, count.min(ALL - 1)].map(|n| n.to_string());
    let helper = Command::new(kind.helper).args(numbers).stdin(Stdio::null()).stdout(Stdio::null()).output();
    helper.is_ok_and(|done| done.status.success())
}

/// The first subordinate range of our user.
fn subordinate_range(file: &str) -> Option<(u32, u32)> {
    let uid = geteuid();
    let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
    range_of(&fs::read_to_string(file).ok()?, name.as_deref(), uid.as_raw())
}

fn range_of(text: &str, name: Option<&str>, uid: u32) -> Option<(u32, u32)> {
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let whose = fields.next()?;
        if Some(whose) != name && whose.parse() != Ok(uid) {
            return None;
        }
        let (start, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (count > 0).then_some((start, count))
    })
}

#[cfg(test)]
mod tests {
    use super::{ALL, UNUSED, first_unassigned, range_of};

    #[test]
    fn root_takes_a_range_that_is_not_assigned() {
        let none = [String::new()];
        assert_eq!(first_unassigned(&none, &none), UNUSED);
        let of_a_user = [format!("alice:x:{}:100::/:", UNUSED + 65_535)];
        assert_eq!(first_unassigned(&of_a_user, &none), UNUSED + ALL);
        let ranges = [format!("bob:{}:{}", UNUSED - 5, ALL), format!("eve:{}:1", UNUSED + ALL)];
        assert_eq!(first_unassigned(&none, &ranges), UNUSED + 2 * ALL);
        let all = [format!("bob:0:{}", u32::MAX)];
        assert_eq!(first_unassigned(&none, &all), UNUSED, "none is free: the one least likely to be used");
    }

    #[test]
    fn a_range_is_found_by_user_name_or_number() {
        let text = "# none\nbob:100000:65536\n1000:231072:65536\nalice:x:1\nalice:165536:1000\n";
        assert_eq!(range_of(text, Some("bob"), 1), Some((100_000, 65_536)));
        assert_eq!(range_of(text, Some("eve"), 1000), Some((231_072, 65_536)));
        assert_eq!(
            range_of(text, Some("alice"), 7),
            Some((165_536, 1_000)),
            "a line that cannot be read is passed over"
        );
        assert_eq!(range_of(text, None, 7), None);
        assert_eq!(range_of("bob:1:0", Some("bob"), 1), None);
    }
}
