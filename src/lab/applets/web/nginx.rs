//! What the stand-in needs to be used as nginx: its command line, its file, and its directives that have no effect
//! here.

use std::path::Path;

use crate::procfs::Mount;

/// The path of the configuration in nginx's image.
pub const CONFIG: &str = "/etc/nginx/nginx.conf";

/// Directives that are accepted but have no effect: those of nginx's default file, and usual ones of proxies.
pub const IGNORED: [&str; 34] = [
    "charset",
    "client_body_temp_path",
    "client_max_body_size",
    "daemon",
    "default_type",
    "error_page",
    "expires",
    "fastcgi_temp_path",
    "gzip",
    "gzip_types",
    "index",
    "keepalive_timeout",
    "log_not_found",
    "multi_accept",
    "pid",
    "proxy_buffering",
    "proxy_connect_timeout",
    "proxy_http_version",
    "proxy_read_timeout",
    "proxy_redirect",
    "proxy_send_timeout",
    "proxy_set_header",
    "proxy_temp_path",
    "scgi_temp_path",
    "send_timeout",
    "sendfile",
    "server_tokens",
    "tcp_nodelay",
    "tcp_nopush",
    "types",
    "types_hash_max_size",
    "use",
    "user",
    "uwsgi_temp_path",
];

/// Directives of nginx that would have an effect but are not implemented.
pub const UNSUPPORTED: [&str; 22] = [
    "add_header",
    "alias",
    "allow",
    "auth_basic",
    "autoindex",
    "deny",
    "fastcgi_pass",
    "if",
    "limit_req",
    "load_module",
    "mail",
    "map",
    "return",
    "rewrite",
    "set",
    "ssl_certificate",
    "ssl_certificate_key",
    "stream",
    "stub_status",
    "sub_filter",
    "try_files",
    "upstream",
];

/// nginx's command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// `-c FILE`.
    pub file: Option<String>,
    /// `-g DIRECTIVES`.
    pub globals: Option<String>,
    /// The remaining arguments, which are the stand-in's options.
    pub rest: Vec<String>,
}

impl CommandLine {
    /// Parses the command of the image, such as `nginx -g 'daemon off;'`, or only its options.
    ///
    /// # Errors
    /// An option without its value, with nginx's message.
    pub fn read(args: &[String]) -> Result<Self, String> {
        let mut line = Self::default();
        let args = match args.split_first() {
            Some((first, rest)) if first == "nginx" => rest,
            _ => args,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value =
                |what: &str| args.next().cloned().ok_or_else(|| format!("option \"{arg}\" requires {what}"));
            match arg.as_str() {
                "-c" => line.file = Some(value("file name")?),
                "-g" => line.globals = Some(value("parameter")?),
                _ => line.rest.push(arg.clone()),
            }
        }
        Ok(line)
    }
}

/// The mount source of the layers with mount points that the lab puts over the host's directories.
const LAYER: &str = "layer";

/// Whether the pod has mounted nginx's configuration. The host may have one at the same path, which is not meant for
/// the pod.
pub fn is_mounted(mounts: &[Mount]) -> bool {
    let at = |mount: &Mount| mount.point == Path::new(CONFIG) || mount.point == Path::new("/etc/nginx");
    mounts.iter().any(|mount| at(mount) && mount.source != LAYER)
}

/// Whether a file belongs to the pod and not to a package of the host. In `/etc` these are the files that it has
/// mounted.
pub fn is_of_pod(mounts: &[Mount], path: &Path) -> bool {
    let is_in_etc = |path: &Path| path.starts_with("/etc") && path != Path::new("/etc");
    let mounted = |mount: &Mount| is_in_etc(&mount.point) && mount.source != LAYER && path.starts_with(&mount.point);
    !is_in_etc(path) || mounts.iter().any(mounted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs;

    #[test]
    fn the_command_line_is_parsed() {
        let read = |args: &[&str]| CommandLine::read(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        let line = |file: Option<&str>, globals: Option<&str>, rest: &[&str]| CommandLine {
            file: file.map(str::to_owned),
            globals: globals.map(str::to_owned),
            rest: rest.iter().map(|a| (*a).to_owned()).collect(),
        };
        assert_eq!(read(&["nginx", "-g", "daemon off;"]), Ok(line(None, Some("daemon off;"), &[])));
        assert_eq!(read(&["-c", "/x", "--port", "81"]), Ok(line(Some("/x"), None, &["--port", "81"])));
        assert_eq!(read(&["-g"]), Err("option \"-g\" requires parameter".to_owned()));
    }

    #[test]
    fn only_files_mounted_by_the_pod_are_its_own() {
        let line = |point: &str, source: &str| format!("36 35 98:0 /x {point} ro,relatime - tmpfs {source} rw\n");
        let parsed = |text: &str| procfs::mounts(text.as_bytes()).collect::<Vec<_>>();
        for (mounts, want) in [
            (line("/etc", "etc"), false),
            (line("/etc", "layer"), false),
            (line("/etc/nginx", "layer"), false),
            (line("/etc/nginx/conf.d", "podscope"), false),
            (line("/etc/nginx", "podscope"), true),
            (line("/etc", "layer") + &line("/etc/nginx/nginx.conf", "podscope"), true),
        ] {
            assert_eq!(is_mounted(&parsed(&mounts)), want, "{mounts}");
        }
        let conf = "/etc/nginx/conf.d/a.conf";
        for (mounts, path, want) in [
            (line("/etc", "etc"), conf, false),
            (line("/etc/nginx", "layer"), conf, false),
            (line("/etc/nginx/conf.d", "podscope"), conf, true),
            (line("/etc/nginx/conf.d", "podscope"), "/etc/nginx/conf.d2/a.conf", false),
            (line(conf, "podscope"), conf, true),
            (String::new(), "/tmp/a.conf", true),
        ] {
            assert_eq!(is_of_pod(&parsed(&mounts), Path::new(path)), want, "{mounts} {path}");
        }
    }
}
