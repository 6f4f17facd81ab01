//! Results on disk: never half written, and nothing replaced unasked.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use npyz::WriterBuilder;

use crate::error::{Error, Result};
use crate::grid::Grid;

/// The keyword under which a PNG carries its settings (in an `iTXt` chunk).
pub const PNG_KEYWORD: &str = "difscope";

/// Refuses `path` when something is there and `force` is not given: to be asked before long work.
///
/// # Errors
/// [`Error::Exists`].
pub fn refuse_existing(path: &Path, force: bool) -> Result<()> {
    if !force && fs::symlink_metadata(path).is_ok() {
        return Err(Error::Exists(path.to_path_buf()));
    }
    Ok(())
}

/// Checks that a file can be made in the folder of `path`: to be asked before long work.
///
/// # Errors
/// What the file system says.
pub fn check_folder(path: &Path) -> Result<()> {
    new_file_in(folder_of(path)).map(drop).map_err(Error::io("write", path))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes `path` through a temporary file in the same folder that is renamed when `write` is done.
/// On any failure nothing is left behind, and what was there before stays. A link is followed.
///
/// # Errors
/// [`Error::Exists`] when something is there and `force` is not given; what `write` returns; what
/// the file system says.
pub fn atomic(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    refuse_existing(path, force)?;
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let temporary = new_file_in(folder_of(&target)).map_err(Error::io("write", path))?;
    let mut writer = BufWriter::new(temporary.as_file());
    write(&mut writer)?;
    writer.flush().map_err(Error::io("write", path))?;
    drop(writer);
    let renamed = if force { temporary.persist(&target) } else { temporary.persist_noclobber(&target) };
    match renamed {
        Ok(_) => Ok(()),
        // Somebody else wrote the same file in the meantime.
        Err(failed) if !force && failed.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::Exists(path.to_path_buf()))
        }
        Err(failed) => Err(Error::io("write", path)(failed.error)),
    }
}

/// A temporary file with the rights that an ordinary new file would have.
fn new_file_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".difscope-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// `image` as PNG bytes; `settings` (JSON, if given) travel inside under [`PNG_KEYWORD`].
///
/// # Errors
/// When the image has no pixel.
pub fn encode_png(image: &RgbImage, settings: Option<&str>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .map_err(|why| Error::Compute(format!("a figure cannot be written as PNG: {why}")))?;
    if let Some(settings) = settings {
        let chunk = text_chunk(PNG_KEYWORD, settings);
        // Behind the signature (8 bytes) and the IHDR chunk (25 bytes), which must come first.
        bytes.splice(33..33, chunk);
    }
    Ok(bytes)
}

/// An uncompressed `iTXt` chunk: length, type, keyword, flags, text in UTF-8, checksum.
fn text_chunk(keyword: &str, text: &str) -> Vec<u8> {
    let mut body = b"iTXt".to_vec();
    body.extend_from_slice(keyword.as_bytes());
    // End of keyword; not compressed, method 0; empty language tag and translated keyword.
    body.extend_from_slice(&[0, 0, 0, 0, 0]);
    body.extend_from_slice(text.as_bytes());
    let mut checksum = flate2::Crc::new();
    checksum.update(&body);
    let length = (body.len() - 4) as u32;
    [length.to_be_bytes().as_slice(), &body, &checksum.sum().to_be_bytes()].concat()
}

/// Writes `image` as PNG, with `settings` (JSON) inside it if given.
///
/// # Errors
/// As [`atomic`] and [`encode_png`].
pub fn write_png(path: &Path, image: &RgbImage, settings: Option<&str>, force: bool) -> Result<()> {
    let bytes = encode_png(image, settings)?;
    atomic(path, force, |file| file.write_all(&bytes).map_err(Error::io("write", path)))
}

/// Writes the raw values as NumPy f32, shape `[C, H, W]`, or `[H, W]` for a single channel.
///
/// # Errors
/// As [`atomic`].
pub fn write_npy(path: &Path, grid: &Grid, force: bool) -> Result<()> {
    let shape = [grid.channels() as u64, grid.height() as u64, grid.width() as u64];
    let shape = if grid.channels() == 1 { &shape[1..] } else { &shape[..] };
    atomic(path, force, |file| {
        let write = || -> io::Result<()> {
            let mut npy = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd()?;
            npy.extend(grid.values().iter().copied())?;
            npy.finish()
        };
        write().map_err(Error::io("write", path))
    })
}

