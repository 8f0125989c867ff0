//! Containers to choose from when one joins a pod.

/// A container to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// What it is called, unless the pod has one of that name.
    pub name: &'static str,
    pub image: &'static str,
    /// As one types it in a shell; nothing is what the image starts.
    pub command: &'static str,
    /// In a few words.
    pub about: &'static str,
}

const fn template(name: &'static str, image: &'static str, command: &'static str, about: &'static str) -> Template {
    Template { name, image, command, about }
}

impl Template {
    /// In the order in which they are offered; the first is the usual one.
    pub const ALL: [Self; 6] = [
        template("nginx", "nginx", "", "a web server on port 80"),
        template("busybox", "busybox", "sleep 1d", "a shell's tools, to look around with"),
        template("ghost", "ghost", "", "a blog on port 2368, for nginx to proxy to"),
        template("zombies", "podscope/zombies", "", "leaves zombies to whoever must reap them"),
        template("deaf", "podscope/deaf", "", "does not hear TERM"),
        template("shell", "", "sh -c 'while sleep 5; do date; done'", "a program of this machine"),
    ];

    /// This name, or the first with a number behind it that is not taken.
    pub fn free_name(name: &str, taken: impl Fn(&str) -> bool) -> String {
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Template;
    use crate::lab::spec::stand_in_images;

    #[test]
    fn each_has_something_to_run() {
        for Template { image, command, .. } in Template::ALL {
            let known = stand_in_images().any(|name| image == name || image == format!("podscope/{name}"));
            assert!(known || !command.is_empty(), "{image}");
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let taken = ["web", "web-2"];
        assert_eq!(Template::free_name("web", |name| taken.contains(&name)), "web-3");
        assert_eq!(Template::free_name("api", |name| taken.contains(&name)), "api");
    }
}
