//! Names the dividers between the views for screen readers. egui_tiles leaves them without a role and a name, and they
//! can have the keyboard focus.

use eframe::egui::accesskit::{Action, Role};
use eframe::egui::{self, FullOutput};

const NAME: &str = "Move or resize views";

pub struct NamesOfTiles;

impl egui::Plugin for NamesOfTiles {
    fn debug_name(&self) -> &'static str {
        "names of tiles"
    }

    fn output_hook(&mut self, _ctx: &egui::Context, output: &mut FullOutput) {
        // there is none while nobody reads it
        let Some(update) = &mut output.platform_output.accesskit_update else { return };
        for (_, node) in &mut update.nodes {
            // all that is ours has a role; a test sees to that
            if node.role() == Role::Unknown && node.supports_action(Action::Focus) && node.label().is_none() {
                node.set_role(Role::Splitter);
                node.set_label(NAME);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Context, Id, RawInput, Rect, Sense, pos2, vec2};

    use super::*;

    #[test]
    fn what_has_no_name_gets_one_and_the_rest_keeps_its_own() {
        let ctx = Context::default();
        ctx.enable_accesskit();
        ctx.add_plugin(NamesOfTiles);
        let place = Rect::from_min_size(pos2(10.0, 10.0), vec2(50.0, 8.0));
        let output = ctx.run_ui(RawInput::default(), |ui| {
            ui.interact(place, Id::unique("divider"), Sense::click_and_drag());
            let _ = ui.button("Save");
        });
        let nodes = output.platform_output.accesskit_update.expect("a tree").nodes;
        let named = |role| {
            let of_role = nodes.iter().filter(|(_, node)| node.role() == role);
            of_role.filter_map(|(_, node)| node.label().map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(named(Role::Splitter), [NAME]);
        assert_eq!(named(Role::Button), ["Save"]);
    }
}
