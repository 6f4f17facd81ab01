//! A feature file under way, with the note of what is done beside it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempPath;

use super::note::{Note, beside, check_left, refuse_left, remove_if_there};
use super::{FeatureLayout, OutputFormat};
use crate::error::{Error, Result};

/// A run that is killed loses the rows of about this long.
const BETWEEN_NOTES: Duration = Duration::from_secs(30);

/// What to do about files that are there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Existing {
    /// Go on with what a stopped run has left.
    pub resume: bool,
    /// Replace the output, and throw away what a stopped run has left.
    pub force: bool,
}

/// A feature file under way, beside its final place.
pub struct FeatureFile {
    pub(super) layout: FeatureLayout,
    pub(super) out: PathBuf,
    stamps: Vec<String>,
    file: File,
    data_start: u64,
    force: bool,
    done: Vec<bool>,
    spoilt: BTreeMap<usize, String>,
    next_note: Instant,
}

/// Renames `from` to `out`, over what is there only with `force`.
fn put_in_place(from: &Path, out: &Path, force: bool) -> Result<()> {
    let mut path = TempPath::try_from_path(from).map_err(Error::io("write", out))?;
    path.disable_cleanup(true);
    let placed = if force { path.persist(out) } else { path.persist_noclobber(out) };
    placed.map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists if !force => Error::Setting(format!(
            "{} appeared during the run and is left as it is; move it away and repeat the command with --resume, \
             or replace it with --resume --force: all features are kept",
            out.display()
        )),
        _ => Error::io("write", out)(failed.error),
    })
}

impl FeatureFile {
    /// Starts the file for `out`, or takes up what an earlier run with the same layout has left.
    /// `stamps` are one text per row that is another when the row's input is: rows of changed
    /// inputs are not taken up.
    ///
    /// # Errors
    /// When the file cannot be made as large as it will be; when a stopped run has left rows and
    /// `existing` does not say what to do with them, or they belong to another run.
    pub fn open(
        out: &Path,
        layout: FeatureLayout,
        stamps: Vec<String>,
        existing: Existing,
    ) -> Result<FeatureFile> {
        let part = beside(out, ".part");
        let header = layout.header();
        let labels = layout.labels.iter().flatten();
        let labels: Vec<u8> = labels.flat_map(|label| label.to_le_bytes()).collect();
        let length = header.len() as u64 + labels.len() as u64 + layout.bytes();
        let left = part.exists();
        let (file, done) = if left && existing.resume {
            let done = check_left(out, &layout, &stamps)?;
            (open_left(&part, &header, length)?, done)
        } else {
            if left && !existing.force {
                refuse_left(out)?;
            }
            // The note of an earlier run must never vouch for the rows of this one.
            remove_if_there(&beside(out, ".part.json"))?;
            (create(&part, &[header.as_slice(), &labels].concat(), length)?, vec![false; layout.items.len()])
        };
        Ok(FeatureFile {
            layout,
            out: out.into(),
            stamps,
            file,
            data_start: header.len() as u64,
            force: existing.force,
            done,
            spoilt: BTreeMap::new(),
            next_note: Instant::now() + BETWEEN_NOTES,
        })
    }

