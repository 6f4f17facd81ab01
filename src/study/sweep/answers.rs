//! What cells said of pictures, kept as it comes so that a sweep that is stopped goes on where it was.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::metric::{Rounds, Said};
use super::note::Note;
use crate::error::{Error, Result};

/// When a cell spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Round {
    /// In a round of cross-validation, of the pictures learned from.
    Fold(usize),
    /// Of the test pictures.
    Test,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line<T> {
    cell: Cell,
    round: Round,
    said: T,
}

/// How many cells were scored in a round, and how many not because their answers were kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    /// Scored.
    pub computed: usize,
    /// Not scored.
    pub kept: usize,
}

/// All that was said: of each picture the number of a class, or something else.
pub(super) struct Answers<T = Vec<Said>> {
    said: HashMap<(Cell, Round), T>,
    file: Option<(PathBuf, File)>,
    /// How many.
    pub tally: Scored,
}

impl<T> Default for Answers<T> {
    fn default() -> Answers<T> {
        Answers { said: HashMap::new(), file: None, tally: Scored::default() }
    }
}

impl<T: Serialize + DeserializeOwned> Answers<T> {
    /// Those in the file `path`, which belong to the sweep of `note`; the file is begun where it is not
    /// there. A line that was torn by a kill is forgotten.
    ///
    /// # Errors
    /// When the file belongs to another sweep (with what is different), or cannot be read or written.
    pub fn open(path: &Path, note: &Note) -> Result<Answers<T>> {
        let io = |action| Error::io(action, path);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(io("write"))?;
        let mut answers = Answers::default();
        let (mut whole, mut first) = (0u64, true);
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        while reader.read_line(&mut line).map_err(io("read"))? > 0 {
            if !line.ends_with('\n') {
                break;
            }
            if first {
                let Ok(held) = serde_json::from_str::<Note>(&line) else { break };
                held.check_same(note, &path.display().to_string())?;
            } else {
                let Ok(Line { cell, round, said }) = serde_json::from_str(&line) else { break };
                answers.said.insert((cell, round), said);
            }
            whole += line.len() as u64;
            first = false;
            line.clear();
        }
        file.set_len(whole).map_err(io("write"))?;
        file.seek(SeekFrom::Start(whole)).map_err(io("write"))?;
        if first {
            file.write_all(&json_line(note)?).map_err(io("write"))?;
        }
        answers.tally.kept = answers.said.len();
        answers.file = Some((path.to_path_buf(), file));
        Ok(answers)
    }

    /// Forgets what does not fit.
    pub fn retain(&mut self, fits: impl Fn(Cell, Round, &T) -> bool) {
        self.said.retain(|&(cell, round), said| fits(cell, round, said));
        self.tally.kept = self.said.len();
    }

    /// Keeps what was said.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put(&mut self, cell: Cell, round: Round, said: T) -> Result<()> {
        let line = Line { cell, round, said };
        if let Some((path, file)) = &mut self.file {
            file.write_all(&json_line(&line)?).map_err(Error::io("write", &*path))?;
        }
        self.tally.computed += 1;
        self.said.insert((cell, round), line.said);
        Ok(())
    }

    /// Whether `cell` spoke in `round`.
    pub fn has(&self, cell: Cell, round: Round) -> bool {
        self.said.contains_key(&(cell, round))
    }

    /// What `cell` said in `round`, if it has.
    pub fn get(&self, cell: Cell, round: Round) -> Option<&T> {
        self.said.get(&(cell, round))
    }
}

impl Answers {
    /// What `cell` said of the test pictures, as one round.
    pub fn test(&self, cell: Cell) -> Option<Rounds> {
        self.said.get(&(cell, Round::Test)).map(|said| vec![said.clone()])
    }

    /// What `cell` said in all rounds of cross-validation; empty before the first.
    pub fn rounds(&self, cell: Cell) -> Rounds {
        (0..).map_while(|round| self.said.get(&(cell, Round::Fold(round)))).cloned().collect()
    }
}

fn json_line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)
        .map_err(|error| Error::Compute(format!("a cell cannot be kept: {error}")))?;
    line.push(b'\n');
    Ok(line)
}
