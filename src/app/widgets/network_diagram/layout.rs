//! Where everything of the drawn network goes: pure geometry, in points from the top left corner.

use eframe::egui::{Pos2, Rect, pos2, vec2};

use crate::unet::plan::BlockInfo;

/// Room for the block numbers on either side.
pub(super) const GUTTER: f32 = 26.0;
/// Free space in the middle, for skip lines.
const MIDDLE_GAP: f32 = 28.0;
/// The lowest row on which a number can be read.
const LOWEST_ROW: f32 = 11.0;
/// Rows of the smallest maps do not grow beyond this.
const HIGHEST_UNIT: f32 = 22.0;
/// How much higher a row becomes when its map has twice the side.
const GROWTH_PER_DOUBLING: f32 = 0.45;
/// Free space between two bars above each other.
const BAR_GAP: f32 = 2.0;
/// The thinnest bar.
const THINNEST_BAR: f32 = 6.0;

/// Where a block stands in the U.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Encoder: going down.
    Left,
    /// The middle block.
    Bottom,
    /// Decoder: coming up.
    Right,
}

/// One block of the drawing.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub side: Side,
    /// The bar: width by channels, height by map size.
    pub bar: Rect,
    /// What reacts to the pointer: the bar, its number and the space beside it.
    pub hit: Rect,
}

/// The whole drawing.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// One cell per block, in the order of the table.
    pub cells: Vec<Cell>,
    /// Encoder and decoder block (indices into the table) and the line between them.
    pub skips: Vec<(usize, usize, [Pos2; 2])>,
    /// The two lines that lead into and out of the middle block.
    pub turn: [[Pos2; 3]; 2],
    /// Points from top to bottom.
    pub height: f32,
}

/// The number of encoder blocks, E.
fn encoder_blocks(blocks: &[BlockInfo]) -> usize {
    blocks
        .iter()
        .take_while(|block| block.output_index.is_none() && !block.name.starts_with("middle"))
        .count()
}

/// The block (index into the table) at the other end of the skip line of `index`, if it has one:
/// decoder block E + 1 + k reads encoder block E + 1 − k.
pub(super) fn partner(blocks: &[BlockInfo], index: usize) -> Option<usize> {
    let middle = encoder_blocks(blocks);
    let other = (2 * middle).checked_sub(index)?;
    (index != middle && other < blocks.len()).then_some(other)
}

/// Lays out `blocks` in `width` points, and in `height` points if every number can be read then,
/// otherwise higher.
pub(super) fn lay_out(blocks: &[BlockInfo], width: f32, height: f32) -> Layout {
    let middle = encoder_blocks(blocks);
    let rows = row_tops(blocks, middle, height);
    let half = ((width - MIDDLE_GAP) / 2.0 - GUTTER).max(THINNEST_BAR);
    let widest = blocks.iter().map(|block| block.channels).max().unwrap_or(1).max(1) as f32;
    let centre = width / 2.0;

    let cells: Vec<Cell> = blocks
        .iter()
        .enumerate()
        .map(|(index, block)| {
            let row = if index <= middle { index } else { 2 * middle - index.min(2 * middle) };
            let (top, bottom) = (rows.tops[row], rows.tops[row + 1]);
            let size = vec2(
                (half * block.channels as f32 / widest).max(THINNEST_BAR),
                rows.unit * (1.0 + rows.growth * doublings(block, rows.smallest)) - BAR_GAP,
            );
            let y = (top + bottom) / 2.0;
            let (side, x, hit) = if index < middle {
                (Side::Left, GUTTER + size.x / 2.0, 0.0..=centre - MIDDLE_GAP / 2.0)
            } else if index == middle {
                (Side::Bottom, centre, centre - half / 2.0 - GUTTER..=centre + half / 2.0 + GUTTER)
            } else {
                (Side::Right, width - GUTTER - size.x / 2.0, centre + MIDDLE_GAP / 2.0..=width)
            };
            let hit = Rect::from_x_y_ranges(hit, top..=bottom);
            Cell { side, bar: Rect::from_center_size(pos2(x, y), size), hit }
        })
        .collect();

    let skips = (0..middle.min(cells.len()))
        .filter_map(|index| {
            let other = partner(blocks, index)?;
            let ends = [cells[index].bar.right_center(), cells[other].bar.left_center()];
            Some((index, other, [ends[0] + vec2(5.0, 0.0), ends[1] - vec2(5.0, 0.0)]))
        })
        .collect();
    Layout { turn: turn(&cells, middle), cells, skips, height: rows.tops.last().copied().unwrap_or(0.0) }
}

struct Rows {
    /// Top of every row and, last, the bottom of the last.
    tops: Vec<f32>,
    /// Height of a row of the smallest maps.
    unit: f32,
    /// Growth per doubling of the side, as far as there is room.
    growth: f32,
    /// The smallest side.
    smallest: usize,
}

fn doublings(block: &BlockInfo, smallest: usize) -> f32 {
    (block.height.max(1) as f32 / smallest as f32).log2().max(0.0)
}

