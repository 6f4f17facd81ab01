//! The pictures or tensors that features are extracted from.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use candle_core::{Device, Tensor};

use crate::data::picture::IdxPlace;
use crate::data::{Origin, Source};
use crate::error::{Error, Result};

/// The pictures of a run.
pub enum Inputs {
    /// Picture files and the like.
    Pictures(Vec<Source>),
    /// Tensors as the network takes them.
    Tensors(TensorInputs),
}

/// Inputs from a safetensors file.
pub struct TensorInputs {
    /// `[N, 3, H, W]` in [−1, 1], or x_t.
    pub x: Tensor,
    /// ε, `[N, 3, H, W]` or `[T, N, 3, H, W]` in the order of the timesteps.
    pub noise: Option<Tensor>,
    /// Classes for a class-conditional network.
    pub y: Option<Vec<usize>>,
    /// Class ids to pass on.
    pub labels: Option<Vec<i64>>,
    /// Where it came from.
    pub path: PathBuf,
    /// Hash of the file.
    pub hash: String,
}

impl TensorInputs {
    /// Reads `x` and, if there, `noise`, `y` and `labels`; other tensors are ignored.
    ///
    /// # Errors
    /// When the file cannot be read or a tensor has a shape that cannot be.
    pub fn read(path: &Path) -> Result<TensorInputs> {
        let name = path.display().to_string();
        let refuse = |why: String| Error::data(&name, why);
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let file = safetensors::SafeTensors::deserialize(&bytes)
            .map_err(|error| refuse(format!("not a safetensors file, or damaged ({error})")))?;
        let get = |key: &str| -> Result<Option<Tensor>> {
            use candle_core::safetensors::Load;
            match file.tensor(key) {
                Ok(view) => Ok(Some(view.load(&Device::Cpu)?)),
                Err(_) => Ok(None),
            }
        };
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let float = |tensor: Tensor| tensor.to_dtype(candle_core::DType::F32);
        let x = get("x")?.ok_or_else(|| refuse("holds no tensor `x` [N, 3, H, W]".into()))?;
        let x = float(x)?;
        let rows = match x.dims() {
            &[n, 3, _, _] if n > 0 => n,
            dims => return Err(refuse(format!("`x` is {dims:?}, not [N, 3, H, W]"))),
        };
        let noise = get("noise")?.map(float).transpose()?;
        if let Some(noise) = &noise {
            let fits = noise.dims() == x.dims() || (noise.rank() == 5 && noise.dims()[1..] == *x.dims());
            if !fits {
                return Err(refuse(format!(
                    "`noise` is {:?}, which does not fit `x` {:?}",
                    noise.dims(),
                    x.dims()
                )));
            }
        }
        let ids = |key: &str| -> Result<Option<Vec<i64>>> {
            let Some(tensor) = get(key)? else { return Ok(None) };
            if tensor.dims() != [rows] {
                return Err(refuse(format!("`{key}` is {:?}, not [{rows}]", tensor.dims())));
            }
            Ok(Some(tensor.to_dtype(candle_core::DType::I64)?.to_vec1()?))
        };
        let y = ids("y")?.map(|y| {
            let class =
                |v: i64| usize::try_from(v).map_err(|_| refuse(format!("`y` holds {v}, which is no class")));
            y.into_iter().map(class).collect::<Result<Vec<_>>>()
        });
        Ok(TensorInputs {
            noise,
            y: y.transpose()?,
            labels: ids("labels")?,
            x,
            path: path.to_path_buf(),
            hash,
        })
    }
}

impl Inputs {
    /// Number of pictures.
    pub fn len(&self) -> usize {
        match self {
            Inputs::Pictures(sources) => sources.len(),
            Inputs::Tensors(tensors) => tensors.x.dims()[0],
        }
    }

