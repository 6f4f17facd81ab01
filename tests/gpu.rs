//! What the shader draws against its twin on the CPU. Needs a GPU or a software one (lavapipe);
//! without, the tests say loudly that they were skipped, and fail if `DIFSCOPE_REQUIRE_GPU=1`.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use difscope::Grid;
use difscope::app::gpu::{self, Cells, Look, Source};
use difscope::colormap::{ColorMap, Tone, shade};
use eframe::egui::{self, Color32, Id, Rect, Vec2, pos2, vec2};
use eframe::egui_wgpu::RenderState;
use egui_kittest::Harness;

type Draw = Rc<RefCell<dyn FnMut(&egui::Painter)>>;

struct App {
    draw: Draw,
    state: Option<RenderState>,
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let painter = ui.ctx().layer_painter(egui::LayerId::background());
        painter.rect_filled(ui.ctx().content_rect(), 0.0, Color32::WHITE);
        (self.draw.borrow_mut())(&painter);
    }
}

fn has_gpu() -> bool {
    let setup = egui_kittest::wgpu::default_wgpu_setup();
    let instance = pollster::block_on(setup.new_instance());
    let found = !pollster::block_on(instance.enumerate_adapters(eframe::wgpu::Backends::all())).is_empty();
    if !found {
        let required = std::env::var("DIFSCOPE_REQUIRE_GPU").is_ok_and(|v| v == "1");
        assert!(!required, "DIFSCOPE_REQUIRE_GPU=1, and no graphics adapter was found");
        // Not `eprintln!`, which passing tests keep to themselves.
        let text = b"SKIPPED: no graphics adapter; install mesa-vulkan-drivers for the shader tests\n";
        std::io::stderr().write_all(text).unwrap();
    }
    found
}

/// A window of `size` pixels that draws with `draw`; `None` where there is no adapter.
fn window(
    size: [f32; 2],
    pixels_per_point: f32,
    draw: impl FnMut(&egui::Painter) + 'static,
) -> Option<Harness<'static, App>> {
    has_gpu().then(|| {
        let draw: Draw = Rc::new(RefCell::new(draw));
        Harness::builder()
            .with_size(Vec2::from(size) / pixels_per_point)
            .with_pixels_per_point(pixels_per_point)
            .with_render_cursor(false)
            .wgpu()
            .build_eframe(move |cc| {
                gpu::install(&cc.egui_ctx, cc.wgpu_render_state.as_ref());
                App { draw, state: cc.wgpu_render_state.clone() }
            })
    })
}

fn grid(seed: u32, channels: usize, height: usize, width: usize) -> Grid {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    Grid::from_fn(channels, height, width, |_, _, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 24) as f32 * 3.0 - 1.0
    })
}

fn with_holes(grid: &Grid) -> Grid {
    let mut values = grid.values().to_vec();
    for (k, hole) in
        [(3, f32::NAN), (17, f32::INFINITY), (18, f32::NEG_INFINITY), (40, f32::MAX), (41, -1e30), (50, 0.5)]
    {
        values[k] = hole;
    }
    Grid::new(grid.channels(), grid.height(), grid.width(), values).unwrap()
}

fn look(map: ColorMap, gamma: f32, range: [f32; 2]) -> Look {
    Look { tone: Tone { range, gamma, map }, opacity: 1.0, smooth: false }
}

/// Compares the part of `rect` (pixels) that lies in the picture with the CPU's picture of it.
fn assert_same(what: &str, picture: &image::RgbaImage, rect: Rect, expected: &egui::ColorImage) {
    let (mut worst, mut seen) = (0, 0);
    for y in 0..expected.height() {
        for x in 0..expected.width() {
            let (px, py) = (rect.min.x as i32 + x as i32, rect.min.y as i32 + y as i32);
            if px < 0 || py < 0 || px >= picture.width() as i32 || py >= picture.height() as i32 {
                continue;
            }
            seen += 1;
            let got = picture.get_pixel(px as u32, py as u32).0;
            let want = expected[(x, y)].to_array();
            let off = (0..3).map(|c| got[c].abs_diff(want[c])).max().unwrap();
            assert!(off <= 1, "{what}: pixel {x}, {y} is {got:?} and should be {want:?}");
            worst = worst.max(off);
        }
    }
    assert!(seen > 0, "{what}: nothing of it was on screen");
}

