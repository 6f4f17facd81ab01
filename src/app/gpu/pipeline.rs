//! The one pipeline behind maps, RGB maps and mosaics.

use eframe::wgpu;

use crate::colormap::ColorMap;

/// Bytes of the uniforms: six vectors of four f32.
pub(super) const UNIFORM_BYTES: u64 = 6 * 16;

/// Pipeline and what all drawings share.
pub(super) struct Pipeline {
    pub layout: wgpu::BindGroupLayout,
    pub pipeline: wgpu::RenderPipeline,
    pub colours: wgpu::TextureView,
}

impl Pipeline {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, target: wgpu::TextureFormat) -> Pipeline {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("heatmap"),
            source: wgpu::ShaderSource::Wgsl(include_str!("heatmap.wgsl").into()),
        });
        let layout = bind_group_layout(device);
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("heatmap"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let entry = if target.is_srgb() { "linear_target" } else { "gamma_target" };
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("heatmap"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("vertex"),
                buffers: &[],
                compilation_options: wgpu::PipelineCompilationOptions::default(),
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some(entry),
                targets: &[Some(wgpu::ColorTargetState {
                    format: target,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
                compilation_options: wgpu::PipelineCompilationOptions::default(),
            }),
            multiview_mask: None,
            cache: None,
        });
        Pipeline { layout, pipeline, colours: colour_table(device, queue) }
    }
}

fn bind_group_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let texture = |binding| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture {
            // f32 textures are not filterable everywhere; every read is a `textureLoad`.
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
        count: None,
    };
    let uniforms = wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: false,
            min_binding_size: std::num::NonZeroU64::new(UNIFORM_BYTES),
        },
        count: None,
    };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("heatmap"),
        entries: &[uniforms, texture(1), texture(2), texture(3)],
    })
}

/// The row of `map` in the colour table.
pub(super) fn colour_row(map: ColorMap) -> usize {
    ColorMap::ALL.iter().position(|&m| m == map).unwrap_or(0)
}

fn colour_table(device: &wgpu::Device, queue: &wgpu::Queue) -> wgpu::TextureView {
    let bytes: Vec<u8> =
        ColorMap::ALL.iter().flat_map(|map| map.lut()).flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    let rows = ColorMap::ALL.len();
    let texture = create_texture(device, [256, rows], wgpu::TextureFormat::Rgba8Unorm);
    write(queue, &texture, [0, 0], [256, rows], &bytes);
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

/// A texture to write into and read from, `[width, height]`.
pub(super) fn create_texture(
    device: &wgpu::Device,
    size: [usize; 2],
    format: wgpu::TextureFormat,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("heatmap"),
        size: extent(size),
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

/// Writes tightly packed texels into the part of `texture` at `origin` of `size`.
pub(super) fn write(
    queue: &wgpu::Queue,
    texture: &wgpu::Texture,
    origin: [usize; 2],
    size: [usize; 2],
    bytes: &[u8],
) {
    queue.write_texture(
        wgpu::TexelCopyTextureInfo {
            texture,
            mip_level: 0,
            origin: wgpu::Origin3d { x: origin[0] as u32, y: origin[1] as u32, z: 0 },
            aspect: wgpu::TextureAspect::All,
        },
        bytes,
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some((bytes.len() / size[1]) as u32),
            rows_per_image: Some(size[1] as u32),
        },
        extent(size),
    );
}

fn extent(size: [usize; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d { width: size[0] as u32, height: size[1] as u32, depth_or_array_layers: 1 }
}
