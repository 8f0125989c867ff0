//! The configuration of the server: defaults, overridden by a file in a small subset of nginx's language, overridden by
//! flags.
//!
//! ```text
//! worker_processes 2;
//! error_log /dev/stderr;
//! events { worker_connections 256; }
//! http {
//!     access_log /var/log/nginx/access.log;    # or off; `combined` after it adds referrer and agent
//!     server {
//!         listen 80;                           # or ADDRESS:80
//!         root /usr/share/nginx/html;
//!         location /blog/ { proxy_pass http://127.0.0.1:2368/; }
//!     }
//! }
//! ```
//!
//! The blocks `http` and `server` may be left out. Anything unknown is an error, as in nginx.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::directives;
use super::include::SearchPaths;
use super::log::{Format, Target};
use super::nginx::{self, CommandLine};
use super::syntax::ConfigError;
use crate::lab::applets::http::url::Url;
use crate::lab::applets::options::Options;
use crate::procfs::own_mounts;

/// The paths of the pages and the log in nginx's image.
const ROOT: &str = "/usr/share/nginx/html";
const LOG: &str = "/var/log/nginx/access.log";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub listen: SocketAddr,
    pub workers: usize,
    /// The greatest number of connections of each worker.
    pub connections: usize,
    pub root: PathBuf,
    pub access: Target,
    pub format: Format,
    /// The names defined by `log_format`. They all mean `combined` here.
    pub formats: Vec<String>,
    pub errors: Target,
    /// The locations, longest prefix first.
    pub locations: Vec<Location>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub prefix: String,
    pub serves: Serves,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serves {
    Files(PathBuf),
    /// If there is a path, it replaces the prefix.
    Proxy {
        addresses: Vec<SocketAddr>,
        path: Option<String>,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::UNSPECIFIED, 80).into(),
            workers: 2,
            connections: 256,
            root: ROOT.into(),
            access: Target::of(LOG),
            format: Format::Common,
            formats: Vec::new(),
            errors: Target::Stderr,
            locations: Vec::new(),
        }
    }
}

/// The command line.
pub struct Flags {
    file: Option<String>,
    /// Directives given on the command line.
    globals: Option<String>,
    /// Whether it is started or configured like nginx.
    as_nginx: bool,
    port: Option<u16>,
    root: Option<PathBuf>,
    log: Option<Target>,
    workers: Option<usize>,
    proxy: Option<Url>,
}

impl Flags {
    pub fn read(args: &[String]) -> Result<Self, String> {
        let CommandLine { file, globals, rest } = CommandLine::read(args)?;
        let own = file.is_some() || globals.is_some();
        let options = Options::read(&rest, &["config", "port", "root", "log", "workers", "proxy"], &[])?;
        let given = file.or_else(|| options.get("config").map(str::to_owned));
        let mounted = || nginx::is_mounted(&own_mounts().unwrap_or_default());
        let default = (given.is_none() && mounted()).then(|| nginx::CONFIG.to_owned());
        Ok(Self {
            as_nginx: own || default.is_some(),
            file: given.or(default),
            globals,
            port: options.parsed("port", None, "a port", |text| text.parse().ok().map(Some))?,
            root: options.get("root").map(PathBuf::from),
            log: options.get("log").map(Target::of),
            workers: options.parsed("workers", None, "1 to 64", |text| workers(text).map(Some))?,
            proxy: options.parsed("proxy", None, "http://HOST[:PORT]", |text| Url::parse(text).map(Some))?,
        })
    }
}

impl Flags {
    /// The name of the program in error messages.
    pub const fn name(&self) -> &'static str {
        if self.as_nginx { "nginx" } else { "web" }
    }
}

pub fn workers(text: &str) -> Option<usize> {
    text.parse().ok().filter(|n| (1..=64).contains(n))
}

impl Config {
    /// Reads the configuration file. Flags override it.
    pub fn load(flags: &Flags) -> Result<Self, String> {
        let mut config = Self::default();
        let mounts = own_mounts().unwrap_or_default();
        let first = Path::new(flags.file.as_deref().unwrap_or(nginx::CONFIG));
        let paths = SearchPaths { base: first.parent().unwrap_or(Path::new("/")), mounts: &mounts };
        let at = |error: ConfigError, file: &str| {
            let ConfigError { what, line, file } = error.or_in_file(file);
            format!("{what} in {}:{line}", file.unwrap_or_default())
        };
        if let Some(text) = &flags.globals {
            directives::apply(&mut config, text, &paths).map_err(|error| match error.file {
                None => format!("{} in command line", error.what),
                Some(_) => at(error, ""),
            })?;
        }
        if let Some(file) = &flags.file {
            let text = std::fs::read_to_string(file).map_err(|e| format!("open() \"{file}\" failed ({e})"))?;
            directives::apply(&mut config, &text, &paths).map_err(|error| at(error, file))?;
        }
        if let Some(port) = flags.port {
            config.listen.set_port(port);
        }
        if let Some(root) = &flags.root {
            config.root.clone_from(root);
        }
        if let Some(log) = &flags.log {
            config.access = log.clone();
        }
        config.workers = flags.workers.unwrap_or(config.workers);
        if let Some(url) = &flags.proxy {
            let serves = proxy(url)?;
            config.locations.retain(|location| location.prefix != "/");
            config.locations.push(Location { prefix: "/".to_owned(), serves });
        }
        config.locations.sort_by_key(|location| std::cmp::Reverse(location.prefix.len()));
        Ok(config)
    }
}

/// Resolves the upstream of a proxy.
///
/// # Errors
/// The upstream's name is unknown. nginx does not start in that case either.
pub fn proxy(url: &Url) -> Result<Serves, String> {
    let addresses = url.addresses().unwrap_or_default();
    if addresses.is_empty() {
        return Err(format!("host not found in upstream \"{}\"", url.host));
    }
    Ok(Serves::Proxy { addresses, path: (!url.path.is_empty()).then(|| url.path.clone()) })
}