#[test]
fn every_map_gamma_and_range_in_one_frame() {
    let mut drawings = Vec::new();
    for map in ColorMap::ALL {
        for gamma in [0.4, 1.0, 2.2] {
            for range in [[0.0, 1.0], [-1.0, 2.0], [0.3, 0.31], [1.0, -1.0], [0.5, 0.5]] {
                let k = drawings.len();
                let rect = Rect::from_min_size(
                    pos2((k % 10) as f32 * 62.0, (k / 10) as f32 * 42.0),
                    vec2(60.0, 40.0),
                );
                let values = with_holes(&grid(k as u32, 1, 8, 12));
                drawings.push((rect, Source::channel(&values, 0), look(map, gamma, range)));
            }
        }
    }
    let shown = drawings.clone();
    let Some(mut harness) = window([640.0, 350.0], 1.0, move |painter| {
        for (k, (rect, source, look)) in shown.iter().enumerate() {
            gpu::paint(painter, Id::unique(k), *rect, source, look, &Cells::single());
        }
    }) else {
        return;
    };
    harness.run();
    let picture = harness.render().unwrap();
    for (rect, source, look) in &drawings {
        assert_same(&format!("{look:?}"), &picture, *rect, &gpu::cpu_image(source, look, 60, 40));
    }
}

#[test]
fn smooth_maps_and_colours() {
    let smooth = Look { smooth: true, ..look(ColorMap::Viridis, 1.0, [-1.0, 2.0]) };
    let map = Source::channel(&with_holes(&grid(1, 2, 8, 12)), 0);
    let second = Source::channel(&grid(1, 2, 8, 12), 1);
    let mut colours = grid(2, 3, 6, 6).values().to_vec();
    colours[40] = f32::NAN;
    let colours = Source::rgb(&Grid::new(3, 6, 6, colours).unwrap());
    let rects = [0.0, 160.0, 320.0, 480.0].map(|x| Rect::from_min_size(pos2(x, 10.0), vec2(150.0, 100.0)));
    let drawings = [
        (map, smooth),
        (second, smooth),
        (colours.clone(), smooth),
        (colours, look(smooth.tone.map, 1.0, [0.0, 1.0])),
    ];
    let shown = drawings.clone();
    let Some(mut harness) = window([640.0, 120.0], 1.0, move |painter| {
        for (k, (source, look)) in shown.iter().enumerate() {
            gpu::paint(painter, Id::unique(k), rects[k], source, look, &Cells::single());
        }
    }) else {
        return;
    };
    harness.run();
    let picture = harness.render().unwrap();
    for (k, (source, look)) in drawings.iter().enumerate() {
        assert_same(&format!("drawing {k}"), &picture, rects[k], &gpu::cpu_image(source, look, 150, 100));
    }
}

#[test]
fn a_drawing_partly_off_screen_is_cut_not_squashed() {
    let source = Source::channel(&with_holes(&grid(5, 1, 8, 12)), 0);
    let look = look(ColorMap::Magma, 1.0, [-1.0, 2.0]);
    for pixels_per_point in [1.0, 2.0] {
        let rects = [pos2(-70.0, -30.0), pos2(250.0, 130.0), pos2(100.0, -44.0)]
            .map(|corner| Rect::from_min_size(corner, vec2(120.0, 80.0)));
        let shown = source.clone();
        let Some(mut harness) = window([320.0, 180.0], pixels_per_point, move |painter| {
            for (k, rect) in rects.iter().enumerate() {
                let points = Rect::from_min_max(rect.min / pixels_per_point, rect.max / pixels_per_point);
                gpu::paint(painter, Id::unique(k), points, &shown, &look, &Cells::single());
            }
        }) else {
            return;
        };
        harness.run();
        let picture = harness.render().unwrap();
        for rect in rects {
            assert_same(&format!("{rect:?}"), &picture, rect, &gpu::cpu_image(&source, &look, 120, 80));
        }
    }
}

