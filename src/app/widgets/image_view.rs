//! [`ImageView`]: a picture with the same zoom and cursor as the maps beside it.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Color32, ColorImage, Context, Pos2, Rect, Response, Sense, TextureHandle, TextureOptions, Ui, Vec2,
    WidgetInfo, pos2,
};

use super::heatmap::Backdrop;
use super::viewport::{Content, ViewPort, is_inside, paint_crosshair, paint_rim};

/// Uploads a picture; one that is larger than the GPU takes is reduced by a whole factor first,
/// each pixel the mean of the square it stands for.
pub fn picture_texture(ctx: &Context, name: &str, picture: ColorImage) -> TextureHandle {
    let most = ctx.input(|input| input.max_texture_side).max(1);
    ctx.load_texture(name, reduced(picture, most), TextureOptions::LINEAR)
}

/// `picture` with no side above `most`.
fn reduced(picture: ColorImage, most: usize) -> ColorImage {
    let [width, height] = picture.size;
    let factor = width.max(height).div_ceil(most);
    if factor <= 1 {
        return picture;
    }
    let size = [width.div_ceil(factor), height.div_ceil(factor)];
    let mut pixels = Vec::with_capacity(size[0] * size[1]);
    for y in (0..height).step_by(factor) {
        for x in (0..width).step_by(factor) {
            let mut sum = [0u32; 4];
            let (right, bottom) = ((x + factor).min(width), (y + factor).min(height));
            for row in y..bottom {
                for pixel in &picture.pixels[row * width + x..row * width + right] {
                    sum.iter_mut().zip(pixel.to_array()).for_each(|(sum, c)| *sum += u32::from(c));
                }
            }
            let area = ((right - x) * (bottom - y)) as u32;
            let [r, g, b, a] = sum.map(|c| ((c + area / 2) / area) as u8);
            pixels.push(Color32::from_rgba_premultiplied(r, g, b, a));
        }
    }
    ColorImage::new(size, pixels)
}

/// What the user does on a picture.
#[derive(Debug)]
pub struct ImageOutput {
    /// egui's own answer.
    pub response: Response,
    /// The place under the pointer in input coordinates 0..1; none beside the network's input.
    pub hovered: Option<[f32; 2]>,
    /// The place clicked just now.
    pub clicked: Option<[f32; 2]>,
}

/// Shows a whole picture with the part that the network sees framed.
pub struct ImageView<'a> {
    name: &'a str,
    picture: Backdrop,
    port: &'a mut ViewPort,
    size: Option<Vec2>,
    cursor: Option<[f32; 2]>,
}

impl<'a> ImageView<'a> {
    /// A view of `picture`, called `name` by screen readers; `name` must differ from that of other
    /// views in the same [`Ui`].
    pub fn new(name: &'a str, picture: Backdrop, port: &'a mut ViewPort) -> ImageView<'a> {
        ImageView { name, picture, port, size: None, cursor: None }
    }

    /// The size in points; all that is left by default.
    pub fn size(mut self, size: Vec2) -> Self {
        self.size = Some(size);
        self
    }

    /// A place pointed at elsewhere, in input coordinates: a cross is drawn there.
    pub fn cursor(mut self, place: Option<[f32; 2]>) -> Self {
        self.cursor = place;
        self
    }

    /// Draws it and reports what the user does.
    pub fn show(self, ui: &mut Ui) -> ImageOutput {
        let wanted = self.size.unwrap_or_else(|| ui.available_size());
        let (view, _) = ui.allocate_exact_size(wanted, Sense::hover());
        let response = ui.interact(view, ui.make_persistent_id(self.name), Sense::click_and_drag());
        let content = Content::of_picture(self.picture.size, self.picture.placement);
        content.place(view, self.port).navigate(ui, &response, self.port);
        let placement = content.place(view, self.port);

        let place =
            |position: Option<Pos2>| position.map(|p| placement.input_at(p)).filter(|&p| is_inside(p));
        let hovered = place(response.hover_pos());
        let clicked = if response.clicked() { place(response.interact_pointer_pos()) } else { None };
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Image, response.enabled(), self.name);
            info.current_text_value =
                Some(format!("{} by {} pixels", self.picture.size[0], self.picture.size[1]));
            info
        });

        let painter = ui.painter_at(view);
        let [width, height] = self.picture.size.map(|side| side as f32);
        let picture = Rect::from_min_max(Pos2::ZERO, pos2(width, height));
        let uv = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        painter.image(self.picture.texture, placement.on_screen(picture), uv, Color32::WHITE);
        if self.picture.placement.is_positive() && self.picture.placement != picture {
            // Inside, where the edge of the view would cut it.
            paint_rim(&painter, placement.input.shrink(1.5));
        }
        if let (None, Some(cursor)) = (hovered, self.cursor) {
            paint_crosshair(&painter, &placement, cursor);
        }
        ImageOutput { response, hovered, clicked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_are_reduced_to_means() {
        let picture = ColorImage::new([5, 2], (0..10).map(|k| Color32::from_gray(k * 10)).collect());
        let small = reduced(picture.clone(), 3);
        assert_eq!(small.size, [3, 1]);
        let means: Vec<u8> = small.pixels.iter().map(|p| p.r()).collect();
        assert_eq!(means, [30, 50, 65]);
        assert_eq!(reduced(picture.clone(), 5), picture);
    }
}