/// Writes maps of one shape as one NumPy f32 array: `[N, H, W]`, or `[N, C, H, W]` for several
/// channels each.
///
/// # Errors
/// As [`atomic`], and when the shapes differ.
pub fn write_npy_stack(path: &Path, grids: &[&Grid], force: bool) -> Result<()> {
    let shape_of = |grid: &Grid| [grid.channels() as u64, grid.height() as u64, grid.width() as u64];
    let first = grids.first().map_or([0; 3], |grid| shape_of(grid));
    if grids.iter().any(|grid| shape_of(grid) != first) {
        return Err(Error::Setting(format!(
            "{}: the maps differ in size, and one array holds one size; choose .safetensors or .csv",
            path.display()
        )));
    }
    let count = grids.len() as u64;
    let shape: Vec<u64> = match first {
        [1, height, width] => vec![count, height, width],
        [channels, height, width] => vec![count, channels, height, width],
    };
    atomic(path, force, |file| {
        let write = || -> io::Result<()> {
            let mut npy = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
            npy.extend(grids.iter().flat_map(|grid| grid.values().iter().copied()))?;
            npy.finish()
        };
        write().map_err(Error::io("write", path))
    })
}

/// Writes maps as named f32 tensors `[C, H, W]` of a safetensors file, with `settings` (JSON) as
/// metadata.
///
/// # Errors
/// As [`atomic`].
pub fn write_safetensors(path: &Path, named: &[(String, &Grid)], settings: &str, force: bool) -> Result<()> {
    use safetensors::tensor::{Dtype, TensorView, serialize};
    let refused = |why: safetensors::SafeTensorError| {
        Error::Compute(format!("{}: the values cannot be written as safetensors: {why}", path.display()))
    };
    let bytes: Vec<Vec<u8>> = named
        .iter()
        .map(|(_, grid)| grid.values().iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views: Result<Vec<(&str, TensorView<'_>)>> = named
        .iter()
        .zip(&bytes)
        .map(|((name, grid), bytes)| {
            let shape = vec![grid.channels(), grid.height(), grid.width()];
            Ok((name.as_str(), TensorView::new(Dtype::F32, shape, bytes).map_err(refused)?))
        })
        .collect();
    let metadata = std::collections::HashMap::from([("settings".to_string(), settings.to_string())]);
    let whole = serialize(views?, Some(metadata)).map_err(refused)?;
    atomic(path, force, |file| file.write_all(&whole).map_err(Error::io("write", path)))
}

/// Writes the raw values as CSV without a header: one line per row of the map, W values each, in
/// digits that read back exactly. With several channels each line starts with the channel's number.
///
/// # Errors
/// As [`atomic`].
pub fn write_csv(path: &Path, grid: &Grid, force: bool) -> Result<()> {
    let numbered = grid.channels() > 1;
    atomic(path, force, |file| csv_rows(file, "", grid, numbered).map_err(Error::io("write", path)))
}

/// Writes many maps as CSV without a header: one line per row of a map, which starts with the map's
/// `label` (such as `50,12,`) and the channel's number.
///
/// # Errors
/// As [`atomic`].
pub fn write_csv_stack(path: &Path, labelled: &[(String, &Grid)], force: bool) -> Result<()> {
    atomic(path, force, |file| {
        labelled
            .iter()
            .try_for_each(|(label, grid)| csv_rows(file, label, grid, true))
            .map_err(Error::io("write", path))
    })
}

fn csv_rows(file: &mut impl Write, label: &str, grid: &Grid, numbered: bool) -> io::Result<()> {
    for channel in 0..grid.channels() {
        for row in grid.channel(channel).chunks(grid.width().max(1)) {
            write!(file, "{label}")?;
            let mut separator = "";
            if numbered {
                write!(file, "{channel}")?;
                separator = ",";
            }
            for value in row {
                write!(file, "{separator}{value:?}")?;
                separator = ",";
            }
            writeln!(file)?;
        }
    }
    Ok(())
}