    /// True without pictures.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn items(&self) -> Vec<String> {
        match self {
            Inputs::Pictures(sources) => {
                sources.iter().map(|s| s.argument().unwrap_or_else(|| s.name())).collect()
            }
            Inputs::Tensors(tensors) => {
                (0..self.len()).map(|row| format!("{}#{row}", tensors.path.display())).collect()
            }
        }
    }

    /// One text per row that is another when the input of the row is, as far as its file tells; to
    /// be empty where the program or the settings hold the input.
    pub(super) fn stamps(&self) -> Vec<String> {
        let Inputs::Pictures(sources) = self else { return vec![String::new(); self.len()] };
        // The pictures of one IDX file follow each other: it is asked once.
        let mut last: Option<(PathBuf, String)> = None;
        let mut of_file = |path: PathBuf| match &last {
            Some((held, stamp)) if *held == path => stamp.clone(),
            _ => {
                let stamp = stamp_of(&path);
                last = Some((path, stamp.clone()));
                stamp
            }
        };
        let stamp = |source: &Source| match source.origin() {
            Origin::File(path) | Origin::Idx { set: IdxPlace::File(path), .. } => of_file(path),
            Origin::Bundled(_) | Origin::Idx { set: IdxPlace::Bundled(_), .. } => String::new(),
            Origin::Pasted => source
                .open()
                .map_or_else(|_| String::new(), |picture| blake3::Hash::from(picture.digest).to_string()),
        };
        sources.iter().map(stamp).collect()
    }

    /// Class ids by row and class names, where every row has one: the data set's own numbers for
    /// the pictures of one set, else places among the sorted names.
    pub(super) fn labels(&self) -> (Option<Vec<i64>>, Vec<String>) {
        match self {
            Inputs::Tensors(tensors) => (tensors.labels.clone(), Vec::new()),
            Inputs::Pictures(sources) => {
                if let Some((ids, names)) = labels_of_one_set(sources) {
                    return (Some(ids), names);
                }
                let Some(names) = sources.iter().map(Source::class_name).collect::<Option<Vec<_>>>() else {
                    return (None, Vec::new());
                };
                let mut classes = names.clone();
                classes.sort();
                classes.dedup();
                let id = |name: &String| classes.binary_search(name).unwrap_or(0) as i64;
                (Some(names.iter().map(id).collect()), classes)
            }
        }
    }
}

/// Length and time of change of a file; what the system says where it tells neither.
fn stamp_of(path: &Path) -> String {
    let changed = |file: &std::fs::Metadata| file.modified().ok()?.duration_since(UNIX_EPOCH).ok();
    match std::fs::metadata(path) {
        Ok(file) => {
            format!("{} bytes, changed {}", file.len(), changed(&file).map_or(0, |since| since.as_nanos()))
        }
        Err(error) => error.kind().to_string(),
    }
}

/// Label numbers by row and class names, when all are labelled pictures of one IDX set, or of sets
/// that name the same classes.
fn labels_of_one_set(sources: &[Source]) -> Option<(Vec<i64>, Vec<String>)> {
    let (first, _) = sources.first()?.set()?;
    let label = |source: &Source| {
        let (set, index) = source.set()?;
        let named_alike = !first.class_names().is_empty() && set.class_names() == first.class_names();
        let label = *set.labels()?.get(index)?;
        (set.place() == first.place() || named_alike).then_some(i64::from(label))
    };
    let labels = sources.iter().map(label).collect::<Option<Vec<_>>>()?;
    Some((labels, first.class_names().iter().map(ToString::to_string).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(arguments: &[&str]) -> Inputs {
        let named = |argument: &&str| crate::data::library::named(argument).unwrap().unwrap();
        Inputs::Pictures(arguments.iter().flat_map(named).collect())
    }

    #[test]
    fn class_ids_do_not_depend_on_the_choice_of_pictures() {
        let (all, names) = pictures(&["bundled:fashion/test"]).labels();
        let (all, count) = (all.unwrap(), names.len());
        assert_eq!(count, 10);
        let last = format!("bundled:fashion/test#{}", all.len() - 1);
        let (some, same) = pictures(&[&last, "bundled:fashion/test#7"]).labels();
        assert_eq!(some.unwrap(), [all[all.len() - 1], all[7]]);
        assert_eq!(same, names);
        assert_eq!(pictures(&["bundled:fashion/test#7", "bundled:chelsea.png"]).labels(), (None, Vec::new()));
    }

    #[test]
    fn another_file_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let stamp = || Inputs::Pictures(vec![Source::file(&path)]).stamps();
        let missing = stamp();
        std::fs::write(&path, "one").unwrap();
        let first = stamp();
        assert_eq!(first, stamp());
        std::fs::write(&path, "three").unwrap();
        assert!(missing != first && first != stamp());
        assert_eq!(pictures(&["bundled:photos"]).stamps(), [""; 4]);
    }
}
