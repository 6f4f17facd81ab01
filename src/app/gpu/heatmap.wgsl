// Colours raw values: the twin of `colormap::shade` and of `cpu.rs`.
//
// One full-viewport triangle; where a fragment lies follows from its position and the unclamped
// rectangle, because the viewport that egui sets is clamped to the window. A map is a mosaic of
// one cell, an RGB map one cell of three planes.

struct Uniforms {
    // Rectangle of the whole drawing in framebuffer pixels: min x, min y, width, height.
    rect: vec4<f32>,
    // Value at the dark end, value at the bright end, gamma, row of the colour table.
    tone: vec4<f32>,
    // Opacity, 1 for RGB, 1 for bilinear, 1 for a range per cell.
    style: vec4<f32>,
    // Width and height of a plane in texels, planes per row of the atlas, number of cells.
    plane: vec4<f32>,
    // Cell size and pitch in pixels.
    cells: vec4<f32>,
    // Columns of cells, then nothing.
    columns: vec4<f32>,
};

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var values: texture_2d<f32>;
@group(0) @binding(2) var table: texture_2d<f32>;
@group(0) @binding(3) var colours: texture_2d<f32>;

// Values above this stand for NaN.
const LIMIT: f32 = 2.0e38;
const TABLE_WIDTH: i32 = 256;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let x = f32((index << 1u) & 2u);
    let y = f32(index & 2u);
    return vec4<f32>(x * 2.0 - 1.0, 1.0 - y * 2.0, 0.0, 1.0);
}

fn load(plane: i32, x: f32, y: f32) -> f32 {
    let per_row = i32(u.plane.z);
    let origin = vec2<i32>(plane % per_row, plane / per_row) * vec2<i32>(u.plane.xy);
    return textureLoad(values, origin + vec2<i32>(i32(x), i32(y)), 0).r;
}

fn value_at(plane: i32, place: vec2<f32>) -> f32 {
    let size = u.plane.xy;
    let texel = place * size;
    let near = clamp(floor(texel), vec2<f32>(0.0), size - 1.0);
    let nearest = load(plane, near.x, near.y);
    if u.style.z < 0.5 || nearest > LIMIT {
        return nearest;
    }
    let base = floor(texel - 0.5);
    let share = texel - 0.5 - base;
    var sum = 0.0;
    var weights = 0.0;
    for (var k = 0; k < 4; k++) {
        let corner = vec2<f32>(f32(k & 1), f32(k >> 1u));
        let tap = clamp(base + corner, vec2<f32>(0.0), size - 1.0);
        let v = load(plane, tap.x, tap.y);
        let w = mix(1.0 - share, share, corner);
        if v < LIMIT {
            sum += v * w.x * w.y;
            weights += w.x * w.y;
        }
    }
    return sum / weights;
}

fn shade(value: f32, range: vec2<f32>) -> vec3<f32> {
    // An empty range: 0 below, 1 above, the middle at its value.
    var t = 0.5 + 0.5 * sign(value - range.x);
    if range.x != range.y {
        t = clamp((value - range.x) / (range.y - range.x), 0.0, 1.0);
    }
    // pow(0, g) is left open by WGSL.
    let place = select(pow(t, u.tone.z), 0.0, t <= 0.0) * 255.0;
    let low = clamp(floor(place), 0.0, 254.0);
    let row = i32(u.tone.w);
    let a = textureLoad(colours, vec2<i32>(i32(low), row), 0).rgb;
    let b = textureLoad(colours, vec2<i32>(i32(low) + 1, row), 0).rgb;
    return mix(a, b, place - low);
}

// The twin of `colormap::hatch`.
fn hatch(local: vec2<f32>) -> vec3<f32> {
    let pixel = vec2<u32>(local);
    return select(vec3<f32>(152.0 / 255.0), vec3<f32>(88.0 / 255.0), ((pixel.x + pixel.y) / 4u) % 2u == 0u);
}

// Colour and coverage, not premultiplied, in gamma space.
fn colour(position: vec2<f32>) -> vec4<f32> {
    let local = position - u.rect.xy;
    if any(local < vec2<f32>(0.0)) || any(local >= u.rect.zw) {
        return vec4<f32>(0.0);
    }
    let cell = floor(local / u.cells.zw);
    let inside = local - cell * u.cells.zw;
    let index = i32(cell.y * u.columns.x + cell.x);
    if any(inside >= u.cells.xy) || cell.x >= u.columns.x || index >= i32(u.plane.w) {
        return vec4<f32>(0.0);
    }
    let entry = textureLoad(table, vec2<i32>(index % TABLE_WIDTH, index / TABLE_WIDTH), 0);
    let plane = i32(entry.x);
    let place = inside / u.cells.xy;
    let first = value_at(plane, place);
    if u.style.y > 0.5 {
        let rgb = vec3<f32>(first, value_at(plane + 1, place), value_at(plane + 2, place));
        if any(rgb > vec3<f32>(LIMIT)) {
            return vec4<f32>(hatch(local), u.style.x);
        }
        return vec4<f32>(clamp(rgb, vec3<f32>(0.0), vec3<f32>(1.0)), u.style.x);
    }
    if first > LIMIT {
        return vec4<f32>(hatch(local), u.style.x);
    }
    let range = select(u.tone.xy, entry.yz, u.style.w > 0.5);
    return vec4<f32>(shade(first, range), u.style.x);
}

// For the framebuffer that egui prefers, which takes gamma-space values as they are.
@fragment
fn gamma_target(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let c = colour(position.xy);
    return vec4<f32>(c.rgb * c.a, c.a);
}

// For a framebuffer that encodes by itself.
@fragment
fn linear_target(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let c = colour(position.xy);
    let low = c.rgb / 12.92;
    let high = pow((c.rgb + 0.055) / 1.055, vec3<f32>(2.4));
    let linear = select(high, low, c.rgb < vec3<f32>(0.04045));
    return vec4<f32>(linear * c.a, c.a);
}
