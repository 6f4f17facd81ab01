//! The pictures or tensors that features are extracted from.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::data::Source;
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
        Ok(TensorInputs { noise, y: y.transpose()?, labels: ids("labels")?, x, path: path.to_path_buf() })
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

    /// Class ids by row and class names, where every row has one.
    pub(super) fn labels(&self) -> (Option<Vec<i64>>, Vec<String>) {
        match self {
            Inputs::Tensors(tensors) => (tensors.labels.clone(), Vec::new()),
            Inputs::Pictures(sources) => {
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
