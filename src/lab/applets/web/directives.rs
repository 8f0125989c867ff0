//! Applies the directives of the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::config::{Config, Location, Serves, proxy, workers};
use super::include::SearchPaths;
use super::log::{Format, Target};
use super::nginx::{IGNORED, UNSUPPORTED};
use super::syntax::{ConfigError, Directive, parse};
use crate::lab::applets::http::url::Url;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Main,
    Events,
    Http,
    Server,
    Location,
}

struct DirectiveSpec {
    name: &'static str,
    args: RangeInclusive<usize>,
    block: bool,
    contexts: &'static [Context],
}

const fn spec(
    name: &'static str,
    args: RangeInclusive<usize>,
    block: bool,
    contexts: &'static [Context],
) -> DirectiveSpec {
    DirectiveSpec { name, args, block, contexts }
}

/// `http` and `server` may be left out, so their directives are allowed outside as well.
const OUTER: &[Context] = &[Context::Main, Context::Http, Context::Server];

const DIRECTIVES: [DirectiveSpec; 13] = [
    spec("events", 0..=0, true, &[Context::Main]),
    spec("http", 0..=0, true, &[Context::Main]),
    spec("server", 0..=0, true, &[Context::Main, Context::Http]),
    spec("location", 1..=1, true, OUTER),
    spec("worker_processes", 1..=1, false, &[Context::Main]),
    spec("worker_connections", 1..=1, false, &[Context::Events]),
    spec("error_log", 1..=2, false, OUTER),
    spec("access_log", 1..=2, false, OUTER),
    spec("log_format", 2..=64, false, &[Context::Http]),
    spec("listen", 1..=2, false, OUTER),
    spec("server_name", 1..=64, false, OUTER),
    spec("root", 1..=1, false, &[Context::Main, Context::Http, Context::Server, Context::Location]),
    spec("proxy_pass", 1..=1, false, &[Context::Location]),
];

/// Applies the directives of a text and of the files that it includes.
pub fn apply(config: &mut Config, text: &str, paths: &SearchPaths<'_>) -> Result<(), ConfigError> {
    let directives = paths.expand(parse(text, &refuse_name)?, &refuse_name, 0)?;
    block(config, &directives, Context::Main, &mut Vec::new())
}

/// Why a directive's name is wrong. Names with a slash occur in `types`; elsewhere they are refused later.
fn refuse_name(name: &str) -> Option<String> {
    if name.contains('/')
        || name == "include"
        || DIRECTIVES.iter().any(|known| known.name == name)
        || has_no_effect(name)
    {
        None
    } else if UNSUPPORTED.contains(&name) {
        Some(format!("directive \"{name}\" is nginx's, and this stand-in does not have it"))
    } else {
        Some(format!("unknown directive \"{name}\""))
    }
}

fn has_no_effect(name: &str) -> bool {
    IGNORED.contains(&name)
}

/// Applies the directives of a block. The same directive twice is an error, even in different blocks: they do not
/// override each other.
fn block(
    config: &mut Config,
    directives: &[Directive],
    context: Context,
    seen: &mut Vec<String>,
) -> Result<(), ConfigError> {
    for directive in directives.iter().filter(|d| !has_no_effect(&d.name)) {
        check(directive, context)?;
        if !matches!(directive.name.as_str(), "location" | "log_format") {
            if seen.contains(&directive.name) {
                return Err(directive.error(format!("\"{}\" directive is duplicate", directive.name)));
            }
            seen.push(directive.name.clone());
        }
        let inner = directive.block.as_deref().unwrap_or_default();
        match directive.name.as_str() {
            "events" => block(config, inner, Context::Events, seen)?,
            "http" => block(config, inner, Context::Http, seen)?,
            "server" => block(config, inner, Context::Server, seen)?,
            "location" => location(config, directive)?,
            _ => set(config, directive).map_err(|what| directive.error(what))?,
        }
    }
    Ok(())
}

