//! A frame that is drawn partially looks like one that is drawn completely.

use std::time::Duration;

use crate::desktop::Desktop;
use crate::kernel::wait_for;
use crate::pod_of;

/// Places where the picture reacts to the pointer, as fractions of the window's width and height.
const PLACES: [(f32, f32); 6] = [(0.1, 0.14), (0.45, 0.28), (0.7, 0.27), (0.5, 0.51), (0.5, 0.9), (0.9, 0.3)];

/// Longer than the delay of a hover.
const STILL: Duration = Duration::from_millis(700);

#[test]
fn a_partially_drawn_frame_equals_a_completely_drawn_one() {
    let mut desktop = Desktop::start();
    // from a file: above the views of a preset is a line for its steps
    let path = desktop.home().join("pod.yaml");
    std::fs::write(&path, include_str!("../../assets/pods/nginx-busybox.yaml")).expect("a manifest");
    let app = desktop.open(&[&path.display().to_string()]);
    let (pause, _) = pod_of(app);
    desktop.wait_shown(&format!("host pid {}", pause.pid));
    // the clock ticks, and bars grow until they reach the edge of the picture
    wait_for("frames drawn in parts", || (partial_frames(&desktop) >= 20).then_some(()));
    desktop.key("space");
    desktop.wait_shown("Back to live (space)");
    desktop.click("1 s");
    // longer than a tick
    desktop.still_picture(Duration::from_millis(1_300));

    for (n, (x, y)) in PLACES.into_iter().enumerate() {
        let before = partial_frames(&desktop);
        desktop.point_at(x, y);
        let in_parts = desktop.still_picture(STILL);
        assert!(n == 0 || partial_frames(&desktop) > before, "the pointer at {x} {y} changes little");
        desktop.enlarge(2);
        assert!(desktop.still_picture(STILL) != in_parts, "a larger window is drawn as a whole");
        desktop.enlarge(0);
        let whole = desktop.still_picture(STILL);
        let bytes = in_parts.iter().zip(&whole).enumerate();
        let differing: Vec<_> = bytes.filter(|(_, (a, b))| a != b).map(|(at, (a, b))| (at, a.abs_diff(*b))).collect();
        // one pixel is the mark by which a window is known that still has the last frame
        let is_mark = differing.iter().all(|(at, by)| at / 4 == differing[0].0 / 4 && *by <= 3);
        assert!(is_mark, "bytes that differ, with the pointer at {x} {y}: {}", differing.len());
    }
}

/// The number of partially drawn frames so far.
fn partial_frames(desktop: &Desktop) -> usize {
    desktop.log().matches("drawn in parts").count()
}
