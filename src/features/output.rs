//! Feature files: safetensors filled row by row, and npy or parquet made from them.
//!
//! The rows of all tensors have known places before the first is computed, so that a stopped run
//! leaves a file that can be taken up again.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One tensor of a feature file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureTensor {
    /// `t90/block_24`.
    pub name: String,
    /// Shape of one row, without the leading N.
    pub row_shape: Vec<usize>,
}

impl FeatureTensor {
    fn row_len(&self) -> usize {
        self.row_shape.iter().product()
    }
}

/// What a feature file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureLayout {
    /// The tensors in the order of the file.
    pub tensors: Vec<FeatureTensor>,
    /// Names of the rows.
    pub items: Vec<String>,
    /// Class ids of the rows, if known.
    pub labels: Option<Vec<i64>>,
    /// Class names, if known.
    pub classes: Vec<String>,
    /// The settings as JSON, for people and scripts.
    pub settings: serde_json::Value,
}

impl FeatureLayout {
    /// Bytes of all features.
    pub fn bytes(&self) -> u64 {
        self.tensors.iter().map(|t| (t.row_len() * self.items.len() * 4) as u64).sum()
    }

    /// The safetensors header with its length in front, padded to 8 bytes.
    fn header(&self) -> Vec<u8> {
        let rows = self.items.len();
        let mut header = serde_json::Map::new();
        let text = |value: serde_json::Value| serde_json::Value::String(value.to_string());
        let metadata = serde_json::json!({
            "items": text(serde_json::json!(self.items)),
            "classes": text(serde_json::json!(self.classes)),
            "settings": text(self.settings.clone()),
        });
        header.insert("__metadata__".into(), metadata);
        let mut offset = 0u64;
        let mut entry = |dtype: &str, shape: Vec<usize>, bytes: u64| {
            let entry = serde_json::json!({
                "dtype": dtype, "shape": shape, "data_offsets": [offset, offset + bytes],
            });
            offset += bytes;
            entry
        };
        if let Some(labels) = &self.labels {
            header.insert("labels".into(), entry("I64", vec![rows], labels.len() as u64 * 8));
        }
        for tensor in &self.tensors {
            let shape = std::iter::once(rows).chain(tensor.row_shape.iter().copied()).collect();
            header.insert(tensor.name.clone(), entry("F32", shape, (tensor.row_len() * rows * 4) as u64));
        }
        let mut json = serde_json::Value::Object(header).to_string().into_bytes();
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json);
        bytes
    }
}

/// A feature file under way, beside its final place.
pub struct FeatureFile {
    layout: FeatureLayout,
    file: File,
    out: PathBuf,
    data_start: u64,
    done: Vec<bool>,
    /// Rows without features, with the reason, kept with the state of a stopped run.
    pub skipped: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct State {
    layout: FeatureLayout,
    done: Vec<bool>,
    skipped: Vec<String>,
}

fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    out.with_file_name(name)
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

impl FeatureFile {
    /// Starts the file for `out`, or takes up with `resume` what an earlier run with the same
    /// layout has left.
    ///
    /// # Errors
    /// When the file cannot be made as large as it will be, or what is left belongs to another run.
    pub fn open(out: &Path, layout: FeatureLayout, resume: bool) -> Result<FeatureFile> {
        let part = beside(out, ".part");
        let header = layout.header();
        let data_start = header.len() as u64;
        if resume && part.exists() {
            let state_path = beside(out, ".part.json");
            if !state_path.exists() {
                return Err(Error::data(
                    part.display().to_string(),
                    "was left without a note of what is done, as after a power cut; start anew without --resume",
                ));
            }
            let text = fs::read_to_string(&state_path).map_err(Error::io("read", &state_path))?;
            let state: State = serde_json::from_str(&text).map_err(|error| {
                Error::data(state_path.display().to_string(), format!("damaged: {error}"))
            })?;
            if state.layout != layout || state.done.len() != layout.items.len() {
                return Err(Error::data(
                    part.display().to_string(),
                    "was left by a run with other settings or pictures; repeat that run, or start anew without --resume",
                ));
            }
            let file =
                OpenOptions::new().read(true).write(true).open(&part).map_err(Error::io("open", &part))?;
            let State { done, skipped, .. } = state;
            return Ok(FeatureFile { layout, file, out: out.into(), data_start, done, skipped });
        }
        // The note of an earlier run must never vouch for the rows of this one.
        remove_if_there(&beside(out, ".part.json"))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&part)
            .map_err(Error::io("create", &part))?;
        let labels = layout.labels.iter().flatten();
        let labels: Vec<u8> = labels.flat_map(|label| label.to_le_bytes()).collect();
        let length = data_start + labels.len() as u64 + layout.bytes();
        let begun = file
            .write_all(&header)
            .and_then(|()| file.write_all(&labels))
            .and_then(|()| file.set_len(length))
            .map_err(Error::io("reserve space for", &part));
        if let Err(error) = begun {
            remove_if_there(&part)?;
            return Err(error);
        }
        let done = vec![false; layout.items.len()];
        Ok(FeatureFile { layout, file, out: out.into(), data_start, done, skipped: Vec::new() })
    }

