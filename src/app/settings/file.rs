//! The file with the settings: `podscope/settings.json` in the directory of the user's configuration.
//!
//! It is read once, before there is a window. A thread writes it, so that the ui thread never waits for a disk. Each
//! version is written whole or not at all. A file that cannot be understood is kept as `settings.json.bak`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::Settings;
use crate::export::{WriteError, read_limited, write_file};
use crate::sys::thread;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// How long to wait for further changes before a change is written: a panel that is dragged changes with every frame.
const QUIET: Duration = Duration::from_millis(400);

/// Where the settings are (XDG Base Directory Specification). `None` without a home directory.
pub fn path() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("podscope").join("settings.json"))
}

/// The settings, and in a sentence why they are not those of the file.
#[derive(Debug, Default, PartialEq)]
pub struct Loaded {
    pub settings: Settings,
    pub problem: Option<String>,
}

/// Reads the settings. Those of a file that is not there are the usual ones.
pub fn load(path: &Path) -> Loaded {
    let usual = |problem: String| Loaded { settings: Settings::default(), problem: Some(problem) };
    // a file that is not there, or that may not be read, is not damaged
    match fs::File::open(path) {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Loaded::default(),
        Err(e) => {
            return usual(format!("The settings cannot be read, so the usual ones are used: {}: {e}", path.display()));
        }
    }
    let why = match read_limited(path, MAX_FILE) {
        Ok(text) => match serde_json::from_str::<Settings>(&text) {
            Ok(settings) => return Loaded { settings: settings.valid(), problem: None },
            Err(e) => e.to_string(),
        },
        Err(WriteError::TooLarge { limit, .. }) => format!("it has more than {limit} bytes"),
        Err(WriteError::NotUtf8 { .. }) => "it is not UTF-8".to_owned(),
        Err(e) => return usual(format!("The settings cannot be read, so the usual ones are used: {e}")),
    };
    let kept = backup(path);
    let kept = match fs::rename(path, &kept) {
        Ok(()) => format!("the old file is kept as {}", kept.display()),
        Err(e) => format!("the old file could not be kept: {e}"),
    };
    usual(format!("The settings in {} are damaged ({why}). The usual ones are used; {kept}.", path.display()))
}

/// The file beside it that keeps what could not be understood.
fn backup(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".bak");
    path.with_file_name(name)
}

/// Writes the settings on a thread of its own. Dropping it waits until the last change is written.
#[derive(Debug)]
pub struct SettingsFile {
    changes: Option<Sender<Settings>>,
    thread: Option<JoinHandle<()>>,
    /// What the file holds, or will hold.
    last: Settings,
}

impl SettingsFile {
    /// `last`: what the file holds. `failed` gets a sentence when the settings can no longer be written.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn open(
        path: PathBuf,
        last: Settings,
        failed: impl Fn(String) + Send + 'static,
    ) -> Result<Self, thread::SpawnError> {
        let (changes, changed) = unbounded();
        let thread = thread::spawn("settings", move || write_changes(&path, &changed, &failed))?;
        Ok(Self { changes: Some(changes), thread: Some(thread), last })
    }

    /// Call this with the settings of each frame. Only a change is written.
    pub fn keep(&mut self, settings: &Settings) {
        if *settings != self.last {
            self.last = settings.clone();
            if let Some(changes) = &self.changes {
                // an error means that the thread has ended, which it does only after this
                let _ = changes.send(settings.clone());
            }
        }
    }
}

