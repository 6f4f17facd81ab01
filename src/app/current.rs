//! The results on screen, made ready to be drawn, and whether they still belong to the selection.

use std::sync::Arc;

use eframe::egui::{Color32, ColorImage, Context, Rect, TextureHandle, TextureOptions, pos2, vec2};

use super::gpu::{Look, Source};
use super::state::MATCHES_SHOWN;
use super::widgets::colour_bar::Spread;
use super::widgets::heatmap::Backdrop;
use super::widgets::image_view::picture_texture;
use crate::colormap::Tone;
use crate::data::Thumbnail;
use crate::error::Error;
use crate::features::view::View;
use crate::grid::{Grid, odd_stride};
use crate::jobs::{LookConfig, MapShown, OtherMatch, PictureShown, SheetCell};

/// A map ready to be drawn.
#[derive(Clone)]
pub struct Drawn {
    /// The planes for the GPU.
    pub source: Source,
    /// Range, gamma and colours.
    pub tone: Tone,
    /// How the values lie in the range.
    pub spread: Spread,
    /// Channels of a mosaic in their order.
    pub order: Arc<[usize]>,
    /// Ranges of the channels of a mosaic, where each has its own.
    pub ranges: Option<Arc<[[f32; 2]]>>,
}

/// Values looked at for one channel's own range in a mosaic.
const CHANNEL_SAMPLE: usize = 4096;

impl Drawn {
    /// Makes `grid` of view `view` ready; `stats` are those of the channels of a mosaic.
    pub fn new(grid: &Grid, view: View, look: &LookConfig, stats: &[crate::grid::Stats]) -> Drawn {
        let mosaic = view == View::Mosaic;
        let source = match view {
            View::Mosaic => Source::all(grid),
            View::Pca => Source::rgb(grid),
            _ => Source::channel(grid, 0),
        };
        let own = mosaic && !look.shared_channels;
        let tone = if own {
            Tone { range: [0.0, 1.0], gamma: look.gamma, map: look.map }
        } else {
            look.range.tone(grid, look.gamma, look.map)
        };
        let spread = if own || view == View::Pca { Spread::default() } else { Spread::of(grid, tone.range) };
        let order: Arc<[usize]> =
            if mosaic { look.order.sorted(stats).into() } else { Arc::from([0usize].as_slice()) };
        let ranges = own.then(|| {
            let range = |channel| {
                let values = grid.channel(channel);
                let step = odd_stride(values.len(), CHANNEL_SAMPLE);
                let sample: Vec<f32> = values.iter().copied().step_by(step).collect();
                let count = sample.len();
                Grid::new(1, 1, count, sample)
                    .map_or([0.0; 2], |grid| look.range.tone(&grid, 1.0, look.map).range)
            };
            (0..grid.channels()).map(range).collect()
        });
        Drawn { source, tone, spread, order, ranges }
    }

    /// The look for the GPU.
    pub fn look(&self, look: &LookConfig) -> Look {
        Look { tone: self.tone, opacity: if look.overlay { look.opacity } else { 1.0 }, smooth: look.smooth }
    }
}

/// A result with the mark whether it belongs to an older request.
pub struct Held<T> {
    /// The result.
    pub value: T,
    /// A newer one is on its way.
    pub stale: bool,
}

impl<T> Held<T> {
    fn new(value: T) -> Held<T> {
        Held { value, stale: false }
    }
}

/// A picture that is shown with its texture.
#[derive(Clone)]
pub struct ShownPicture {
    /// All about it.
    pub shown: Arc<PictureShown>,
    /// On the GPU.
    pub texture: TextureHandle,
}

impl ShownPicture {
    /// As the ground of an overlay.
    pub fn backdrop(&self) -> Backdrop {
        backdrop(&self.shown, &self.texture)
    }
}

/// The picture `shown` as the ground of an overlay.
pub fn backdrop(shown: &PictureShown, texture: &TextureHandle) -> Backdrop {
    let place = &shown.placement;
    Backdrop {
        texture: texture.id(),
        size: [shown.picture.width, shown.picture.height],
        placement: Rect::from_min_size(pos2(place.x, place.y), vec2(place.width, place.height)),
    }
}

/// A small image and what it is of.
pub struct NetworkImage {
    /// On the GPU.
    pub texture: TextureHandle,
    /// Its side in pixels.
    pub side: usize,
}

