//! The web server's configuration, valid and wrong.

use std::fs;
use std::net::TcpListener;

use crate::support::{Applet, children, get, parts, site, text, wait_for};
use crate::web::workers;

#[test]
fn a_wrong_configuration_is_an_error_with_file_and_line() {
    let dir = site();
    let file = dir.path().join("web.conf");
    let file = text(&file);
    for (config, what) in [
        ("# mine\n\nlisen 80;\n", format!("unknown directive \"lisen\" in {file}:3")),
        ("listen 80", format!("unexpected end of file, expecting \";\" or \"}}\" in {file}:1")),
        ("listen 80;\nroot;\n", format!("invalid number of arguments in \"root\" directive in {file}:2")),
    ] {
        fs::write(file, config).expect("written");
        let mut web = Applet::start(&["web", "--config", file]);
        assert_eq!(web.exit_code(), 1);
        web.wait_for_output(&format!("web: [emerg] {what}\n"));
        assert_eq!(web.output().lines().count(), 1, "{}", web.output());
    }
    let mut web = Applet::start(&["web", "--config", "/no/such/file"]);
    assert_eq!(web.exit_code(), 1);
    web.wait_for_output("web: [emerg] open() \"/no/such/file\" failed (No such file or directory");
    let mut web = Applet::start(&["web", "--prt", "80"]);
    assert_eq!(web.exit_code(), 64);
    web.wait_for_output("web: \"--prt\" is not understood; expected --config VALUE");
}

#[test]
fn a_taken_port_is_an_error() {
    let taken = TcpListener::bind("0.0.0.0:0").expect("bound");
    let address = taken.local_addr().expect("known");
    let mut web = Applet::start(&["web", "--port", &address.port().to_string()]);
    assert_eq!(web.exit_code(), 1);
    web.wait_for_output(&format!("web: [emerg] bind() to {address} failed (Address already in use"));
}

#[test]
fn hup_applies_a_valid_configuration_and_ignores_a_wrong_one() {
    let (dir, other) = (site(), site());
    fs::write(other.path().join("index.html"), "the other\n").expect("written");
    let file = dir.path().join("web.conf");
    let config = |root: &str, more: &str| {
        fs::write(&file, format!("listen 127.0.0.1:0;\nroot {root};\naccess_log off;\n{more}")).expect("written");
    };
    config(text(dir.path()), "");
    let web = Applet::start(&["web", "--config", text(&file)]);
    let port = web.port();
    wait_for("two workers", || workers(web.pid).len() == 2);
    let old = workers(web.pid);

    config(text(other.path()), "}");
    web.signal("HUP");
    web.wait_for_output(&format!("web: [emerg] unexpected \"}}\" in {}:4\n", file.display()));
    assert_eq!(parts(&get(port, "/")).1, "hello pod\n");
    assert_eq!(workers(web.pid), old);

    config(text(other.path()), "worker_processes 1;");
    web.signal("HUP");
    wait_for("one other", || {
        let all = children(web.pid);
        all.len() == 1 && !old.contains(&all[0])
    });
    assert_eq!(parts(&get(port, "/")).1, "the other\n");

    // the new address is listened on before the old one is closed
    let listen = format!("listen 127.0.0.2:{port};\nroot {};\naccess_log off;", text(dir.path()));
    fs::write(&file, listen).expect("written");
    web.signal("HUP");
    web.wait_for_output(&format!("listening on 127.0.0.2:{port}\n"));
    wait_for("the old address is closed", || std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(std::net::TcpStream::connect(("127.0.0.2", port)).is_ok());
}

#[test]
fn the_longest_matching_location_is_used() {
    let (dir, other) = (site(), site());
    fs::create_dir(other.path().join("docs")).expect("made");
    fs::write(other.path().join("docs/a.txt"), "docs\n").expect("written");
    let blog = Applet::start(&["blog", "--port", "0"]);
    let file = dir.path().join("web.conf");
    let config = format!(
        "events {{ worker_connections 16; }}
http {{
  server {{
    listen 127.0.0.1:0 default_server;
    root {};
    access_log /dev/stdout combined;
    location /docs/ {{ root {}; }}
    location /docs/blog/ {{ proxy_pass http://127.0.0.1:{}/; }}
  }}
}}",
        text(dir.path()),
        text(other.path()),
        blog.port()
    );
    fs::write(&file, config).expect("written");
    let web = Applet::start(&["web", "--config", text(&file)]);
    let port = web.port();
    assert_eq!(parts(&get(port, "/")).1, "hello pod\n");
    assert_eq!(parts(&get(port, "/docs/a.txt")).1, "docs\n");
    assert!(parts(&get(port, "/docs/blog/pause/")).1.contains("What pause is for"));
    web.wait_for_output("\"GET /docs/blog/pause/ HTTP/1.1\" 200 ");
    web.wait_for_output(" \"-\" \"-\"\n");
}