    /// Takes away what was written so far.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn discard(self) -> Result<()> {
        for ending in [".part.json", ".part.json.new", ".part"] {
            remove_if_there(&beside(&self.out, ending))?;
        }
        Ok(())
    }

    /// What the file holds.
    pub fn layout(&self) -> &FeatureLayout {
        &self.layout
    }

    /// Whether row `row` is complete.
    pub fn is_done(&self, row: usize) -> bool {
        self.done.get(row).copied().unwrap_or(false)
    }

    /// Rows that are complete.
    pub fn rows_done(&self) -> usize {
        self.done.iter().filter(|&&done| done).count()
    }

    /// Rows without features by their numbers, with the reason.
    pub fn spoilt(&self) -> &BTreeMap<usize, String> {
        &self.spoilt
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

    /// Marks a row complete, and now and then writes that down.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn mark_done(&mut self, row: usize) -> Result<()> {
        self.done[row] = true;
        if Instant::now() < self.next_note {
            return Ok(());
        }
        let started = Instant::now();
        self.save_state()?;
        // The note of a great many rows takes a while: it must not become most of the work.
        self.next_note = Instant::now() + BETWEEN_NOTES.max(20 * started.elapsed());
        Ok(())
    }

    /// Fills a row with NaN, for the reason `why`. A run that is taken up tries it again.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_spoilt(&mut self, row: usize, why: String) -> Result<()> {
        for tensor in 0..self.layout.tensors.len() {
            let length = self.layout.tensors[tensor].row_len();
            self.write_row(tensor, row, &vec![f32::NAN; length])?;
        }
        self.spoilt.insert(row, why);
        Ok(())
    }

    /// Writes down which rows are complete, so that the run can be taken up again. The note before
    /// stays whole until this one is.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save_state(&self) -> Result<PathBuf> {
        let path = beside(&self.out, ".part.json");
        let note = Note {
            layout: Cow::Borrowed(&self.layout),
            stamps: Cow::Borrowed(&self.stamps),
            done: Cow::Borrowed(&self.done),
        };
        let text = serde_json::to_string(&note).map_err(|error| Error::Compute(error.to_string()))?;
        // The rows must be on the disk before the note that vouches for them.
        self.file.sync_data().map_err(Error::io("write", beside(&self.out, ".part")))?;
        let new = beside(&self.out, ".part.json.new");
        let write = || -> io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            fs::rename(&new, &path)
        };
        write().map_err(Error::io("write", &path))?;
        Ok(path)
    }

    pub(super) fn read_row(&mut self, tensor: usize, row: usize) -> Result<Vec<f32>> {
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
    /// When the disk refuses, or something has appeared in its place meanwhile: what was computed
    /// stays, and can be taken up again.
    pub fn finish(mut self) -> Result<()> {
        self.save_state()?;
        let part = beside(&self.out, ".part");
        let other = beside(&self.out, ".part2");
        let placed = match OutputFormat::of(&self.out)? {
            OutputFormat::Safetensors => Ok(&part),
            OutputFormat::Npy => self.write_npy(&other).map(|()| &other),
            OutputFormat::Parquet => self.write_parquet(&other).map(|()| &other),
        }
        .and_then(|from| put_in_place(from, &self.out, self.force));
        if let Err(error) = placed {
            remove_if_there(&other)?;
            return Err(error);
        }
        self.discard()
    }
}

/// Opens the file of a stopped run.
fn open_left(part: &Path, header: &[u8], length: u64) -> Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).open(part).map_err(Error::io("open", part))?;
    let mut begin = vec![0; header.len()];
    let there = file.metadata().map_err(Error::io("read", part))?.len();
    if there == length {
        file.read_exact(&mut begin).map_err(Error::io("read", part))?;
    }
    if begin != header {
        let why = "is not as the stopped run left it; start anew with --force instead of --resume";
        return Err(Error::data(part.display().to_string(), why));
    }
    Ok(file)
}