    /// Takes away what was written so far.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn discard(self) -> Result<()> {
        remove_if_there(&beside(&self.out, ".part.json"))?;
        remove_if_there(&beside(&self.out, ".part"))
    }

    /// What the file holds.
    pub fn layout(&self) -> &FeatureLayout {
        &self.layout
    }

    /// Whether row `row` is complete.
    pub fn is_done(&self, row: usize) -> bool {
        self.done.get(row).copied().unwrap_or(false)
    }

    fn place(&self, tensor: usize, row: usize) -> u64 {
        let rows = self.layout.items.len();
        let labels = self.layout.labels.as_ref().map_or(0, |labels| labels.len() * 8);
        let before: usize = self.layout.tensors[..tensor].iter().map(|t| t.row_len() * rows * 4).sum();
        self.data_start + (labels + before + self.layout.tensors[tensor].row_len() * row * 4) as u64
    }

    /// Writes one row of tensor number `tensor`.
    ///
    /// # Errors
    /// When the row has another length, or the disk refuses.
    pub fn write_row(&mut self, tensor: usize, row: usize, values: &[f32]) -> Result<()> {
        let expected = self.layout.tensors[tensor].row_len();
        if values.len() != expected {
            return Err(Error::Compute(format!("a row of {} values came as {}", expected, values.len())));
        }
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.file
            .seek(SeekFrom::Start(self.place(tensor, row)))
            .and_then(|_| self.file.write_all(&bytes))
            .map_err(Error::io("write", beside(&self.out, ".part")))
    }

    /// Marks a row complete.
    pub fn mark_done(&mut self, row: usize) {
        self.done[row] = true;
    }

    /// Writes down which rows are complete, so that the run can be taken up again.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save_state(&self) -> Result<PathBuf> {
        let path = beside(&self.out, ".part.json");
        let state =
            State { layout: self.layout.clone(), done: self.done.clone(), skipped: self.skipped.clone() };
        let text = serde_json::to_string(&state).map_err(|error| Error::Compute(error.to_string()))?;
        fs::write(&path, text).map_err(Error::io("write", &path))?;
        Ok(path)
    }

    fn read_row(&mut self, tensor: usize, row: usize) -> Result<Vec<f32>> {
        let mut bytes = vec![0u8; self.layout.tensors[tensor].row_len() * 4];
        self.file
            .seek(SeekFrom::Start(self.place(tensor, row)))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(Error::io("read", beside(&self.out, ".part")))?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// Puts the complete file in its place, in the format that its name asks for.
    ///
    /// # Errors
    /// When the disk refuses: what was computed stays, and can be taken up again.
    pub fn finish(mut self) -> Result<()> {
        let part = beside(&self.out, ".part");
        self.file.sync_all().map_err(Error::io("write", &part))?;
        let other = beside(&self.out, ".part2");
        let placed = match OutputFormat::of(&self.out)? {
            OutputFormat::Safetensors => Ok(&part),
            OutputFormat::Npy => self.write_npy(&other).map(|()| &other),
            OutputFormat::Parquet => self.write_parquet(&other).map(|()| &other),
        }
        .and_then(|from| fs::rename(from, &self.out).map_err(Error::io("write", &self.out)));
        if let Err(error) = placed {
            remove_if_there(&other)?;
            self.save_state()?;
            return Err(error);
        }
        self.discard()
    }

    fn write_npy(&mut self, path: &Path) -> Result<()> {
        use npyz::WriterBuilder;
        let tensor = self.layout.tensors[0].clone();
        let rows = self.layout.items.len();
        let shape: Vec<u64> =
            std::iter::once(rows).chain(tensor.row_shape.iter().copied()).map(|side| side as u64).collect();
        let file = BufWriter::new(File::create(path).map_err(Error::io("create", path))?);
        let mut writer = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&shape)
            .writer(file)
            .begin_nd()
            .map_err(Error::io("write", path))?;
        for row in 0..rows {
            writer.extend(self.read_row(0, row)?).map_err(Error::io("write", path))?;
        }
        writer.finish().map_err(Error::io("write", path))
    }

    /// One row per picture: `item`, `label` where known, and one list of floats per tensor.
    fn write_parquet(&mut self, path: &Path) -> Result<()> {
        use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
        use parquet::file::properties::WriterProperties;
        use parquet::file::writer::SerializedFileWriter;
        use parquet::schema::parser::parse_message_type;

        const ROWS_PER_GROUP: usize = 1024;
        let fault = |error: parquet::errors::ParquetError| {
            Error::data(path.display().to_string(), format!("cannot be written as parquet: {error}"))
        };
        let mut schema = String::from("message features { required binary item (UTF8); ");
        if self.layout.labels.is_some() {
            schema.push_str("required int64 label; ");
        }
        for tensor in &self.layout.tensors {
            let column = format!(
                "required group {} (LIST) {{ repeated group list {{ required float element; }} }} ",
                tensor.name
            );
            schema.push_str(&column);
        }
        schema.push('}');
        let schema = Arc::new(parse_message_type(&schema).map_err(fault)?);
        let settings =
            parquet::file::metadata::KeyValue::new("settings".into(), self.layout.settings.to_string());
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![settings])).build();
        let file = File::create(path).map_err(Error::io("create", path))?;
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(fault)?;
        let (rows, tensors) = (self.layout.items.len(), self.layout.tensors.len());
        for first in (0..rows).step_by(ROWS_PER_GROUP) {
            let group: Vec<usize> = (first..rows.min(first + ROWS_PER_GROUP)).collect();
            let mut out = writer.next_row_group().map_err(fault)?;
            let mut next = 0;
            while let Some(mut column) = out.next_column().map_err(fault)? {
                let tensor = next as isize - 1 - isize::from(self.layout.labels.is_some());
                match (next, &self.layout.labels) {
                    (0, _) => {
                        let names: Vec<ByteArray> =
                            group.iter().map(|&row| self.layout.items[row].as_str().into()).collect();
                        column.typed::<ByteArrayType>().write_batch(&names, None, None).map_err(fault)?;
                    }
                    (1, Some(labels)) => {
                        let labels: Vec<i64> = group.iter().map(|&row| labels[row]).collect();
                        column.typed::<Int64Type>().write_batch(&labels, None, None).map_err(fault)?;
                    }
                    _ => {
                        for &row in &group {
                            let values = self.read_row((tensor.max(0) as usize).min(tensors - 1), row)?;
                            let definition = vec![1i16; values.len()];
                            let mut repetition = definition.clone();
                            repetition[0] = 0;
                            column
                                .typed::<FloatType>()
                                .write_batch(&values, Some(&definition), Some(&repetition))
                                .map_err(fault)?;
                        }
                    }
                }
                column.close().map_err(fault)?;
                next += 1;
            }
            out.close().map_err(fault)?;
        }
        writer.close().map_err(fault)?;
        Ok(())
    }
}

