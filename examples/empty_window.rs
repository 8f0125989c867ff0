//! The floor for `cargo bench --bench window`: a window of the same toolkit with nothing in it.

use eframe::egui;

struct Empty {
    told: bool,
}

impl eframe::App for Empty {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        ui.label("nothing");
        if !self.told {
            self.told = true;
            eprintln!("first frame");
        }
    }
}

fn main() -> eframe::Result {
    let options = eframe::NativeOptions {
        renderer: eframe::Renderer::Glow,
        viewport: egui::ViewportBuilder::default().with_inner_size([1440.0, 900.0]),
        ..Default::default()
    };
    eframe::run_native("empty", options, Box::new(|_| Ok(Box::new(Empty { told: false }))))
}
