//! The widgets without the program around them: what they do, and what they look like.
#![allow(clippy::unwrap_used)]

mod behaviour;
mod looks;

use std::io::Write as _;

use difscope::app::style;
use difscope::unet::config::UnetConfig;
use difscope::unet::plan::{BlockInfo, Plan};
use eframe::egui::{LayerId, Theme, Ui};
use egui_kittest::{Harness, HarnessBuilder};

/// A block table and the cost of a full pass, of the embedded network's shape (19 blocks).
fn small_network() -> (Vec<BlockInfo>, f64) {
    network(
        r#"{"image_size": 32, "num_channels": 32, "num_res_blocks": 2, "channel_mult": [1, 2, 4],
            "attention_resolutions": [8], "num_heads": 4, "num_head_channels": 32,
            "use_scale_shift_norm": true, "resblock_updown": true, "learn_sigma": true}"#,
    )
}

/// The 256×256 ADM network of the paper (37 blocks).
fn adm_network() -> (Vec<BlockInfo>, f64) {
    network(
        r#"{"image_size": 256, "num_channels": 256, "num_res_blocks": 2, "channel_mult": [1, 1, 2, 2, 4, 4],
            "attention_resolutions": [32, 16, 8], "num_heads": 4, "num_head_channels": 64,
            "use_scale_shift_norm": true, "resblock_updown": true, "learn_sigma": true}"#,
    )
}

fn network(config: &str) -> (Vec<BlockInfo>, f64) {
    let config: UnetConfig = serde_json::from_str(config).unwrap();
    let plan = Plan::new(&config).unwrap();
    (plan.table(), plan.full_gmac())
}

/// A window of `size` points in difscope's style.
fn window<State>(size: [f32; 2], theme: Theme) -> HarnessBuilder<State> {
    Harness::builder().with_size(size).with_theme(theme).with_context_setup(move |ctx| {
        style::install_fonts(ctx);
        style::apply(ctx, theme, 1.0);
    })
}

/// Draws `contents` on the background that the program's panels have.
fn on_panel<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let background = ui.ctx().layer_painter(LayerId::background());
    background.rect_filled(ui.ctx().content_rect(), 0.0, ui.visuals().panel_fill);
    contents(ui)
}

/// Whether pictures can be made here; if not, says so, and fails where the tests must not be skipped.
fn has_gpu() -> bool {
    let instance = pollster::block_on(egui_kittest::wgpu::default_wgpu_setup().new_instance());
    let found = !pollster::block_on(instance.enumerate_adapters(eframe::wgpu::Backends::all())).is_empty();
    if !found {
        let required = std::env::var("DIFSCOPE_REQUIRE_GPU").is_ok_and(|value| value == "1");
        assert!(!required, "DIFSCOPE_REQUIRE_GPU=1, and no graphics adapter was found");
        // Not `eprintln!`, which passing tests keep to themselves.
        let text = b"SKIPPED: no graphics adapter; install mesa-vulkan-drivers for the snapshot tests\n";
        std::io::stderr().write_all(text).unwrap();
    }
    found
}
