//! Pictures that are the same, and pictures that look the same: other sizes, formats and compressions
//! of one picture. Turned, mirrored or cropped pictures are not found.

use std::collections::HashMap;

use super::dataset::{Digest, Fingerprint};
use super::picture::Picture;
use super::resample::{Filter, Pixels, resize};

/// Columns and rows of the picture that the look is taken from.
const REDUCED: (usize, usize) = (36, 32);
/// Columns and rows of the values compared.
const CELLS: (usize, usize) = (18, 16);
/// A step to the right counts when it is larger than this many levels: compression moves less.
const STEP: i32 = 2;
/// Bits in which two hashes may differ.
const BITS: u32 = 6;
/// Mean difference of the cells, in levels, up to which two pictures look the same.
const LEVELS: u32 = 5;
/// Standard deviation of the cells, in levels, below which a picture has no look to compare.
const FLAT: u32 = 6;

/// What a picture looks like, small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether the brightness steps up to the right, at 8×8 places.
    hash: u64,
    /// Brightness, row-major.
    cells: [u8; CELLS.0 * CELLS.1],
    /// Whether there is anything to see.
    flat: bool,
}

impl Look {
    /// The look of `picture`.
    pub fn of(picture: &Picture) -> Look {
        let (width, height) = REDUCED;
        let pixels = Pixels { width: picture.width, height: picture.height, rgb: &picture.rgb };
        let rgb = resize(pixels, REDUCED, 0..width, 0..height, Filter::Box);
        let grey: Vec<i32> = rgb
            .as_chunks::<3>()
            .0
            .iter()
            .map(|&[r, g, b]| (299 * i32::from(r) + 587 * i32::from(g) + 114 * i32::from(b)) / 1000)
            .collect();
        let mean = |side: usize, x: usize, y: usize| {
            let rows = grey.chunks_exact(width).skip(y * side).take(side);
            let sum: i32 = rows.flat_map(|row| &row[x * side..(x + 1) * side]).sum();
            sum / (side * side) as i32
        };
        let mut hash = 0;
        for y in 0..8 {
            for x in 0..8 {
                hash = hash << 1 | u64::from(mean(4, x + 1, y) > mean(4, x, y) + STEP);
            }
        }
        let mut cells = [0; CELLS.0 * CELLS.1];
        for (at, cell) in cells.iter_mut().enumerate() {
            *cell = mean(2, at % CELLS.0, at / CELLS.0) as u8;
        }
        let count = cells.len() as u32;
        let average = cells.iter().map(|&v| u32::from(v)).sum::<u32>() / count;
        let spread = cells.iter().map(|&v| u32::from(v).abs_diff(average).pow(2)).sum::<u32>() / count;
        Look { hash, cells, flat: spread < FLAT * FLAT }
    }

    /// Whether two pictures look the same.
    pub fn resembles(&self, other: &Look) -> bool {
        if self.flat || other.flat || (self.hash ^ other.hash).count_ones() > BITS {
            return false;
        }
        let apart = self.cells.iter().zip(&other.cells).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum::<u32>();
        apart <= LEVELS * self.cells.len() as u32
    }
}

/// Which pictures belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// The group of each picture: the place of the first picture in it. Most are alone.
    pub group_of: Vec<usize>,
    /// Places of pictures with the same content, where there are several; each list and the lists
    /// ascend.
    pub exact: Vec<Vec<usize>>,
    /// Places of pictures that belong together, the same content included; as above.
    pub near: Vec<Vec<usize>>,
}

impl Duplicates {
    /// Groups pictures by `prints`: what resembles a picture of a group belongs to it. Does not depend
    /// on their order, and grows a little faster than linearly.
    pub fn of(prints: &[Fingerprint]) -> Duplicates {
        let mut groups = Groups((0..prints.len()).collect());
        let mut first: HashMap<Digest, usize> = HashMap::new();
        let mut different = Vec::new();
        for (at, print) in prints.iter().enumerate() {
            match first.get(&print.digest) {
                Some(&before) => groups.join(before, at),
                None => {
                    first.insert(print.digest, at);
                    different.push(at);
                }
            }
        }
        let exact = lists(&groups.of_each());
        // Two hashes that differ in few bits agree in one of a few more bands.
        let bands = BITS + 1;
        let width = 64u32.div_ceil(bands);
        for band in 0..bands {
            let mut buckets: HashMap<u64, Vec<(u64, usize)>> = HashMap::new();
            for &at in different.iter().filter(|&&at| !prints[at].look.flat) {
                let hash = prints[at].look.hash;
                buckets.entry(hash >> (band * width) & ((1 << width) - 1)).or_default().push((hash, at));
            }
            for bucket in buckets.values() {
                for (place, &(hash, a)) in bucket.iter().enumerate() {
                    // Hashes alone first, which lie together in memory.
                    let close =
                        bucket[place + 1..].iter().filter(|(other, _)| (hash ^ other).count_ones() <= BITS);
                    for &(_, b) in close {
                        // What is together already need not be compared.
                        if groups.root(a) != groups.root(b) && prints[a].look.resembles(&prints[b].look) {
                            groups.join(a, b);
                        }
                    }
                }
            }
        }
        let group_of = groups.of_each();
        Duplicates { near: lists(&group_of), group_of, exact }
    }
}

/// Disjoint sets, each known by its smallest member.
struct Groups(Vec<usize>);

