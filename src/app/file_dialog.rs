//! Whether the desktop can show a file dialog. rfd does not tell: without one it answers as if the user had cancelled.

use std::path::Path;
use std::time::Duration;

use zbus::blocking::{Proxy, connection};

/// Time limit of the question. The bus may have to start the portal first.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no file dialog, and what else can be done; `None` if there is one.
pub fn missing() -> Option<String> {
    let why = portal().err()?;
    // what rfd shows without a portal
    if is_on_path("zenity", &std::env::var_os("PATH").unwrap_or_default()) {
        return None;
    }
    Some(format!(
        "This desktop has no file dialog: its file chooser portal does not answer ({why}), and zenity is not installed. \
         Type the path here, or drop the file onto the window."
    ))
}

/// Asks `org.freedesktop.portal.FileChooser` for its version.
fn portal() -> zbus::Result<u32> {
    let bus = connection::Builder::session()?.method_timeout(TIMEOUT).build()?;
    let (name, path) = ("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop");
    Proxy::new(&bus, name, path, "org.freedesktop.portal.FileChooser")?.get_property("version")
}

fn is_on_path(program: &str, path: &std::ffi::OsStr) -> bool {
    std::env::split_paths(path).filter(|dir| dir != Path::new("")).any(|dir| dir.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::is_on_path;

    #[test]
    fn a_program_is_searched_in_the_directories_of_path() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("zenity"), "").expect("a file");
        let path = std::env::join_paths(["/nowhere".as_ref(), dir.path()]).expect("a path");
        assert!(is_on_path("zenity", &path));
        assert!(!is_on_path("kdialog", &path) && !is_on_path("zenity", "".as_ref()));
    }
}