fn check(directive: &Directive, context: Context) -> Result<(), ConfigError> {
    let Directive { name, args, block, .. } = directive;
    let Some(known) = DIRECTIVES.iter().find(|known| known.name == name) else {
        return Err(directive.error(format!("unknown directive \"{name}\"")));
    };
    if !known.contexts.contains(&context) {
        return Err(directive.error(format!("\"{name}\" directive is not allowed here")));
    }
    match (known.block, block) {
        (true, None) => return Err(directive.error(format!("directive \"{name}\" has no opening \"{{\""))),
        (false, Some(_)) => return Err(directive.error(format!("directive \"{name}\" is not terminated by \";\""))),
        _ => {}
    }
    if known.args.contains(&args.len()) {
        Ok(())
    } else {
        Err(directive.error(format!("invalid number of arguments in \"{name}\" directive")))
    }
}

fn set(config: &mut Config, directive: &Directive) -> Result<(), String> {
    let Directive { name, args, .. } = directive;
    let first = args.first().map_or("", String::as_str);
    let second = args.get(1).map(String::as_str);
    let invalid = || format!("invalid value \"{first}\" in \"{name}\" directive");
    match name.as_str() {
        "worker_processes" => config.workers = workers(first).ok_or_else(invalid)?,
        "worker_connections" => {
            config.connections = first.parse().ok().filter(|n| (1..=65_536).contains(n)).ok_or_else(invalid)?;
        }
        "error_log" => config.errors = Target::of(first),
        "access_log" => {
            config.access = if first == "off" { Target::Nowhere } else { Target::of(first) };
            config.format = match second {
                None | Some("common") => Format::Common,
                Some("combined") => Format::Combined,
                Some(own) if config.formats.iter().any(|known| known == own) => Format::Combined,
                Some(other) => return Err(format!("unknown log format \"{other}\"")),
            };
        }
        "listen" => {
            let invalid = || format!("invalid address or port in \"{first}\" of the \"listen\" directive");
            config.listen = listen(first).ok_or_else(invalid)?;
            if let Some(other) = second.filter(|word| *word != "default_server") {
                return Err(format!("invalid parameter \"{other}\""));
            }
        }
        "root" => config.root = first.into(),
        "log_format" => config.formats.push(first.to_owned()),
        // `server_name`: there is one server, for all names
        _ => {}
    }
    Ok(())
}

fn listen(text: &str) -> Option<SocketAddr> {
    let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    if let Ok(port) = text.parse() {
        return Some((any, port).into());
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some((ip, 80).into());
    }
    match text.strip_prefix("*:") {
        Some(port) => Some((any, port.parse().ok()?).into()),
        None => text.parse().ok(),
    }
}

/// nginx allows several; their precedence is not implemented here.
const ONE_ACTION: &str = "a location has one \"root\" or one \"proxy_pass\"";

fn location(config: &mut Config, directive: &Directive) -> Result<(), ConfigError> {
    let prefix = directive.args.first().cloned().unwrap_or_default();
    if !prefix.starts_with('/') {
        return Err(directive.error(format!("location \"{prefix}\" is not understood; expected a path")));
    }
    if config.locations.iter().any(|known| known.prefix == prefix) {
        return Err(directive.error(format!("duplicate location \"{prefix}\"")));
    }
    let mut serves = None;
    let inner = directive.block.as_deref().unwrap_or_default();
    for inner in inner.iter().filter(|d| !has_no_effect(&d.name)) {
        check(inner, Context::Location)?;
        if serves.is_some() {
            return Err(inner.error(ONE_ACTION));
        }
        let value = inner.args.first().map_or("", String::as_str);
        serves = Some(if inner.name == "root" {
            Serves::Files(PathBuf::from(value))
        } else {
            let url = Url::parse(value).ok_or_else(|| format!("invalid URL \"{value}\"; expected http://HOST[:PORT]"));
            url.and_then(|url| proxy(&url)).map_err(|what| inner.error(what))?
        });
    }
    let serves = serves.ok_or_else(|| directive.error(ONE_ACTION))?;
    config.locations.push(Location { prefix, serves });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::config::{Config, Location, Serves};
    use super::super::include::SearchPaths;
    use super::super::log::{Format, Target};
    use super::super::syntax::ConfigError;
    use super::apply;

    fn config(text: &str) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let paths = SearchPaths { base: std::path::Path::new("/nowhere"), mounts: &[] };
        apply(&mut config, text, &paths).map(|()| config)
    }

    /// From a tutorial about the Ghost blog behind nginx.
    const GHOST: &str = "error_log /dev/stderr;