impl Drop for SettingsFile {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes the last of the changes that come shortly after one another, until there are no more senders.
fn write_changes(path: &Path, changed: &Receiver<Settings>, failed: &impl Fn(String)) {
    let mut has_failed = false;
    while let Ok(mut settings) = changed.recv() {
        while let Ok(later) = changed.recv_timeout(QUIET) {
            settings = later;
        }
        match write(path, &settings) {
            Ok(()) => has_failed = false,
            // said once: the next change will most likely fail as well
            Err(why) if !has_failed => {
                has_failed = true;
                failed(format!("The settings are not kept for the next start: {why}"));
            }
            Err(_) => {}
        }
    }
}

fn write(path: &Path, settings: &Settings) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let mut text = serde_json::to_string_pretty(settings).map_err(|e| e.to_string())?;
    text.push('\n');
    write_file(path, text.as_bytes()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{TextScale, ThemeChoice};
    use crate::layout::side_panels::SidePanel;

    fn changed() -> Settings {
        let mut settings = Settings {
            theme: ThemeChoice::Light,
            text_scale: TextScale::default().larger(),
            plays_slowly: true,
            last_export_dir: Some("/tmp/a b".into()),
            ..Settings::default()
        };
        settings.panels.set_folds(SidePanel::Timeline, true);
        settings.panels.pods_width = 300.0;
        settings
    }

    fn no_failure() -> impl Fn(String) + Send + 'static {
        |why| panic!("{why}")
    }

    #[test]
    fn what_is_kept_is_there_at_the_next_start_and_only_the_last_change_counts() {
        let dir = tempfile::tempdir().expect("a directory");
        // the directories are made
        let path = dir.path().join("config/podscope/settings.json");
        assert_eq!(load(&path), Loaded::default());
        let mut file = SettingsFile::open(path.clone(), Settings::default(), no_failure()).expect("a thread");
        for width in 200..300 {
            let mut settings = Settings::default();
            settings.panels.pods_width = width as f32;
            file.keep(&settings);
        }
        file.keep(&changed());
        drop(file);
        assert_eq!(load(&path), Loaded { settings: changed(), problem: None });
        let others: Vec<_> = fs::read_dir(path.parent().expect("a folder")).expect("readable").collect();
        assert_eq!(others.len(), 1, "no temporary file is left: {others:?}");
    }

    #[test]
    fn what_has_not_changed_is_not_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("settings.json");
        let mut file = SettingsFile::open(path.clone(), changed(), no_failure()).expect("a thread");
        file.keep(&changed());
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_file_is_kept_beside_and_leads_to_the_usual_settings() {
        let whole = serde_json::to_string(&changed()).expect("JSON");
        let cut = whole.as_bytes()[..whole.len() / 2].to_vec();
        let damaged = [b"".to_vec(), cut, b"[]".to_vec(), vec![0xff, 0xfe], vec![b' '; 70 << 10]];
        for bytes in damaged {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("settings.json");
            fs::write(&path, &bytes).expect("written");
            let loaded = load(&path);
            let problem = loaded.problem.expect("it is said");
            assert_eq!(loaded.settings, Settings::default());
            assert!(problem.contains("damaged") && problem.contains("settings.json.bak"), "{problem}");
            assert_eq!(problem.lines().count(), 1, "{problem}");
            assert_eq!(fs::read(dir.path().join("settings.json.bak")).expect("kept"), bytes);
            assert_eq!(load(&path), Loaded::default(), "said once");
        }
    }

    #[test]
    fn a_file_of_another_version_is_read_as_far_as_it_is_known() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("settings.json");
        fs::write(&path, r#"{"theme": "light", "text_scale": 1000, "of_the_future": [1]}"#).expect("written");
        let loaded = load(&path);
        assert_eq!((loaded.settings.theme, loaded.settings.text_scale.percent()), (ThemeChoice::Light, 250));
        assert_eq!(loaded.problem, None);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("written");
        let (told, heard) = unbounded();
        let failed = move |why: String| told.send(why).expect("the test listens");
        // a file is where the folder should be
        let path = file.join("settings.json");
        let mut settings = SettingsFile::open(path.clone(), Settings::default(), failed).expect("a thread");
        settings.keep(&changed());
        drop(settings);
        let told: Vec<String> = heard.try_iter().collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("The settings are not kept for the next start: "), "{told:?}");
        let loaded = load(&path);
        assert!(loaded.problem.is_some_and(|why| why.contains("cannot be read")), "it is not damaged");
    }
}
