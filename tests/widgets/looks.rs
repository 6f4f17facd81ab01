//! What the widgets look like, as pictures.

use std::time::Duration;

use difscope::app::command::Space;
use difscope::app::widgets::network_diagram::NetworkDiagram;
use difscope::app::widgets::notices::{NoticeKind, Notices};
use difscope::app::widgets::palette::{CommandPalette, KeysOverlay};
use difscope::app::widgets::selection_line::SelectionLine;
use difscope::app::widgets::states::{Working, empty, failed, working};
use difscope::app::widgets::thumbnails::{Thumbnail, ThumbnailGrid, ThumbnailPicture};
use difscope::app::widgets::timestep::TimestepControl;
use difscope::jobs::MARKS;
use eframe::egui::{Color32, ColorImage, TextureHandle, Theme, Ui};
use egui_kittest::{SnapshotOptions, SnapshotResults};

use crate::{adm_network, has_gpu, on_panel, small_network, window};

/// Draws `contents` and compares with `tests/snapshots/NAME_THEME.png`, in both themes; `results` fails
/// the test when it goes out of scope.
fn looks(
    results: &mut SnapshotResults,
    name: &str,
    size: [f32; 2],
    contents: impl Fn(&mut Ui) + Clone + 'static,
) {
    if !has_gpu() {
        return;
    }
    for (theme, suffix) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        let contents = contents.clone();
        let mut harness = window::<()>(size, theme)
            .with_render_cursor(false)
            .wgpu()
            .build_ui(move |ui| on_panel(ui, &contents));
        harness.run_steps(4);
        // Rasterisers differ a little in how they smooth edges.
        let options = SnapshotOptions::new().threshold(2.0).max_failed_pixels(20);
        harness.snapshot_options(format!("{name}_{suffix}"), &options);
        results.extend_harness(&mut harness);
    }
}

#[test]
fn network_of_19_blocks() {
    let mut results = SnapshotResults::new();
    let (blocks, full) = small_network();
    looks(&mut results, "network_19", [320.0, 380.0], move |ui| {
        NetworkDiagram::new(&blocks, full, 12, &|block| block <= 14).show(ui);
    });
}

#[test]
fn network_of_37_blocks() {
    let mut results = SnapshotResults::new();
    let (blocks, full) = adm_network();
    looks(&mut results, "network_37", [360.0, 640.0], move |ui| {
        NetworkDiagram::new(&blocks, full, 24, &|block| block <= 24).show(ui);
    });
}

#[test]
fn network_of_37_blocks_in_a_small_panel() {
    let mut results = SnapshotResults::new();
    let (blocks, full) = adm_network();
    looks(&mut results, "network_37_small", [220.0, 290.0], move |ui| {
        NetworkDiagram::new(&blocks, full, 19, &|_| false).show(ui);
    });
}

#[test]
fn timestep_slider() {
    let mut results = SnapshotResults::new();
    looks(&mut results, "timestep", [560.0, 96.0], |ui| {
        TimestepControl::new(50, 1000, &MARKS, 0.973, 36.1).show(ui);
    });
    looks(&mut results, "timestep_narrow", [260.0, 96.0], |ui| {
        TimestepControl::new(300, 1000, &MARKS, 0.395, 0.653).show(ui);
    });
}

#[test]
fn command_palette() {
    let mut results = SnapshotResults::new();
    looks(&mut results, "palette", [700.0, 520.0], |ui| {
        let mut palette = CommandPalette::default();
        palette.open();
        palette.show(ui.ctx(), Space::Explore, &|_| true);
    });
}

#[test]
fn keys_of_this_screen() {
    let mut results = SnapshotResults::new();
    looks(&mut results, "keys", [1100.0, 620.0], |ui| {
        let mut keys = KeysOverlay::default();
        keys.open();
        keys.show(ui.ctx(), Space::Explore);
    });
}

#[test]
fn panel_states() {
    let mut results = SnapshotResults::new();
    looks(&mut results, "state_empty", [360.0, 160.0], |ui| {
        empty(ui, "No pictures yet. Drop some here, or open a folder.", "Open pictures…");
    });
    looks(&mut results, "state_working", [360.0, 160.0], |ui| {
        let work = Working {
            what: "Reading 256x256_diffusion_uncond.pt",
            done: Some(0.4),
            progress: Some("0.8 of 2.2 GB"),
            left: Some(Duration::from_secs(7)),
            can_cancel: true,
        };
        working(ui, &work);
    });
    looks(&mut results, "state_failed", [360.0, 200.0], |ui| {
        let what = "boot.png cannot be read: the file ends in the middle of the picture.";
        failed(ui, what, "Choose another picture, or get the file again.", Some("Open pictures…"));
    });
}

#[test]
fn selection_line_and_notices() {
    let mut results = SnapshotResults::new();
    let (blocks, _) = small_network();
    looks(&mut results, "selection_line", [760.0, 48.0], move |ui| {
        let line = SelectionLine {
            picture: Some("IMG_2024-05-01_a_long_holiday_at_the_sea_0317.jpeg"),
            network: "fashion32",
            timestep: 50,
            block: Some(&blocks[11]),
            warnings: &["far from what this network knows".into()],
        };
        line.show(ui);
    });
    looks(&mut results, "notices", [520.0, 280.0], |ui| {
        let mut notices = Notices::default();
        notices.push(NoticeKind::Good, "Wrote boot_t050_b12_mosaic.png");
        notices.push(NoticeKind::Warning, "3 files of holiday are no pictures and were left out.");
        notices.push(NoticeKind::Error, "picture broken.png: the file is empty; choose another one");
        notices.show(ui.ctx());
    });
}

#[test]
fn thumbnails() {
    let mut results = SnapshotResults::new();
    looks(&mut results, "thumbnails", [232.0, 300.0], |ui| {
        let id = ui.scope_id().with("texture");
        let texture: TextureHandle = ui.data(|data| data.get_temp(id)).unwrap_or_else(|| {
            let pixels = (0..48 * 32).map(|at: u32| Color32::from_gray((at % 48 * 5) as u8)).collect();
            ui.ctx().load_texture("ramp", ColorImage::new([48, 32], pixels), Default::default())
        });
        ui.data_mut(|data| data.insert_temp(id, texture.clone()));
        let labels = ["boot", "T-shirt/top", "chelsea the cat", "coffee", "a_very_long_name_0317"];
        ThumbnailGrid::new(14, Some(4), 56.0).show(ui, |index| Thumbnail {
            label: labels[index % 5],
            name: labels[index % 5],
            picture: match index {
                3 => ThumbnailPicture::Failed("the file is empty"),
                9.. => ThumbnailPicture::Loading,
                _ => ThumbnailPicture::Ready(texture.id(), texture.size_vec2()),
            },
        });
    });
}