/// Makes the file with `begin` at its start and room for the rest.
fn create(part: &Path, begin: &[u8], length: u64) -> Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(part)
        .map_err(Error::io("create", part))?;
    let begun = file
        .write_all(begin)
        .and_then(|()| file.set_len(length))
        .map_err(Error::io("reserve space for", part));
    if let Err(error) = begun {
        remove_if_there(part)?;
        return Err(error);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::output::FeatureTensor;
    use crate::features::output::note::read_note;

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

    const NEW: Existing = Existing { resume: false, force: false };
    const FORCE: Existing = Existing { resume: false, force: true };
    const RESUME: Existing = Existing { resume: true, force: false };

    fn open(out: &Path, layout: FeatureLayout, existing: Existing) -> Result<FeatureFile> {
        FeatureFile::open(out, layout, vec!["a1".into(), "b1".into()], existing)
    }

    /// The text of the refusal.
    fn refused(result: Result<FeatureFile>) -> String {
        result.err().unwrap().to_string()
    }

    fn fill(file: &mut FeatureFile, row: usize) {
        let start = 100.0 * row as f32;
        file.write_row(0, row, &(0..8).map(|i| start + i as f32).collect::<Vec<_>>()).unwrap();
        file.write_row(1, row, &[start + 50.0, start + 51.0, start + 52.0]).unwrap();
        file.mark_done(row).unwrap();
    }

    #[test]
    fn safetensors_read_back_whatever_the_order() {
        let folder = tempfile::tempdir().unwrap();
        for labels in [true, false] {
            let out = folder.path().join("f.safetensors");
            let mut file = open(&out, layout(labels), FORCE).unwrap();
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
        let mut file = open(&out, layout(true), NEW).unwrap();
        fill(&mut file, 0);
        file.write_spoilt(1, "torn.png: cut short".into()).unwrap();
        assert_eq!(file.spoilt().len(), 1);
        file.save_state().unwrap();
        drop(file);
        let mut other = layout(true);
        other.settings = serde_json::json!({"seed": 4});
        assert!(refused(open(&out, other, RESUME)).contains("other settings"));
        let stamps = |a: &str, b: &str| vec![a.to_string(), b.to_string()];
        let text = refused(FeatureFile::open(&out, layout(true), stamps("a2", "b1"), RESUME));
        assert!(text.contains("a.png has changed"), "{text}");
        let mut file = FeatureFile::open(&out, layout(true), stamps("a1", "b2"), RESUME).unwrap();
        assert!(file.is_done(0) && !file.is_done(1), "a row without features is tried again");
        assert!(file.spoilt().is_empty(), "and listed only if it fails again");
        fill(&mut file, 1);
        file.finish().unwrap();
        assert!(fs::read(&out).unwrap().ends_with(&152f32.to_le_bytes()));
    }

    #[test]
    fn rows_of_a_stopped_run_are_thrown_away_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("f.safetensors");
        let file = open(&out, layout(true), NEW).unwrap();
        file.save_state().unwrap();
        let mut file = open(&out, layout(true), NEW).unwrap();
        fill(&mut file, 0);
        file.save_state().unwrap();
        drop(file);
        let text = refused(open(&out, layout(true), NEW));
        assert!(["1 of 2", "--resume", "--force"].iter().all(|part| text.contains(part)), "{text}");
        assert!(open(&out, layout(true), RESUME).unwrap().is_done(0), "the refusal has spoilt nothing");
        assert!(!open(&out, layout(true), FORCE).unwrap().is_done(0));
    }

    #[test]
    fn a_note_is_written_now_and_then_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("f.safetensors");
        let note = beside(&out, ".part.json");
        let mut file = open(&out, layout(true), NEW).unwrap();
        fill(&mut file, 1);
        assert!(!note.exists());
        file.next_note = Instant::now();
        fill(&mut file, 0);
        assert_eq!(read_note(&out).unwrap().unwrap().done[..], [true, true]);
        assert!(file.next_note > Instant::now() + BETWEEN_NOTES / 2);
        // What stands in the way of the next note leaves this one as it is.
        fs::create_dir(beside(&out, ".part.json.new")).unwrap();
        file.done[0] = false;
        assert!(file.save_state().is_err());
        assert_eq!(read_note(&out).unwrap().unwrap().done[..], [true, true]);
    }

    #[test]
    fn what_is_left_must_be_as_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("f.safetensors");
        let part = beside(&out, ".part");
        let mut file = open(&out, layout(true), NEW).unwrap();
        fill(&mut file, 0);
        file.save_state().unwrap();
        drop(file);
        let whole = fs::read(&part).unwrap();
        let mut header = whole.clone();
        header[20] ^= 1;
        for damaged in [&whole[..whole.len() - 1], &[&whole[..], &[0]].concat(), &header] {
            fs::write(&part, damaged).unwrap();
            assert!(refused(open(&out, layout(true), RESUME)).contains("not as the stopped run left it"));
        }
        fs::write(&part, &whole).unwrap();
        assert!(open(&out, layout(true), RESUME).is_ok());
        fs::write(beside(&out, ".part.json"), "{").unwrap();
        for existing in [NEW, RESUME] {
            assert!(refused(open(&out, layout(true), existing)).contains("damaged"));
        }
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for (name, layout) in [("f.safetensors", layout(true)), ("f.npy", layout(false))] {
            let out = folder.path().join(name);
            let mut file = open(&out, layout.clone(), NEW).unwrap();
            fill(&mut file, 0);
            fill(&mut file, 1);
            fs::write(&out, "mine").unwrap();
            let text = file.finish().unwrap_err().to_string();
            assert!(text.contains("--resume --force"), "{text}");
            assert_eq!(fs::read(&out).unwrap(), b"mine");
            let both = Existing { resume: true, force: true };
            let file = open(&out, layout, both).unwrap();
            assert_eq!(file.rows_done(), 2, "nothing is lost");
            file.finish().unwrap();
            assert_ne!(fs::read(&out).unwrap(), b"mine");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn npy_and_parquet_hold_the_same_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let npy = folder.path().join("f.npy");
        let mut file = open(&npy, layout(false), NEW).unwrap();
        fill(&mut file, 0);
        fill(&mut file, 1);
        file.finish().unwrap();
        let array = npyz::NpyFile::new(File::open(&npy).unwrap()).unwrap();
        assert_eq!(array.shape(), [2, 2, 2, 2]);
        assert_eq!(array.into_vec::<f32>().unwrap()[9], 101.0);

        let table = folder.path().join("f.parquet");
        let mut file = open(&table, layout(true), NEW).unwrap();
        fill(&mut file, 0);
        fill(&mut file, 1);
        file.finish().unwrap();
        use parquet::file::reader::FileReader;
        let reader = parquet::file::reader::SerializedFileReader::new(File::open(&table).unwrap()).unwrap();
        let keys = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
        let classes = keys.iter().find(|pair| pair.key == "classes").unwrap();
        assert_eq!(classes.value.as_deref(), Some("[\"boot\"]"));
        let rows: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[1].contains("label: 7") && rows[1].contains("[150.0, 151.0, 152.0]"), "{}", rows[1]);
    }
}
