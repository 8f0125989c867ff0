//! Commands for a lab that runs in another terminal or window. Their arguments follow kubectl.

pub mod attach;
pub mod debug;
pub mod delete;
pub mod describe;
pub mod exec;
mod find;
pub mod get;
mod keys;
pub mod labs;
pub mod logs;
pub mod ps;
mod raw;
mod relay;

use crate::control::{ClientError, Target};

use super::output::{Failure, note};

/// Which lab to use when several run.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct LabChoice {
    /// The pid of the lab, if several run; see `podscope labs`.
    #[arg(long = "lab", value_name = "PID")]
    pid: Option<u32>,
}

/// A container, named as in kubectl.
#[derive(Clone, Debug, clap::Args)]
pub struct TargetArgs {
    /// The pod, or the container in it.
    #[arg(value_name = "POD[/CONTAINER]")]
    name: String,
    /// The container; by default the first one of the pod.
    #[arg(short, long, value_name = "CONTAINER")]
    container: Option<String>,
    #[command(flatten)]
    lab: LabChoice,
}

impl TargetArgs {
    fn target(&self) -> Result<Target, Failure> {
        // as in kubectl, pod/NAME means the pod
        let name = self.name.strip_prefix("pod/").or(self.name.strip_prefix("pods/")).unwrap_or(&self.name);
        let (pod, container) = match name.split_once('/') {
            Some((pod, container)) => (pod, Some(container.to_owned())),
            None => (name, None),
        };
        let container = match (container, self.container.clone()) {
            (Some(one), Some(other)) if one != other => {
                let why = format!("which container, {one} or {other}? name it once: {pod}/{one}, or -c {other}");
                return Err(Failure::Usage(why));
            }
            (one, other) => one.or(other),
        };
        Ok(Target { pod: pod.to_owned(), container })
    }
}

/// The names without the kind: `pod NAME`, `pods/NAME` and `NAME` mean the same.
fn pod_names(words: &[String]) -> Vec<&str> {
    let kind = words.first().is_some_and(|word| matches!(word.as_str(), "pod" | "pods" | "po"));
    let names = words.iter().skip(usize::from(kind)).map(String::as_str);
    names.map(|name| name.strip_prefix("pod/").or(name.strip_prefix("pods/")).unwrap_or(name)).collect()
}

fn failure(e: ClientError) -> Failure {
    Failure::failed(e)
}

fn print_note(text: &str) {
    note(text);
}

#[cfg(test)]
mod tests {
    use super::{LabChoice, TargetArgs};

    fn target(name: &str, container: Option<&str>) -> Result<(String, Option<String>), String> {
        let container = container.map(str::to_owned);
        let args = TargetArgs { name: name.to_owned(), container, lab: LabChoice::default() };
        args.target().map(|t| (t.pod, t.container)).map_err(|e| e.to_string())
    }

    #[test]
    fn a_container_can_be_named_in_several_ways() {
        let web = |container: Option<&str>| Ok(("web".to_owned(), container.map(str::to_owned)));
        assert_eq!(target("web", None), web(None));
        assert_eq!(target("pod/web", None), web(None));
        assert_eq!(target("web/nginx", None), web(Some("nginx")));
        assert_eq!(target("pods/web/nginx", None), web(Some("nginx")));
        assert_eq!(target("web", Some("nginx")), web(Some("nginx")));
        assert_eq!(target("web/nginx", Some("nginx")), web(Some("nginx")));
        assert!(target("web/nginx", Some("busybox")).is_err());
    }
}
