//! What lives on the GPU: one entry per drawing, uploaded when its source changes.

use std::collections::HashMap;

use eframe::egui::{Id, PaintCallbackInfo, Rect};
use eframe::egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::wgpu;

use super::cells::Cells;
use super::pipeline::{Pipeline, UNIFORM_BYTES, colour_row, create_texture, write};
use super::source::{Look, Packing, Source};

/// Cells of the order-and-range table per row; as in the shader.
const TABLE_WIDTH: usize = 256;
/// An entry is dropped when it was not drawn for so many frames with heatmaps.
const KEEP_FRAMES: u64 = 60;

/// Everything on the GPU, kept in egui's callback resources.
pub(super) struct Store {
    pipeline: Pipeline,
    max_side: usize,
    frame: u64,
    preparing: bool,
    entries: HashMap<Id, Entry>,
    uploads: u64,
}

/// One drawing. All drawings of a frame are prepared before any is painted, so each has its own
/// uniforms.
struct Entry {
    source: Source,
    packing: Packing,
    values: wgpu::Texture,
    cells: Cells,
    uniforms: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
    last_frame: u64,
}

impl Store {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, target: wgpu::TextureFormat) -> Store {
        Store {
            pipeline: Pipeline::new(device, queue, target),
            max_side: device.limits().max_texture_dimension_2d as usize,
            frame: 0,
            preparing: false,
            entries: HashMap::new(),
            uploads: 0,
        }
    }

    /// How many drawings are held, and how often values went to the GPU so far.
    pub fn usage(&self) -> (usize, u64) {
        (self.entries.len(), self.uploads)
    }

    fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        drawing: &Drawing,
        pixels_per_point: f32,
    ) {
        if !self.preparing {
            self.preparing = true;
            self.frame += 1;
        }
        let kept = self.entries.remove(&drawing.id);
        let (mut entry, uploaded) = match kept {
            Some(entry) if entry.source.same_as(&drawing.source) => {
                if entry.cells.same_table(&drawing.cells) {
                    (entry, false)
                } else {
                    let values = entry.values;
                    (self.entry(device, queue, drawing, entry.packing, values), false)
                }
            }
            _ => {
                let packing = drawing.source.packing(self.max_side);
                let values = upload(device, queue, &drawing.source, &packing);
                (self.entry(device, queue, drawing, packing, values), true)
            }
        };
        self.uploads += u64::from(uploaded);
        entry.last_frame = self.frame;
        queue.write_buffer(&entry.uniforms, 0, &drawing.uniforms(&entry.packing, pixels_per_point));
        self.entries.insert(drawing.id, entry);
    }

    fn finish(&mut self) {
        if std::mem::take(&mut self.preparing) {
            let frame = self.frame;
            self.entries.retain(|_, entry| entry.last_frame + KEEP_FRAMES >= frame);
        }
    }

    fn entry(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        drawing: &Drawing,
        packing: Packing,
        values: wgpu::Texture,
    ) -> Entry {
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("heatmap"),
            size: UNIFORM_BYTES,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let table = upload_table(device, queue, &drawing.cells);
        let view = |texture: &wgpu::Texture| texture.create_view(&wgpu::TextureViewDescriptor::default());
        let (values_view, table_view) = (view(&values), view(&table));
        let texture = |binding, view| wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::TextureView(view),
        };
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("heatmap"),
            layout: &self.pipeline.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniforms.as_entire_binding() },
                texture(1, &values_view),
                texture(2, &table_view),
                texture(3, &self.pipeline.colours),
            ],
        });
        let (source, cells) = (drawing.source.clone(), drawing.cells.clone());
        Entry { source, packing, values, cells, uniforms, bind_group, last_frame: self.frame }
    }
}

fn upload(device: &wgpu::Device, queue: &wgpu::Queue, source: &Source, packing: &Packing) -> wgpu::Texture {
    let texture = create_texture(device, packing.size(), wgpu::TextureFormat::R32Float);
    let mut bytes = Vec::with_capacity(packing.width * packing.height * size_of::<f32>());
    for (index, plane) in source.planes().enumerate().take(packing.room()) {
        bytes.clear();
        bytes.extend(source.plane(plane, packing).flat_map(f32::to_le_bytes));
        write(queue, &texture, packing.origin(index), [packing.width, packing.height], &bytes);
    }
    texture
}

/// One texel per cell: the plane it shows, and its own range.
fn upload_table(device: &wgpu::Device, queue: &wgpu::Queue, cells: &Cells) -> wgpu::Texture {
    let rows = cells.count().div_ceil(TABLE_WIDTH).max(1);
    let mut texels: Vec<[f32; 4]> = (0..cells.count())
        .map(|index| {
            let [low, high] = cells.range(index).unwrap_or_default();
            [cells.plane(index) as f32, low, high, 0.0]
        })
        .collect();
    texels.resize(rows * TABLE_WIDTH, [0.0; 4]);
    let bytes: Vec<u8> = texels.into_iter().flatten().flat_map(f32::to_le_bytes).collect();
    let texture = create_texture(device, [TABLE_WIDTH, rows], wgpu::TextureFormat::Rgba32Float);
    write(queue, &texture, [0, 0], [TABLE_WIDTH, rows], &bytes);
    texture
}

/// One drawing of one frame.
pub(super) struct Drawing {
    pub id: Id,
    pub source: Source,
    pub look: Look,
    pub cells: Cells,
    /// The whole drawing in points, also where it lies outside the window.
    pub rect: Rect,
}

impl Drawing {
    fn uniforms(&self, packing: &Packing, pixels_per_point: f32) -> Vec<u8> {
        let placed = self.cells.in_pixels(self.rect, pixels_per_point);
        let tone = &self.look.tone;
        let flag = |on: bool| f32::from(u8::from(on));
        let (rgb, own_ranges) = (self.source.is_rgb(), self.cells.has_ranges());
        let floats = [
            [placed.rect.min.x, placed.rect.min.y, placed.rect.width(), placed.rect.height()],
            [tone.range[0], tone.range[1], tone.gamma, colour_row(tone.map) as f32],
            [self.look.opacity, flag(rgb), flag(self.look.smooth), flag(own_ranges)],
            [
                packing.width as f32,
                packing.height as f32,
                packing.per_row as f32,
                self.cells.count().min(packing.room()) as f32,
            ],
            [placed.cell.x, placed.cell.y, placed.pitch.x, placed.pitch.y],
            [self.cells.columns() as f32, 0.0, 0.0, 0.0],
        ];
        floats.into_iter().flatten().flat_map(f32::to_le_bytes).collect()
    }
}

impl CallbackTrait for Drawing {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(store) = resources.get_mut::<Store>() {
            store.prepare(device, queue, self, screen.pixels_per_point);
        }
        Vec::new()
    }

    fn finish_prepare(
        &self,
        _device: &wgpu::Device,
        _queue: &wgpu::Queue,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(store) = resources.get_mut::<Store>() {
            store.finish();
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(store) = resources.get::<Store>() else { return };
        let Some(entry) = store.entries.get(&self.id) else { return };
        pass.set_pipeline(&store.pipeline.pipeline);
        pass.set_bind_group(0, &entry.bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}
