//! What runs instead of an image: a stand-in, or a program of the host.

use super::{ContainerSpec, PullPolicy};
use crate::model::Program;

/// The images that have a stand-in: last path element of the image, applet, and the name in `ps`. The last six exist
/// only here, as `podscope/zombies` and so on.
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

/// Images without an entrypoint, by their last path element. With these the first word of `args` is the program, as in
/// the runtimes (`WithProcessArgs` of containerd's `internal/cri/opts`).
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

/// The last path element without tag and digest: `nginx` for `docker.io/library/nginx:1.29@sha256:…`.
pub fn image_name(image: &str) -> &str {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split(':').next().unwrap_or(last)
}

/// The tag of the image: `latest` if there is neither a tag nor a digest, `None` if there is only a digest
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

/// The API server's default, which depends on the tag (`SetDefaults_Container` in pkg/apis/core/v1/defaults.go).
pub(super) fn default_pull_policy(image: &str) -> PullPolicy {
    if image_tag(image) == Some("latest") { PullPolicy::Always } else { PullPolicy::IfNotPresent }
}

/// Whether `docker run` needs `--entrypoint` for a `command`, since the image has an entrypoint.
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
    /// What is started instead of the image; `None` if there is neither a stand-in nor a command.
    pub fn program(&self) -> Option<Program> {
        let name = image_name(&self.image);
        let args_are_the_program = !self.args.is_empty() && WITHOUT_ENTRYPOINT.contains(&name);
        if !self.command.is_empty() || args_are_the_program {
            return Some(Program::Host);
        }
        stand_in(name).map(|(_, applet, _)| Program::StandIn((*applet).to_owned()))
    }

    /// The name of the image's stand-in in `ps`.
    pub fn stand_in_name(&self) -> Option<&'static str> {
        stand_in(image_name(&self.image)).map(|(.., shown)| *shown)
    }
}

#[cfg(test)]
mod tests {
    use super::{WITHOUT_ENTRYPOINT, image_name, image_tag};
    use crate::lab::spec::ContainerSpec;
    use crate::model::Program;

    #[test]
    fn the_image_name_is_the_last_path_element() {
        for image in ["nginx", "nginx:1.29", "docker.io/library/nginx:1.29@sha256:00", "localhost:5000/nginx"] {
            assert_eq!(image_name(image), "nginx", "{image}");
        }
    }

    #[test]
    fn an_image_without_tag_and_digest_has_the_tag_latest() {
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
            // these have an entrypoint, which the stand-in replaces
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