events { worker_connections  1024; }
http {
    access_log /dev/stdout combined;
    server {
        listen 80 default_server;
        server_name example.com www.example.com;
        location / {
            proxy_pass http://127.0.0.1:2368;
        }
    }
}
";

    #[test]
    fn a_file_written_for_nginx_is_accepted() {
        let addresses = vec!["127.0.0.1:2368".parse().expect("an address")];
        let location = Location { prefix: "/".to_owned(), serves: Serves::Proxy { addresses, path: None } };
        let want = Config {
            connections: 1024,
            access: Target::Stdout,
            format: Format::Combined,
            locations: vec![location],
            ..Config::default()
        };
        assert_eq!(config(GHOST), Ok(want));
    }

    /// The default files of Debian and of nginx's image, without their includes.
    #[test]
    fn nginxs_default_file_is_accepted() {
        let text = "user  nginx;\nworker_processes  3;\npid /run/nginx.pid;\nerror_log /var/log/nginx/error.log notice;
events { worker_connections 1024; }
http { default_type application/octet-stream; types { text/html html; }
  log_format main '$remote_addr - $remote_user'
                  '\"$request\"';
  access_log /dev/stdout main; sendfile on; keepalive_timeout 65; gzip on;
  server { listen 81; index index.html; location / { root /srv; index index.html; } } }";
        let got = config(text).expect("taken");
        assert_eq!((got.workers, got.listen.port(), got.format), (3, 81, Format::Combined));
        assert_eq!(got.locations.len(), 1);
    }

    #[test]
    fn listen_accepts_ports_and_addresses() {
        for (text, want) in [
            ("8080", "0.0.0.0:8080"),
            ("*:8080", "0.0.0.0:8080"),
            ("127.0.0.1:81", "127.0.0.1:81"),
            ("127.0.0.1", "127.0.0.1:80"),
            ("[::1]:81", "[::1]:81"),
        ] {
            let got = config(&format!("listen {text};")).expect(text).listen;
            assert_eq!(got.to_string(), want);
        }
    }

    #[test]
    fn errors_name_their_line() {
        for (text, line, what) in [
            ("hhtp{\n", 1, "unknown directive \"hhtp\""),
            ("rewrite a b;", 1, "directive \"rewrite\" is nginx's, and this stand-in does not have it"),
            ("return 200 x;", 1, "directive \"return\" is nginx's, and this stand-in does not have it"),
            ("\n\nlisen 80;", 3, "unknown directive \"lisen\""),
            ("listen 80\nroot /x;", 1, "invalid number of arguments in \"listen\" directive"),
            ("listen 80;\nlisten 81;", 2, "\"listen\" directive is duplicate"),
            ("server {\n}\nserver {\n}", 3, "\"server\" directive is duplicate"),
            ("listen x;", 1, "invalid address or port in \"x\" of the \"listen\" directive"),
            ("listen 80 ssl;", 1, "invalid parameter \"ssl\""),
            ("listen 80 { }", 1, "directive \"listen\" is not terminated by \";\""),
            ("http;", 1, "directive \"http\" has no opening \"{\""),
            ("http { worker_processes 2; }", 1, "\"worker_processes\" directive is not allowed here"),
            ("proxy_pass http://a;", 1, "\"proxy_pass\" directive is not allowed here"),
            ("worker_processes 0;", 1, "invalid value \"0\" in \"worker_processes\" directive"),
            ("access_log /x json;", 1, "unknown log format \"json\""),
            ("location / {\nproxy_pass https://a;\n}", 2, "invalid URL \"https://a\"; expected http://HOST[:PORT]"),
            (
                "location / {\nproxy_pass http://no.such.host.invalid;\n}",
                2,
                "host not found in upstream \"no.such.host.invalid\"",
            ),
            ("location / {\nlisten 80;\n}", 2, "\"listen\" directive is not allowed here"),
            ("location / { }", 1, super::ONE_ACTION),
            ("location / { root /a;\nproxy_pass http://127.0.0.1; }", 2, super::ONE_ACTION),
            ("location / { root /a; }\nlocation / { root /b; }", 2, "duplicate location \"/\""),
            ("location ~ \\.php$ { root /a; }", 1, "invalid number of arguments in \"location\" directive"),
        ] {
            assert_eq!(config(text), Err(ConfigError::new(line, what)), "{text}");
        }
    }
}