/// A map with all that is drawn of it.
pub struct ShownMap {
    /// The picture it is of, as it was when the map came: the ground of an overlay.
    pub picture: Option<ShownPicture>,
    /// As it came.
    pub map: Arc<MapShown>,
    /// Ready to be drawn in the present look.
    pub drawn: Drawn,
}

/// A cell of the contact sheet, ready to be drawn.
pub struct ShownCell {
    /// The picture it is of: the ground of an overlay.
    pub picture: Option<ShownPicture>,
    /// As it came.
    pub cell: Arc<SheetCell>,
    /// Ready to be drawn.
    pub drawn: Drawn,
}

/// Another picture with its best match, ready to be drawn.
pub struct ShownMatch {
    /// As it came.
    pub other: Arc<OtherMatch>,
    /// Ready to be drawn.
    pub drawn: Drawn,
    /// The picture.
    pub texture: TextureHandle,
}

/// The results on screen.
#[derive(Default)]
pub struct Current {
    /// The generation asked for last.
    pub generation: u64,
    /// The picture.
    pub picture: Option<Held<ShownPicture>>,
    /// x_t.
    pub noised: Option<Held<NetworkImage>>,
    /// The predicted x_0.
    pub predicted: Option<Held<NetworkImage>>,
    /// The map.
    pub map: Option<Held<ShownMap>>,
    /// Blocks computed of the pass at the selection.
    pub computed: usize,
    /// Contact sheet, as far as it came.
    pub cells: Vec<ShownCell>,
    /// How many cells the sheet will have.
    pub cell_count: usize,
    /// The cells belong to an older request.
    pub cells_stale: bool,
    /// Matches in other pictures, as far as they came.
    pub others: Vec<ShownMatch>,
    /// Pictures searched so far.
    pub compared: usize,
    /// The matches belong to an older request.
    pub others_stale: bool,
    /// Why the last request failed.
    pub failed: Option<Arc<Error>>,
    /// Everything asked for has come.
    pub complete: bool,
    /// The look that everything is ready in.
    look: Option<LookConfig>,
}

impl Current {
    /// A newer request was sent: what is held is older from now on. With `other_step` the picture
    /// or its noise differ too, otherwise only the map does.
    pub fn begin(&mut self, generation: u64, other_step: bool) {
        self.generation = generation;
        self.complete = false;
        self.failed = None;
        self.cells_stale = true;
        self.others_stale = true;
        mark(&mut self.map);
        if other_step {
            self.computed = 0;
            mark(&mut self.picture);
            mark(&mut self.noised);
            mark(&mut self.predicted);
        }
    }

    /// The request failed: what belonged to older ones and was to be replaced goes. True when the
    /// map had come already, so that no panel will say it.
    pub fn fail(&mut self, error: &Arc<Error>) -> bool {
        self.failed = Some(Arc::clone(error));
        self.complete = true;
        self.noised = self.noised.take().filter(|held| !held.stale);
        self.predicted = self.predicted.take().filter(|held| !held.stale);
        self.map.as_ref().is_some_and(|held| !held.stale)
    }

    fn recolour(&mut self, look: &LookConfig) {
        let maps = self.map.iter_mut().map(|held| &mut held.value.drawn);
        let cells = self.cells.iter_mut().map(|shown| &mut shown.drawn);
        let others = self.others.iter_mut().map(|shown| &mut shown.drawn);
        for drawn in maps.chain(cells).chain(others) {
            drawn.tone = Tone { gamma: look.gamma, map: look.map, ..drawn.tone };
        }
    }

    /// Takes the picture.
    pub fn set_picture(&mut self, ctx: &Context, shown: &Arc<PictureShown>) {
        let same = self.picture.as_ref().filter(|held| {
            held.value.shown.id == shown.id && held.value.shown.picture.digest == shown.picture.digest
        });
        let texture = match same {
            Some(held) => held.value.texture.clone(),
            None => texture_of(ctx, shown),
        };
        self.picture = Some(Held::new(ShownPicture { shown: Arc::clone(shown), texture }));
    }

    /// Takes x_t.
    pub fn set_noised(&mut self, ctx: &Context, grid: &Grid) {
        self.noised = Some(Held::new(network_image(ctx, "x_t", grid)));
    }

    /// Takes the predicted x_0.
    pub fn set_predicted(&mut self, ctx: &Context, grid: &Grid) {
        self.predicted = Some(Held::new(network_image(ctx, "x_0", grid)));
    }