/// The formats of feature files, by the ending of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// All tensors, labels, items and settings.
    Safetensors,
    /// One array.
    Npy,
    /// A table, one row per picture.
    Parquet,
}

impl OutputFormat {
    /// The format that `path` asks for.
    ///
    /// # Errors
    /// When the ending is none of the three.
    pub fn of(path: &Path) -> Result<OutputFormat> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("safetensors") => Ok(OutputFormat::Safetensors),
            Some("npy") => Ok(OutputFormat::Npy),
            Some("parquet") => Ok(OutputFormat::Parquet),
            _ => Err(Error::Setting(format!(
                "{}: features are written as .safetensors, .npy or .parquet; choose one of these endings",
                path.display()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(labels: bool) -> FeatureLayout {
        FeatureLayout {
            tensors: vec![
                FeatureTensor { name: "t10/block_01".into(), row_shape: vec![2, 2, 2] },
                FeatureTensor { name: "t10/block_12".into(), row_shape: vec![3] },
            ],
            items: vec!["a.png".into(), "b \"é\".png".into()],
            labels: labels.then(|| vec![4, 7]),
            classes: vec!["boot".into()],
            settings: serde_json::json!({"seed": 3}),
        }
    }

    fn fill(file: &mut FeatureFile, row: usize) {
        let start = 100.0 * row as f32;
        file.write_row(0, row, &(0..8).map(|i| start + i as f32).collect::<Vec<_>>()).unwrap();
        file.write_row(1, row, &[start + 50.0, start + 51.0, start + 52.0]).unwrap();
        file.mark_done(row);
    }

    #[test]
    fn safetensors_read_back_whatever_the_order() {
        let folder = tempfile::tempdir().unwrap();
        for labels in [true, false] {
            let out = folder.path().join("f.safetensors");
            let mut file = FeatureFile::open(&out, layout(labels), false).unwrap();
            fill(&mut file, 1);
            fill(&mut file, 0);
            file.finish().unwrap();
            let bytes = fs::read(&out).unwrap();
            let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            let floats = |name: &str| -> Vec<f32> {
                let data = tensors.tensor(name).unwrap().data().to_vec();
                data.chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            };
            assert_eq!(floats("t10/block_12"), [50.0, 51.0, 52.0, 150.0, 151.0, 152.0]);
            assert_eq!(tensors.tensor("t10/block_01").unwrap().shape(), [2, 2, 2, 2]);
            assert_eq!(floats("t10/block_01")[8], 100.0);
            assert_eq!(tensors.tensor("labels").is_ok(), labels);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        }
    }

    #[test]
    fn a_stopped_run_is_taken_up_again_and_only_by_the_same_settings() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("f.safetensors");
        let mut file = FeatureFile::open(&out, layout(true), false).unwrap();
        fill(&mut file, 0);
        file.skipped.push("torn.png: cut short".into());
        file.save_state().unwrap();
        drop(file);
        let mut other = layout(true);
        other.settings = serde_json::json!({"seed": 4});
        assert!(FeatureFile::open(&out, other, true).err().unwrap().to_string().contains("other settings"));
        let mut file = FeatureFile::open(&out, layout(true), true).unwrap();
        assert!(file.is_done(0) && !file.is_done(1));
        assert_eq!(file.skipped, ["torn.png: cut short"]);
        fill(&mut file, 1);
        file.finish().unwrap();
        assert!(out.exists());
    }

    #[test]
    fn npy_and_parquet_hold_the_same_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let npy = folder.path().join("f.npy");
        let mut file = FeatureFile::open(&npy, layout(false), false).unwrap();
        fill(&mut file, 0);
        fill(&mut file, 1);
        file.finish().unwrap();
        let array = npyz::NpyFile::new(File::open(&npy).unwrap()).unwrap();
        assert_eq!(array.shape(), [2, 2, 2, 2]);
        assert_eq!(array.into_vec::<f32>().unwrap()[9], 101.0);

        let table = folder.path().join("f.parquet");
        let mut file = FeatureFile::open(&table, layout(true), false).unwrap();
        fill(&mut file, 0);
        fill(&mut file, 1);
        file.finish().unwrap();
        use parquet::file::reader::FileReader;
        let reader = parquet::file::reader::SerializedFileReader::new(File::open(&table).unwrap()).unwrap();
        let rows: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[1].contains("label: 7") && rows[1].contains("[150.0, 151.0, 152.0]"), "{}", rows[1]);
    }
}
