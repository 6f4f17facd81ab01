//! The twin of the shader on the CPU: pictures for windows without a GPU, and for comparison.

use std::collections::HashMap;

use eframe::egui::cache::CacheTrait;
use eframe::egui::{
    Color32, ColorImage, Id, Mesh, Painter, Rect, Shape, TextureHandle, TextureOptions, pos2,
};

use super::cells::Cells;
use super::source::{Look, NAN_MARK, Packing, Source, held};
use crate::colormap::{Tone, hatch, shade};

/// Small maps are coloured at so many pixels a side at least, so that hatching is seen.
const FINE_SIDE: usize = 256;
/// Largest side of a coloured texture.
const MAX_SIDE: usize = 2048;

/// `source` coloured as the shader does it, on `width` × `height` pixels; transparency is left to
/// who draws it.
pub fn image(source: &Source, look: &Look, width: usize, height: usize) -> ColorImage {
    if source.is_empty() {
        return ColorImage::filled([width, height], Color32::TRANSPARENT);
    }
    let planes: Vec<usize> = source.planes().collect();
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let place = [(x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32];
            let mut values = planes.iter().map(|&plane| value_at(source, plane, place, look.smooth));
            let rgb = if source.is_rgb() {
                let rgb = [(); 3].map(|()| values.next().unwrap_or(NAN_MARK));
                rgb_colour(rgb, [x, y])
            } else {
                colour(values.next().unwrap_or(NAN_MARK), &look.tone, [x, y])
            };
            pixels.push(Color32::from_rgb(rgb[0], rgb[1], rgb[2]));
        }
    }
    ColorImage::new([width, height], pixels)
}

fn colour(value: f32, tone: &Tone, pixel: [usize; 2]) -> [u8; 3] {
    let shaded = if value >= NAN_MARK { None } else { shade(value, tone) };
    shaded.unwrap_or_else(|| hatched(pixel))
}

fn hatched(pixel: [usize; 2]) -> [u8; 3] {
    hatch(pixel[0] as u32, pixel[1] as u32)
}

fn rgb_colour(rgb: [f32; 3], pixel: [usize; 2]) -> [u8; 3] {
    if rgb.iter().any(|&v| v >= NAN_MARK) {
        return hatched(pixel);
    }
    rgb.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// The value at a place in 0..1, or [`NAN_MARK`].
fn value_at(source: &Source, plane: usize, place: [f32; 2], smooth: bool) -> f32 {
    let grid = source.grid();
    let (w, h) = (grid.width(), grid.height());
    let texel = [place[0] * w as f32, place[1] * h as f32];
    let clamped = |p: f32, n: usize| p.clamp(0.0, n as f32 - 1.0) as usize;
    let load = |x: f32, y: f32| grid.at(plane, clamped(y, h), clamped(x, w)).map_or(NAN_MARK, held);
    let nearest = load(texel[0].floor(), texel[1].floor());
    if !smooth || nearest >= NAN_MARK {
        return nearest;
    }
    let base = texel.map(|p| (p - 0.5).floor());
    let share = [texel[0] - 0.5 - base[0], texel[1] - 0.5 - base[1]];
    let (mut sum, mut weights) = (0.0, 0.0);
    for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
        let part = |share: f32, d: f32| if d > 0.0 { share } else { 1.0 - share };
        let weight = part(share[0], dx) * part(share[1], dy);
        let value = load(base[0] + dx, base[1] + dy);
        if value < NAN_MARK {
            sum += value * weight;
            weights += weight;
        }
    }
    sum / weights
}

/// All planes coloured side by side, each with its own range where `cells` has one.
fn atlas(source: &Source, look: &Look, cells: &Cells, packing: &Packing) -> ColorImage {
    let [width, height] = packing.size();
    let mut pixels = vec![Color32::TRANSPARENT; width * height];
    for (index, plane) in source.planes().enumerate().take(packing.room()) {
        let range = cells.range_of_plane(plane).unwrap_or(look.tone.range);
        let tone = Tone { range, ..look.tone };
        let [left, top] = packing.origin(index);
        for (k, value) in source.plane(plane, packing).enumerate() {
            let (x, y) = (left + k % packing.width, top + k / packing.width);
            let [r, g, b] = colour(value, &tone, [x, y]);
            pixels[y * width + x] = Color32::from_rgb(r, g, b);
        }
    }
    ColorImage::new([width, height], pixels)
}

/// Coloured textures of the drawings of this frame and the last.
#[derive(Default)]
struct Coloured {
    entries: HashMap<Id, Entry>,
}

struct Entry {
    source: Source,
    look: Look,
    cells: Cells,
    texture: TextureHandle,
    used: bool,
}

impl CacheTrait for Coloured {
    fn update(&mut self) {
        self.entries.retain(|_, entry| std::mem::take(&mut entry.used));
    }

    fn len(&self) -> usize {
        self.entries.len()
    }
}

/// Draws without a GPU: a cached texture per drawing, coloured again when what it shows changes.
pub(super) fn paint(painter: &Painter, id: Id, rect: Rect, source: &Source, look: &Look, cells: &Cells) {
    // Opacity is a tint, so that its slider colours nothing again.
    let tint = Color32::WHITE.gamma_multiply(look.opacity.clamp(0.0, 1.0));
    let opaque = Look { opacity: 1.0, ..*look };
    let packing = source.packing(MAX_SIDE);
    let mosaic = cells.size() != eframe::egui::Vec2::ZERO;
    let cached = painter.ctx().memory_mut(|memory| {
        let entry = memory.caches.cache::<Coloured>().entries.get_mut(&id)?;
        let same = entry.look == opaque && entry.source.same_as(source) && entry.cells.same_ranges(cells);
        entry.used |= same;
        same.then(|| entry.texture.clone())
    });
    let texture = cached.unwrap_or_else(|| {
        let picture = if mosaic {
            atlas(source, &opaque, cells, &packing)
        } else {
            let (w, h) = (source.grid().width(), source.grid().height());
            let fine = FINE_SIDE.div_ceil(w.max(h).max(1));
            image(source, &opaque, (w * fine).min(MAX_SIDE), (h * fine).min(MAX_SIDE))
        };
        let texture = painter.ctx().load_texture("heatmap", picture, TextureOptions::NEAREST);
        let (source, cells) = (source.clone(), cells.clone());
        let entry = Entry { source, look: opaque, cells, texture: texture.clone(), used: true };
        painter.ctx().memory_mut(|memory| memory.caches.cache::<Coloured>().entries.insert(id, entry));
        texture
    });
    if !mosaic {
        painter.image(texture.id(), rect, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tint);
        return;
    }
    let [width, height] = packing.size().map(|side| side as f32);
    let mut mesh = Mesh::with_texture(texture.id());
    for index in 0..cells.count() {
        let place = cells.rect_of(index, rect.min);
        if painter.clip_rect().intersects(place) {
            let [x, y] = packing.origin(cells.plane(index)).map(|p| p as f32);
            let (right, bottom) = (x + packing.width as f32, y + packing.height as f32);
            let part = Rect::from_min_max(pos2(x / width, y / height), pos2(right / width, bottom / height));
            mesh.add_rect_with_uv(place, part, tint);
        }
    }
    painter.add(Shape::mesh(mesh));
}
