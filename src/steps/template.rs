//! Templates for a container that joins a pod.

/// A container to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name, unless the pod already has a container of that name.
    pub name: &'static str,
    pub image: &'static str,
    /// The command as typed in a shell; empty for the command of the image.
    pub command: &'static str,
    /// A description in a few words.
    pub about: &'static str,
}

const fn template(name: &'static str, image: &'static str, command: &'static str, about: &'static str) -> Template {
    Template { name, image, command, about }
}

impl Template {
    /// In the order of the list in the window; the first one is the default.
    pub const ALL: [Self; 6] = [
        template("nginx", "nginx", "", "a web server on port 80"),
        template("busybox", "busybox", "sleep 1d", "shell tools to inspect the pod"),
        template("ghost", "ghost", "", "a blog on port 2368, for nginx to proxy to"),
        template("zombies", "podscope/zombies", "", "makes orphans that PID 1 must reap"),
        template("deaf", "podscope/deaf", "", "has no handler for TERM"),
        template("shell", "", "sh -c 'while sleep 5; do date; done'", "a program of this machine"),
    ];

    /// This name, or else `NAME-2`, `NAME-3` and so on, whichever is free first.
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
    fn every_template_has_a_command_or_a_known_image() {
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