impl Groups {
    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn of_each(&mut self) -> Vec<usize> {
        (0..self.0.len()).map(|at| self.root(at)).collect()
    }
}

/// Members of the groups of several, by the group of each.
fn lists(group_of: &[usize]) -> Vec<Vec<usize>> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); group_of.len()];
    for (at, &group) in group_of.iter().enumerate() {
        members[group].push(at);
    }
    members.into_iter().filter(|list| list.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bundled::{Fashion, fashion, photos};
    use crate::data::library::IdxSet;
    use crate::data::{Origin, decode};
    use image::codecs::jpeg::JpegEncoder;
    use image::imageops::{FilterType, resize as scale};

    fn print(picture: &Picture) -> Fingerprint {
        Fingerprint { digest: Digest(picture.digest), look: Look::of(picture) }
    }

    fn picture(image: &image::RgbImage) -> Picture {
        let (width, height) = (image.width() as usize, image.height() as usize);
        Picture::from_rgb("p", Origin::Pasted, width, height, image.as_raw().clone()).unwrap()
    }

    #[test]
    fn other_sizes_and_compressions_are_found_and_other_pictures_are_not() {
        let mut prints = Vec::new();
        for photo in photos() {
            let whole = photo.open().unwrap();
            let image =
                image::RgbImage::from_raw(whole.width as u32, whole.height as u32, whole.rgb.to_vec())
                    .unwrap();
            let mut jpeg = Vec::new();
            JpegEncoder::new_with_quality(&mut jpeg, 40).encode_image(&image).unwrap();
            let small = scale(&image, image.width() / 3, image.height() / 3, FilterType::CatmullRom);
            let brighter = image::imageops::brighten(&image, 3);
            let family = [
                whole.clone(),
                decode(&jpeg, "p.jpg", Origin::Pasted).unwrap(),
                picture(&small),
                picture(&brighter),
                whole,
            ];
            prints.extend(family.iter().map(print));
        }
        let found = Duplicates::of(&prints);
        let families: Vec<Vec<usize>> = (0..4).map(|first| (5 * first..5 * first + 5).collect()).collect();
        assert_eq!(found.near, families);
        assert_eq!(found.exact, (0..4).map(|first| vec![5 * first, 5 * first + 4]).collect::<Vec<_>>());
        assert!(found.group_of.iter().enumerate().all(|(at, &group)| group == at / 5 * 5));
    }

    #[test]
    fn pictures_without_anything_in_them_resemble_none() {
        let plain = |level: u8| picture(&image::RgbImage::from_pixel(40, 40, image::Rgb([level; 3])));
        let prints = [print(&plain(10)), print(&plain(11)), print(&plain(10))];
        let found = Duplicates::of(&prints);
        assert_eq!((found.near, found.exact), (vec![vec![0, 2]], vec![vec![0, 2]]));
        assert_eq!(Duplicates::of(&[]).group_of, [0; 0]);
    }

    #[test]
    fn clothes_of_one_kind_are_not_all_one_group() {
        let set = fashion(Fashion::Test).unwrap();
        let prints: Vec<Fingerprint> =
            IdxSet::sources(&set).map(|source| print(&source.open().unwrap())).collect();
        let found = Duplicates::of(&prints);
        let members: usize = found.near.iter().map(Vec::len).sum();
        let largest = found.near.iter().map(Vec::len).max().unwrap_or(0);
        assert!(members < 60 && largest < 12, "{members} in groups, at most {largest}");
    }

    /// The groups are those of comparing all with all, in whatever order, and ten thousand pictures
    /// take no time that anybody notices.
    #[test]
    fn nothing_is_missed_and_it_is_fast() {
        use rand_chacha::ChaCha20Rng;
        use rand_chacha::rand_core::{RngCore, SeedableRng};
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let mut fresh = |count: u32| -> Vec<Fingerprint> {
            (0..count)
                .map(|index| {
                    let mut digest = [0; 32];
                    digest[..4].copy_from_slice(&index.to_le_bytes());
                    let look = Look { hash: rng.next_u64(), cells: [90; CELLS.0 * CELLS.1], flat: false };
                    Fingerprint { digest: Digest(digest), look }
                })
                .collect()
        };
        let mut prints = fresh(400);
        for at in 200..400 {
            // Up to eight bits from another, so that both sides of the limit occur.
            let bits = (0..at % 9).fold(0u64, |bits, bit| bits | 1 << ((at * 7 + bit * 13) % 64));
            prints[at].look.hash = prints[at - 200].look.hash ^ bits;
        }
        let found = Duplicates::of(&prints);
        let mut all = Groups((0..prints.len()).collect());
        for a in 0..prints.len() {
            for b in 0..a {
                if prints[a].look.resembles(&prints[b].look) {
                    all.join(a, b);
                }
            }
        }
        assert_eq!(found.group_of, all.of_each());
        assert!((100..200).contains(&found.near.len()), "{}", found.near.len());
        let mut backwards = prints.clone();
        backwards.reverse();
        assert_eq!(Duplicates::of(&backwards).near.len(), found.near.len());

        let mut many = fresh(10_000);
        // The worst case: half of them agree in most bands.
        many.iter_mut().step_by(2).for_each(|print| print.look.hash &= 0xFF);
        let begun = std::time::Instant::now();
        Duplicates::of(&many);
        let seconds = begun.elapsed().as_secs_f64();
        assert!(seconds < 4.0, "{seconds} s");
        eprintln!("10000 pictures: {seconds:.3} s");
    }
}
