//! The global selection, readable in one line: `boot.png · fashion32 · t 50 · b 12 (dec 1, 128×8×8)`.

use eframe::egui::{Label, RichText, TextStyle, Ui};

use crate::app::{icons, style};
use crate::unet::plan::BlockInfo;

/// What is being looked at.
pub struct SelectionLine<'a> {
    /// File name of the picture, if one is chosen.
    pub picture: Option<&'a str>,
    /// Name of the network.
    pub network: &'a str,
    /// The timestep t.
    pub timestep: usize,
    /// The block b, if the network is known.
    pub block: Option<&'a BlockInfo>,
    /// What to know before trusting the result: "far from what this network knows".
    pub warnings: &'a [String],
}

/// Names may take this share of the line before they are shortened.
const NAME_SHARE: f32 = 0.3;

impl SelectionLine<'_> {
    /// Draws the line over the width that is left. Shortened names show in full on hover.
    pub fn show(&self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = style::SPACE_XS + 2.0;
            let widest = ui.available_width() * NAME_SHARE;
            match self.picture {
                Some(picture) => name(ui, picture, widest),
                None => _ = ui.label(style::quiet("no picture")),
            }
            separator(ui);
            name(ui, self.network, widest);
            separator(ui);
            ui.label(format!("t {}", self.timestep));
            if let Some(block) = self.block {
                separator(ui);
                let text = format!("b {} ({}, {})", block.block, block.place(), block.shape());
                ui.add(Label::new(text).truncate()).on_hover_text(format!(
                    "Block {} of the network, {} in the checkpoint.",
                    block.block, block.name
                ));
            }
            for warning in self.warnings {
                ui.add_space(style::SPACE_XS);
                let colour = style::tokens(ui).warning;
                ui.label(RichText::new(icons::WARNING).color(colour)).on_hover_text(warning);
                ui.add(Label::new(warning).truncate());
            }
        });
    }
}

fn separator(ui: &mut Ui) {
    ui.label(style::quiet("·"));
}

fn name(ui: &mut Ui, full: &str, widest: f32) {
    let font = TextStyle::Body.resolve(ui.style());
    let colour = ui.visuals().text_color();
    let painter = ui.painter().clone();
    let fits = |text: &str| painter.layout_no_wrap(text.to_string(), font.clone(), colour).size().x <= widest;
    let short = elide_middle(full, fits);
    let is_shortened = short != full;
    let response = ui.add(Label::new(short).extend());
    if is_shortened {
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_value(full));
        response.on_hover_text(full);
    }
}

/// `name`, or its beginning and end around "…" so that it just fits: the end of a file name tells
/// what kind it is and which of a series.
pub fn elide_middle(name: &str, fits: impl Fn(&str) -> bool) -> String {
    if fits(name) {
        return name.to_string();
    }
    let characters: Vec<char> = name.chars().collect();
    let shortened = |kept: usize| -> String {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let end = &characters[characters.len() - tail..];
        characters[..head].iter().chain(&['…']).chain(end).collect()
    };
    // The largest number of kept characters that fits, by halving.
    let (mut fitting, mut too_many) = (2, characters.len());
    while fitting + 1 < too_many {
        let middle = (fitting + too_many) / 2;
        if fits(&shortened(middle)) {
            fitting = middle;
        } else {
            too_many = middle;
        }
    }
    shortened(fitting.min(characters.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_most(width: usize) -> impl Fn(&str) -> bool {
        move |text| text.chars().count() <= width
    }

    #[test]
    fn names_that_fit_stay() {
        assert_eq!(elide_middle("boot.png", at_most(8)), "boot.png");
    }

    #[test]
    fn long_names_keep_both_ends() {
        let name = "IMG_2024-05-01_holiday_at_the_sea_0317.jpeg";
        let short = elide_middle(name, at_most(21));
        assert_eq!(short.chars().count(), 21);
        assert!(short.starts_with("IMG_2024-0") && short.ends_with("_0317.jpeg"), "{short}");
    }

    #[test]
    fn characters_of_any_script_are_whole_and_nothing_panics() {
        assert_eq!(elide_middle("ふくろう写真集.png", at_most(7)), "ふくろ…png");
        for width in 0..6 {
            for name in ["", "a", "ab", "abc", "abcd"] {
                elide_middle(name, at_most(width));
            }
        }
    }
}