#[test]
fn opacity_mixes_with_what_is_below() {
    let source = Source::channel(&Grid::from_fn(1, 1, 1, |_, _, _| 0.25), 0);
    let half = Look { opacity: 0.5, ..look(ColorMap::Viridis, 1.0, [0.0, 1.0]) };
    let rect = Rect::from_min_size(pos2(10.0, 10.0), vec2(20.0, 20.0));
    let shown = source.clone();
    let Some(mut harness) = window([40.0, 40.0], 1.0, move |p| {
        gpu::paint(p, Id::unique(0), rect, &shown, &half, &Cells::single())
    }) else {
        return;
    };
    harness.run();
    let picture = harness.render().unwrap();
    let expected = shade(0.25, &half.tone).unwrap().map(|c| (f32::from(c) * 0.5 + 127.5).round() as u8);
    let got = picture.get_pixel(20, 20).0;
    assert!((0..3).all(|c| got[c].abs_diff(expected[c]) <= 1), "{got:?} should be {expected:?}");
    assert_eq!(picture.get_pixel(5, 5).0, [255; 4]);
}

#[test]
fn what_is_faded_by_its_panel_is_faded_once_on_gpu_and_cpu() {
    let source = Source::channel(&Grid::from_fn(1, 1, 1, |_, _, _| 0.25), 0);
    let look = Look { opacity: 0.8, ..look(ColorMap::Viridis, 1.0, [0.0, 1.0]) };
    let rect = Rect::from_min_size(pos2(10.0, 10.0), vec2(20.0, 20.0));
    let draw = move |painter: &egui::Painter| {
        let mut painter = painter.clone();
        painter.rect_filled(painter.clip_rect(), 0.0, Color32::WHITE);
        painter.set_opacity(0.5);
        gpu::paint(&painter, Id::unique(0), rect, &source, &look, &Cells::single());
    };
    let Some(mut on_gpu) = window([40.0, 40.0], 1.0, draw.clone()) else { return };
    let mut on_cpu = Harness::builder()
        .with_size(vec2(40.0, 40.0))
        .wgpu()
        .build_ui(move |ui| draw(&ui.ctx().layer_painter(egui::LayerId::background())));
    on_gpu.run();
    on_cpu.run();
    let expected = shade(0.25, &look.tone).unwrap().map(|c| (f32::from(c) * 0.4 + 153.0).round() as u8);
    for (what, picture) in [("GPU", on_gpu.render().unwrap()), ("CPU", on_cpu.render().unwrap())] {
        let got = picture.get_pixel(20, 20).0;
        assert!((0..3).all(|c| got[c].abs_diff(expected[c]) <= 2), "{what}: {got:?} should be {expected:?}");
    }
}

