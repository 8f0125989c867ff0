//! Whether what changes its place in the window glides there: as the user has chosen, or else if the desktop does not
//! wish for less motion and frames are cheap.

use eframe::egui;
use zbus::blocking::{Connection, Proxy};
use zbus::proxy::MethodFlags;
use zbus::zvariant::OwnedValue;

use crate::ui::motion;

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";

#[derive(Debug)]
pub struct Motion {
    /// Each frame takes some milliseconds of a processor.
    draws_in_software: bool,
    /// Whether the desktop wishes for less motion; `None` until it has answered.
    is_reduced: Option<bool>,
}

impl Motion {
    pub const fn new(draws_in_software: bool) -> Self {
        Self { draws_in_software, is_reduced: None }
    }

    /// Whether the desktop must be asked.
    pub fn asks_desktop(&self, chosen: Option<bool>) -> bool {
        chosen.is_none() && !self.draws_in_software && self.is_reduced.is_none()
    }

    pub fn set_reduced(&mut self, is_reduced: bool) {
        self.is_reduced = Some(is_reduced);
    }

    /// `chosen` is the user's choice.
    pub fn is_on(&self, chosen: Option<bool>) -> bool {
        chosen.unwrap_or(!self.draws_in_software && self.is_reduced == Some(false))
    }

    pub fn apply(&self, ctx: &egui::Context, chosen: Option<bool>) {
        motion::set(ctx, self.is_on(chosen));
    }
}

/// Whether the desktop wishes for less motion. A desktop that does not say so does not. This waits for D-Bus.
pub fn is_reduced_by_desktop() -> bool {
    let Ok(bus) = Connection::session() else { return false };
    let Ok(portal) = Proxy::new(&bus, PORTAL, PATH, SETTINGS) else { return false };
    let read = |namespace: &str, key: &str| -> Option<OwnedValue> {
        // a desktop without a portal is not to start one for this
        portal.call_with_flags("ReadOne", MethodFlags::NoAutoStart.into(), &(namespace, key)).ok().flatten()
    };
    // `reduced-motion` of the portal's documentation: 1 is a wish for less
    let wish = read("org.freedesktop.appearance", "reduced-motion").and_then(|value| u32::try_from(value).ok());
    if let Some(wish) = wish {
        return wish == 1;
    }
    let animates =
        read("org.gnome.desktop.interface", "enable-animations").and_then(|value| bool::try_from(value).ok());
    animates == Some(false)
}

#[cfg(test)]
mod tests {
    use super::Motion;

    #[test]
    fn the_user_decides_and_otherwise_the_desktop_and_the_graphics_do() {
        let with = |in_software: bool, is_reduced: Option<bool>| Motion { draws_in_software: in_software, is_reduced };
        for in_software in [false, true] {
            for is_reduced in [None, Some(false), Some(true)] {
                let motion = with(in_software, is_reduced);
                assert!(motion.is_on(Some(true)) && !motion.is_on(Some(false)));
                assert_eq!(motion.is_on(None), !in_software && is_reduced == Some(false), "{motion:?}");
            }
        }
        assert!(with(false, None).asks_desktop(None));
        assert!(!with(true, None).asks_desktop(None), "it would not matter");
        assert!(!with(false, None).asks_desktop(Some(true)));
    }
}