    /// Takes the map. What hangs on it begins anew.
    pub fn set_map(&mut self, map: &Arc<MapShown>, look: &LookConfig) {
        let drawn = Drawn::new(&map.grid, map.view, look, &map.channel_stats);
        let picture = self.picture.as_ref().map(|held| held.value.clone());
        self.map = Some(Held::new(ShownMap { picture, map: Arc::clone(map), drawn }));
        self.look = Some(look.clone());
    }

    /// Takes a cell of the contact sheet.
    pub fn add_cell(&mut self, cell: &Arc<SheetCell>, look: &LookConfig) {
        if self.cells_stale {
            self.cells.clear();
            self.cells_stale = false;
        }
        let drawn = Drawn::new(&cell.grid, cell.view, look, &[]);
        self.cell_count = cell.count;
        let picture = self.map.as_ref().and_then(|held| held.value.picture.clone());
        self.cells.push(ShownCell { picture, cell: Arc::clone(cell), drawn });
    }

    /// Takes another picture's match.
    pub fn add_other(&mut self, ctx: &Context, other: &Arc<OtherMatch>, look: &LookConfig) {
        if self.others_stale {
            self.others.clear();
            self.compared = 0;
            self.others_stale = false;
        }
        self.compared += 1;
        let worst = self.others.iter().map(|shown| shown.other.score).fold(f32::INFINITY, f32::min);
        if self.others.len() >= MATCHES_SHOWN {
            if other.score <= worst {
                return;
            }
            self.others.retain(|shown| shown.other.score > worst);
        }
        let drawn = Drawn::new(&other.grid, View::Norm, look, &[]);
        let texture = display_texture(ctx, &other.name, &other.small);
        self.others.push(ShownMatch { other: Arc::clone(other), drawn, texture });
    }

    /// Everything came: what was not renewed belongs to something else.
    pub fn finish(&mut self) {
        self.complete = true;
        if self.cells_stale {
            self.cells.clear();
        }
        if self.others_stale {
            self.others.clear();
        }
    }

    /// Makes everything ready again after the look changed.
    pub fn redraw(&mut self, look: &LookConfig) {
        let before = self.look.replace(look.clone());
        if before.is_some_and(|before| same_ranges(&before, look)) {
            self.recolour(look);
            return;
        }
        if let Some(held) = &mut self.map {
            let map = &held.value.map;
            held.value.drawn = Drawn::new(&map.grid, map.view, look, &map.channel_stats);
        }
        for shown in &mut self.cells {
            shown.drawn = Drawn::new(&shown.cell.grid, shown.cell.view, look, &[]);
        }
        for shown in &mut self.others {
            shown.drawn = Drawn::new(&shown.other.grid, View::Norm, look, &[]);
        }
    }
}

/// Whether two looks differ in colours only, which need no second look at the values.
fn same_ranges(a: &LookConfig, b: &LookConfig) -> bool {
    a.range == b.range
        && a.order == b.order
        && a.shared_channels == b.shared_channels
        && a.map.is_diverging() == b.map.is_diverging()
}

fn mark<T>(held: &mut Option<Held<T>>) {
    if let Some(held) = held {
        held.stale = true;
    }
}

/// The whole picture on the GPU.
pub fn texture_of(ctx: &Context, shown: &PictureShown) -> TextureHandle {
    display_texture(ctx, &shown.picture.name, &shown.display)
}

fn display_texture(ctx: &Context, name: &str, display: &Thumbnail) -> TextureHandle {
    picture_texture(
        ctx,
        name,
        ColorImage::from_rgba_unmultiplied([display.width, display.height], &display.rgba),
    )
}

/// `[3, S, S]` in [−1, 1] as an image; what lies outside is clipped, as x_t does.
fn network_image(ctx: &Context, name: &str, grid: &Grid) -> NetworkImage {
    let (width, height) = (grid.width(), grid.height());
    let level = |channel: usize, at: usize| {
        ((grid.channel(channel)[at] + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8
    };
    let pixels =
        (0..width * height).map(|at| Color32::from_rgb(level(0, at), level(1, at), level(2, at))).collect();
    let texture = ctx.load_texture(name, ColorImage::new([width, height], pixels), TextureOptions::NEAREST);
    NetworkImage { texture, side: width }
}