#[test]
fn a_mosaic_shows_each_channel_where_the_order_says() {
    let values = grid(9, 10, 4, 4);
    let order: Arc<[usize]> = [7, 0, 3, 9, 1, 2, 4, 5, 6, 8].into();
    let ranges: Arc<[[f32; 2]]> = (0..10).map(|c| [-1.0, 0.1 + 0.15 * c as f32]).collect();
    let look = look(ColorMap::Cividis, 1.0, [-1.0, 2.0]);
    for ranges in [None, Some(ranges)] {
        let cells = Cells::mosaic(order.clone(), ranges.clone(), 4, vec2(20.0, 20.0), vec2(2.0, 2.0));
        let rect = Rect::from_min_size(pos2(6.0, -12.0), cells.size());
        let (source, shown) = (Source::all(&values), cells.clone());
        let Some(mut harness) =
            window([120.0, 80.0], 1.0, move |p| gpu::paint(p, Id::unique(0), rect, &source, &look, &shown))
        else {
            return;
        };
        harness.run();
        let picture = harness.render().unwrap();
        for (index, &channel) in order.iter().enumerate() {
            let mut own = look;
            own.tone.range = ranges.as_ref().map_or(look.tone.range, |r| r[channel]);
            let expected = gpu::cpu_image(&Source::channel(&values, channel), &own, 20, 20);
            assert_same(&format!("channel {channel}"), &picture, cells.rect_of(index, rect.min), &expected);
        }
        assert_eq!(picture.get_pixel(6 + 20, 20).0, [255; 4], "the gap stays free");
        assert_eq!(picture.get_pixel(6 + 44 + 10, 44).0, [255; 4], "and the place past the last");
    }
}

/// Channels laid over a picture that is not square: the maps are square, the cells are not, and the
/// gaps between maps differ across and down.
#[test]
fn a_mosaic_with_uneven_gaps_is_the_same_on_gpu_and_cpu() {
    let values = with_holes(&grid(11, 10, 4, 6));
    let order: Arc<[usize]> = [7, 0, 3, 9, 1, 2, 4, 5, 6, 8].into();
    let ranges: Arc<[[f32; 2]]> = (0..10).map(|c| [-1.0, 0.1 + 0.15 * c as f32]).collect();
    for (cell, gap, ranges, scale) in [
        (vec2(24.0, 16.0), vec2(15.0, 2.0), None, 1.0),
        (vec2(12.0, 8.0), vec2(2.0, 11.0), Some(ranges.clone()), 1.0),
        (vec2(12.0, 12.0), vec2(7.5, 1.0), Some(ranges), 2.0),
    ] {
        let look = Look { opacity: 0.6, ..look(ColorMap::Magma, 0.8, [-1.0, 2.0]) };
        let cells = Cells::mosaic(order.clone(), ranges.clone(), 4, cell, gap);
        let origin = pos2(6.0, -5.0);
        let (source, shown) = (Source::all(&values), cells.clone());
        let draw = move |painter: &egui::Painter| {
            painter.rect_filled(painter.clip_rect(), 0.0, Color32::WHITE);
            let rect = Rect::from_min_size(origin, shown.size());
            gpu::paint(painter, Id::unique(0), rect, &source, &look, &shown);
        };
        let Some(mut on_gpu) = window([180.0 * scale, 90.0 * scale], scale, draw.clone()) else { return };
        let mut on_cpu = Harness::builder()
            .with_size(vec2(180.0, 90.0))
            .with_pixels_per_point(scale)
            .with_render_cursor(false)
            .wgpu()
            .build_ui(move |ui| draw(&ui.ctx().layer_painter(egui::LayerId::background())));
        on_gpu.run();
        on_cpu.run();
        let (on_gpu, on_cpu) = (on_gpu.render().unwrap(), on_cpu.render().unwrap());
        assert_eq!(on_gpu.dimensions(), on_cpu.dimensions());
        let covered: Vec<(Rect, usize)> = (0..cells.count())
            .map(|index| {
                let rect = cells.rect_of(index, origin);
                (Rect::from_min_max(rect.min * scale, rect.max * scale), cells.plane(index))
            })
            .collect();
        for (x, y, got) in on_gpu.enumerate_pixels() {
            let centre = pos2(x as f32 + 0.5, y as f32 + 0.5);
            let Some((rect, plane)) = covered.iter().find(|(rect, _)| rect.contains(centre)) else {
                assert_eq!(got.0, [255; 4], "{gap:?}: nothing but the ground at {x}, {y}");
                continue;
            };
            let texel = (centre - rect.min) / rect.size() * vec2(6.0, 4.0);
            // The hatching of what is not finite follows the pixels of each.
            if values.at(*plane, texel.y as usize, texel.x as usize).is_none_or(|value| !value.is_finite()) {
                continue;
            }
            let want = on_cpu.get_pixel(x, y).0;
            let off = (0..3).map(|c| got.0[c].abs_diff(want[c])).max().unwrap();
            assert!(off <= 1, "{gap:?}: pixel {x}, {y} of plane {plane} is {got:?} and should be {want:?}");
        }
    }
}

