//! What runs in place of an image: a stand-in, or a program of the host.

use super::{ContainerSpec, PullPolicy};
use crate::model::Program;

/// The images that have a stand-in, by their last path element, the applet it is, and what `ps` shows it as. The last
/// six are no one else's images: `podscope/zombies` and so on.
const STAND_INS: [(&str, &str, &str); 13] = [
    ("nginx", "web", "nginx"),
    ("httpd", "web", "httpd"),
    ("caddy", "web", "caddy"),
    ("busybox", "client", "client"),
    ("curl", "client", "client"),
    ("alpine", "client", "client"),
    ("ghost", "blog", "node"),
    ("zombies", "zombies", "zombies"),
    ("crash", "crash", "crash"),
    ("waiter", "waiter", "waiter"),
    ("deaf", "deaf", "deaf"),
    ("hand", "hand", "hand"),
    ("client", "client", "client"),
];

/// Images without an entrypoint, by their last path element: there the first of `args` is the program, as the
/// runtimes have it (`WithProcessArgs` of containerd's `internal/cri/opts`).
const WITHOUT_ENTRYPOINT: [&str; 23] = [
    "almalinux",
    "alpine",
    "amazonlinux",
    "archlinux",
    "buildpack-deps",
    "busybox",
    "centos",
    "debian",
    "erlang",
    "fedora",
    "gcc",
    "golang",
    "haskell",
    "leap",
    "oraclelinux",
    "perl",
    "python",
    "rockylinux",
    "ruby",
    "rust",
    "tumbleweed",
    "ubi",
    "ubuntu",
];

/// `docker.io/library/nginx:1.29@sha256:…` is `nginx`.
pub fn image_name(image: &str) -> &str {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split(':').next().unwrap_or(last)
}

/// The tag that the image is pulled by: `latest` if it names none, nothing if it is named by digest alone
/// (`ParseImageName` in pkg/util/parsers).
fn image_tag(image: &str) -> Option<&str> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or(name);
    match (last.split_once(':'), digest) {
        (Some((_, tag)), _) => Some(tag),
        (None, None) => Some("latest"),
        (None, Some(_)) => None,
    }
}

/// The API server's default goes by the tag (`SetDefaults_Container` in pkg/apis/core/v1/defaults.go).
pub(super) fn usual_pull_policy(image: &str) -> PullPolicy {
    if image_tag(image) == Some("latest") { PullPolicy::Always } else { PullPolicy::IfNotPresent }
}

/// Whether docker must be told of a `command` by `--entrypoint`, since the image has one of its own.
pub fn needs_entrypoint_option(image: &str) -> bool {
    !WITHOUT_ENTRYPOINT.contains(&image_name(image))
}

/// The names of the images that have a stand-in.
pub fn stand_in_images() -> impl Iterator<Item = &'static str> {
    STAND_INS.iter().map(|(image, ..)| *image)
}

fn stand_in(name: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    STAND_INS.iter().find(|(image, ..)| *image == name)
}

impl ContainerSpec {
    /// What is started in place of the image; `None` if there is no such stand-in and no command.
    pub fn program(&self) -> Option<Program> {
        let name = image_name(&self.image);
        let args_are_the_program = !self.args.is_empty() && WITHOUT_ENTRYPOINT.contains(&name);
        if !self.command.is_empty() || args_are_the_program {
            return Some(Program::Host);
        }
        stand_in(name).map(|(_, applet, _)| Program::StandIn((*applet).to_owned()))
    }

    /// What the image's stand-in is shown as by `ps`.
    pub fn stand_in_is_shown_as(&self) -> Option<&'static str> {
        stand_in(image_name(&self.image)).map(|(.., shown)| *shown)
    }
}

#[cfg(test)]
mod tests {
    use super::{WITHOUT_ENTRYPOINT, image_name, image_tag};
    use crate::lab::spec::ContainerSpec;
    use crate::model::Program;

    #[test]
    fn an_image_is_known_by_its_last_name() {
        for image in ["nginx", "nginx:1.29", "docker.io/library/nginx:1.29@sha256:00", "localhost:5000/nginx"] {
            assert_eq!(image_name(image), "nginx", "{image}");
        }
    }

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        for (image, tag) in [
            ("nginx", Some("latest")),
            ("localhost:5000/nginx", Some("latest")),
            ("nginx:1.29", Some("1.29")),
            ("registry.k8s.io/pause:latest", Some("latest")),
            ("nginx@sha256:00", None),
            ("nginx:1.29@sha256:00", Some("1.29")),
        ] {
            assert_eq!(image_tag(image), tag, "{image}");
        }
    }

    #[test]
    fn args_are_the_program_where_the_image_has_no_entrypoint() {
        assert!(WITHOUT_ENTRYPOINT.is_sorted());
        let stand_in = |name: &str| Some(Program::StandIn(name.to_owned()));
        for (image, command, args, want) in [
            ("registry.k8s.io/busybox:1.27.2", &[][..], &["/bin/sh", "-c", "true"][..], Some(Program::Host)),
            ("debian", &[], &["date"], Some(Program::Host)),
            ("ubuntu:24.04", &[], &["date"], Some(Program::Host)),
            ("alpine", &[], &["date"], Some(Program::Host)),
            ("busybox", &[], &[], stand_in("client")),
            ("busybox", &["date"], &["-u"], Some(Program::Host)),
            // these have an entrypoint, and the stand-in is that
            ("nginx", &[], &["--port", "81"], stand_in("web")),
            ("ghost", &[], &["x"], stand_in("blog")),
            ("podscope/client", &[], &["--every", "1s"], stand_in("client")),
            ("redis", &[], &["redis-server"], None),
            ("debian", &[], &[], None),
        ] {
            let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
            let (command, args) = (words(command), words(args));
            let container = ContainerSpec { image: image.to_owned(), command, args, ..ContainerSpec::default() };
            assert_eq!(container.program(), want, "{container:?}");
        }
    }
}
