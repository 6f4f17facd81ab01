//! Drawing raw values: f32 goes to a texture once, and the shader colours it in every frame.
//!
//! [`install`] is called once when the window is made; [`paint`] draws a map, an RGB map or a
//! mosaic anywhere. Without a GPU the same pictures are coloured on the CPU.

mod cells;
mod cpu;
mod pipeline;
mod source;
mod store;

use eframe::egui::{Context, Id, Painter, Rect};
use eframe::egui_wgpu::{Callback, RenderState};

pub use cells::Cells;
pub use cpu::image as cpu_image;
pub use source::{Look, Source};

/// Marks in egui's memory that the GPU side is installed.
#[derive(Clone, Copy)]
struct Installed;

fn mark() -> Id {
    Id::unique("difscope heatmap renderer")
}

/// Makes the pipeline if there is a GPU (`cc.wgpu_render_state`); without this call, or without a
/// GPU, [`paint`] colours on the CPU. The window must be without multisampling and depth buffer,
/// as is eframe's default.
pub fn install(ctx: &Context, state: Option<&RenderState>) {
    let Some(state) = state else { return };
    let store = store::Store::new(&state.device, &state.queue, state.target_format);
    state.renderer.write().callback_resources.insert(store);
    ctx.data_mut(|data| data.insert_temp(mark(), Installed));
}

/// True when drawings of this window are coloured on the GPU.
pub fn on_gpu(ctx: &Context) -> bool {
    ctx.data(|data| data.get_temp::<Installed>(mark()).is_some())
}

/// How many drawings the GPU holds, and how often values were uploaded so far.
pub fn usage(state: &RenderState) -> (usize, u64) {
    state.renderer.read().callback_resources.get::<store::Store>().map_or((0, 0), store::Store::usage)
}

/// Draws `source` over `rect`, in points; parts outside the clip rectangle cost nothing.
///
/// The painter's own opacity fades it, as everything else.
///
/// `id` tells the drawings of a frame apart and keeps what was uploaded from frame to frame.
pub fn paint(painter: &Painter, id: Id, rect: Rect, source: &Source, look: &Look, cells: &Cells) {
    if source.is_empty() || !rect.is_positive() || !painter.clip_rect().intersects(rect) {
        return;
    }
    if on_gpu(painter.ctx()) {
        let (source, cells) = (source.clone(), cells.clone());
        // egui fades what it draws itself, as on the CPU, but not callbacks.
        let look = Look { opacity: look.opacity * painter.opacity(), ..*look };
        painter.add(Callback::new_paint_callback(rect, store::Drawing { id, source, look, cells, rect }));
    } else {
        cpu::paint(painter, id, rect, source, look, cells);
    }
}