#[test]
fn values_go_up_once_and_leave_when_no_longer_drawn() {
    let scene = Rc::new(RefCell::new((grid(1, 1, 8, 8), 1.0f32, true)));
    let shown = Rc::clone(&scene);
    let other = grid(2, 1, 8, 8);
    let Some(mut harness) = window([100.0, 50.0], 1.0, move |painter| {
        let (values, gamma, visible) = &*shown.borrow();
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(40.0, 40.0));
        let look = look(ColorMap::Viridis, *gamma, [0.0, 1.0]);
        if *visible {
            gpu::paint(painter, Id::unique(0), rect, &Source::channel(values, 0), &look, &Cells::single());
        }
        let beside = rect.translate(vec2(50.0, 0.0));
        gpu::paint(painter, Id::unique(1), beside, &Source::channel(&other, 0), &look, &Cells::single());
    }) else {
        return;
    };
    let state = harness.state().state.clone().unwrap();
    let mut frame = |frames: usize| {
        for _ in 0..frames {
            harness.step();
            harness.render().unwrap();
        }
        gpu::usage(&state)
    };
    assert_eq!(frame(3), (2, 2));
    scene.borrow_mut().1 = 0.5;
    assert_eq!(frame(2), (2, 2), "another gamma uploads nothing");
    scene.borrow_mut().0 = grid(3, 1, 8, 8);
    assert_eq!(frame(2), (2, 3), "another grid is uploaded once");
    scene.borrow_mut().2 = false;
    assert_eq!(frame(70), (1, 3), "what is no longer drawn is dropped");
}

#[test]
fn without_installation_the_cpu_draws_the_same() {
    if !has_gpu() {
        return;
    }
    let values = with_holes(&grid(4, 3, 8, 12));
    let look = look(ColorMap::Viridis, 0.7, [-1.0, 2.0]);
    let cells = Cells::mosaic([2, 0, 1].into(), None, 3, vec2(24.0, 16.0), vec2(3.0, 3.0));
    let map = Rect::from_min_size(pos2(0.0, 0.0), vec2(120.0, 80.0));
    let mosaic = Rect::from_min_size(pos2(130.0, 0.0), cells.size());
    let (shown, arranged) = (values.clone(), cells.clone());
    let mut harness = Harness::builder().with_size(vec2(240.0, 90.0)).wgpu().build_ui(move |ui| {
        let painter = ui.ctx().layer_painter(egui::LayerId::background());
        gpu::paint(&painter, Id::unique(0), map, &Source::channel(&shown, 1), &look, &Cells::single());
        gpu::paint(&painter, Id::unique(1), mosaic, &Source::all(&shown), &look, &arranged);
    });
    harness.run();
    let picture = harness.render().unwrap();
    let expect = |at: egui::Pos2, value: f32| {
        if let Some(want) = shade(value, &look.tone) {
            let got = picture.get_pixel(at.x as u32, at.y as u32).0;
            assert!((0..3).all(|c| got[c].abs_diff(want[c]) <= 1), "at {at:?} {got:?}, not {want:?}");
        }
    };
    for y in 0..8 {
        for x in 0..12 {
            let centre = vec2(x as f32 + 0.5, y as f32 + 0.5);
            expect(map.min + centre * 10.0, values.at(1, y, x).unwrap());
            for index in 0..3 {
                let corner = cells.rect_of(index, mosaic.min).min;
                expect(corner + centre * 2.0, values.at(cells.plane(index), y, x).unwrap());
            }
        }
    }
}