fn row_tops(blocks: &[BlockInfo], middle: usize, height: f32) -> Rows {
    let smallest = blocks.iter().map(|block| block.height).min().unwrap_or(1).max(1);
    let doublings: Vec<f32> = (0..=middle)
        .map(|row| {
            let pair = [Some(row), partner(blocks, row)];
            let both = pair.into_iter().flatten().filter_map(|index| blocks.get(index));
            both.map(|block| doublings(block, smallest)).fold(0.0, f32::max)
        })
        .collect();
    let (count, sum) = (doublings.len() as f32, doublings.iter().sum::<f32>());
    // Half a point to spare, so that rounding never makes a scroll bar.
    let height = height - 0.5;
    // In a low panel the rows first become equal, then the drawing becomes higher than the panel.
    let growth =
        if sum > 0.0 { ((height / LOWEST_ROW - count) / sum).clamp(0.0, GROWTH_PER_DOUBLING) } else { 0.0 };
    let unit = (height / (count + growth * sum)).clamp(LOWEST_ROW, HIGHEST_UNIT);
    let mut tops = vec![0.0];
    let mut top = 0.0;
    for each in doublings {
        top += unit * (1.0 + growth * each);
        tops.push(top);
    }
    Rows { tops, unit, growth, smallest }
}

/// Down from the last encoder block into the middle, and up from there to the first decoder block.
fn turn(cells: &[Cell], middle: usize) -> [[Pos2; 3]; 2] {
    let Some(bottom) = cells.get(middle) else { return [[Pos2::ZERO; 3]; 2] };
    let path = |from: Option<&Cell>, x: fn(&Rect) -> f32, end: Pos2| {
        let from = from.map_or(end, |cell| pos2(x(&cell.bar), cell.bar.bottom()));
        [from, pos2(from.x, end.y), end]
    };
    let before = middle.checked_sub(1).and_then(|index| cells.get(index));
    [
        path(before, |bar| bar.left() + THINNEST_BAR / 2.0, bottom.bar.left_center()),
        path(cells.get(middle + 1), |bar| bar.right() - THINNEST_BAR / 2.0, bottom.bar.right_center()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A network with `levels` levels of two residual blocks each, as ADM lays them out.
    fn network(levels: usize, largest: usize) -> Vec<BlockInfo> {
        let mut shapes = vec![(64, largest)];
        for level in 0..levels {
            let channels = 64 << level.min(3);
            let side = largest >> level;
            shapes.extend([(channels, side); 2]);
            if level + 1 < levels {
                shapes.push((channels, side / 2));
            }
        }
        let encoder = shapes.len();
        shapes.push(*shapes.last().unwrap());
        let mirrored: Vec<_> = shapes[..encoder].iter().rev().copied().collect();
        shapes.extend(mirrored);
        shapes
            .into_iter()
            .enumerate()
            .map(|(index, (channels, side))| BlockInfo {
                block: index + 1,
                name: match index.cmp(&encoder) {
                    std::cmp::Ordering::Less => format!("input_blocks.{index}"),
                    std::cmp::Ordering::Equal => "middle_block".into(),
                    std::cmp::Ordering::Greater => format!("output_blocks.{}", index - encoder - 1),
                },
                output_index: (index > encoder).then(|| index - encoder - 1),
                channels,
                height: side,
                width: side,
                parameters: 0,
                gmac: 1.0,
                cumulative_gmac: (index + 1) as f64,
            })
            .collect()
    }

    #[test]
    fn skip_lines_join_the_blocks_that_the_network_joins() {
        let blocks = network(3, 32);
        assert_eq!(blocks.len(), 19);
        let drawing = lay_out(&blocks, 300.0, 400.0);
        assert_eq!(drawing.skips.len(), 9);
        for (encoder, decoder, line) in &drawing.skips {
            assert_eq!(blocks[*encoder].block + blocks[*decoder].block, 20, "E + 1 − k and E + 1 + k");
            assert!((line[0].y - line[1].y).abs() < 1e-3);
        }
        assert_eq!(partner(&blocks, 9), None);
        assert_eq!(partner(&blocks, 10), Some(8));
        assert_eq!(partner(&blocks, 18), Some(0));
    }

    #[test]
    fn nothing_overlaps_or_leaves_the_panel() {
        for (levels, side) in [(3, 32), (6, 256), (10, 512)] {
            let blocks = network(levels, side);
            for width in [220.0, 300.0, 420.0] {
                for height in [250.0, 600.0, 1200.0] {
                    let drawing = lay_out(&blocks, width, height);
                    for (index, cell) in drawing.cells.iter().enumerate() {
                        assert!(cell.bar.left() >= 0.0 && cell.bar.right() <= width);
                        assert!(cell.bar.top() >= 0.0 && cell.bar.bottom() <= drawing.height);
                        assert!(cell.hit.expand(0.01).contains_rect(cell.bar), "{width} {height} {index}");
                        for other in &drawing.cells[..index] {
                            assert!(!cell.hit.shrink(0.01).intersects(other.hit.shrink(0.01)));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn drawn_to_scale() {
        let blocks = network(3, 32);
        let drawing = lay_out(&blocks, 420.0, 600.0);
        let bar = |index: usize| drawing.cells[index].bar;
        assert!((bar(8).width() / bar(0).width() - 4.0).abs() < 1e-3, "256 and 64 channels");
        assert!(bar(0).height() > bar(4).height() && bar(4).height() > bar(8).height());
        assert!(drawing.cells[0].side == Side::Left && drawing.cells[9].side == Side::Bottom);
    }

    #[test]
    fn fits_a_low_panel_until_numbers_would_be_unreadable() {
        assert!(lay_out(&network(6, 256), 300.0, 250.0).height <= 250.0);
        assert!(lay_out(&network(10, 512), 300.0, 250.0).height > 250.0, "30 rows scroll");
    }
}
