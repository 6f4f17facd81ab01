//! The tensors that a checkpoint's pickle describes: names, shapes and places in storages.

use std::collections::HashMap;

use super::entry::{Stored, element_count};
use super::pickle::{Id, Pickle, Value};

/// A tensor as a view of a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
    /// First element within the storage.
    pub(super) offset: usize,
    pub(super) storage: StorageRef,
}

/// A storage: a file inside the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StorageRef {
    pub(super) key: String,
    pub(super) stored: Stored,
    /// Number of elements.
    pub(super) len: usize,
}

/// The tensors and the keys that led to them, as `ema` (empty at the top).
#[derive(Debug)]
pub(super) struct StateDict {
    pub(super) views: Vec<View>,
    pub(super) key: Option<String>,
}

/// Where training scripts put the parameters, averaged ones first.
const NESTED: [&str; 8] =
    ["ema", "ema_state_dict", "model_ema", "state_dict", "model_state_dict", "model", "network", "params"];

/// Finds the tensors of a checkpoint: the dictionary itself, or the one under a usual key.
///
/// # Errors
/// In words, when there is none, or a tensor contradicts its storage.
pub(super) fn find(pickle: &Pickle) -> Result<StateDict, String> {
    let Some(pairs) = pickle.dict(pickle.root_id()) else {
        return Err(match pickle.root() {
            Value::Call(callable, _) => {
                let class = pickle.global(*callable).map_or("object", |(_, name)| name);
                format!(
                    "holds a whole pickled {class} instead of its parameters, and no pickle code is run here; save model.state_dict() instead"
                )
            }
            _ => "holds no dictionary of parameters; save model.state_dict()".into(),
        });
    };
    let views = views_of(pickle, pairs)?;
    if !views.is_empty() {
        return Ok(StateDict { views, key: None });
    }
    for key in NESTED {
        let nested = pairs
            .iter()
            .find(|(name, _)| pickle.text(*name) == Some(key))
            .and_then(|(_, id)| pickle.dict(*id));
        if let Some(nested) = nested {
            let views = views_of(pickle, nested)?;
            if !views.is_empty() {
                return Ok(StateDict { views, key: Some(key.into()) });
            }
        }
    }
    let keys: Vec<&str> = pairs.iter().filter_map(|(key, _)| pickle.text(*key)).take(6).collect();
    Err(format!("holds no parameters (its keys begin with: {}); save model.state_dict()", keys.join(", ")))
}

/// The tensors of the dictionary under `key`; without the key when there is no such dictionary.
///
/// # Errors
/// In words, when a tensor contradicts its storage.
pub(super) fn find_under(pickle: &Pickle, key: &str) -> Result<StateDict, String> {
    let pairs = pickle.dict(pickle.root_id()).unwrap_or(&[]);
    let found = pairs.iter().rev().find(|(name, _)| pickle.text(*name) == Some(key));
    match found.and_then(|(_, id)| pickle.dict(*id)) {
        None => Ok(StateDict { views: Vec::new(), key: None }),
        Some(pairs) => Ok(StateDict { views: views_of(pickle, pairs)?, key: Some(key.into()) }),
    }
}

fn views_of(pickle: &Pickle, pairs: &[(Id, Id)]) -> Result<Vec<View>, String> {
    let mut views: Vec<View> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for &(key, value) in pairs {
        let Some(name) = pickle.text(key) else { continue };
        let Some(view) = tensor(pickle, value, name)? else { continue };
        // As in Python, a key set twice keeps its last value.
        match places.get(name) {
            Some(&place) => views[place] = view,
            None => {
                places.insert(name, views.len());
                views.push(view);
            }
        }
    }
    Ok(views)
}

/// The tensor at `id`, or `None` when something else is there.
fn tensor(pickle: &Pickle, mut id: Id, name: &str) -> Result<Option<View>, String> {
    // A parameter or a tensor of a derived class wraps a tensor; two wrappers are the most there are.
    for _ in 0..3 {
        let Value::Call(callable, arguments) = pickle.value(id) else { return Ok(None) };
        let (Some(function), Some(items)) = (pickle.global(*callable), pickle.items(*arguments)) else {
            return Ok(None);
        };
        match (function, items) {
            (
                ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor"),
                [storage, offset, shape, strides, ..],
            ) => {
                let view = view(pickle, name, *storage, *offset, *shape, *strides);
                return view
                    .ok_or_else(|| format!("the description of parameter {name} is damaged"))
                    .map(Some);
            }
            (("torch._utils", "_rebuild_parameter"), [inner, ..]) => id = *inner,
            (("torch._tensor", "_rebuild_from_type_v2"), [function, _, inner_arguments, ..]) => {
                let rebuilt = (pickle.global(*function), pickle.items(*inner_arguments));
                let (
                    Some(("torch._utils", "_rebuild_tensor_v2")),
                    Some([storage, offset, shape, strides, ..]),
                ) = rebuilt
                else {
                    return Ok(None);
                };
                let view = view(pickle, name, *storage, *offset, *shape, *strides);
                return view
                    .ok_or_else(|| format!("the description of parameter {name} is damaged"))
                    .map(Some);
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn view(pickle: &Pickle, name: &str, storage: Id, offset: Id, shape: Id, strides: Id) -> Option<View> {
    let view = View {
        name: name.into(),
        shape: naturals(pickle, shape)?,
        strides: naturals(pickle, strides)?,
        offset: pickle.natural(offset)?,
        storage: storage_ref(pickle, storage)?,
    };
    view.fits().then_some(view)
}

fn naturals(pickle: &Pickle, id: Id) -> Option<Vec<usize>> {
    // `torch.Size` is pickled as a call on a tuple of one tuple.
    let items = match pickle.value(id) {
        Value::Call(_, arguments) => pickle.items(*pickle.items(*arguments)?.first()?)?,
        _ => pickle.items(id)?,
    };
    items.iter().map(|&item| pickle.natural(item)).collect()
}

/// `("storage", class, key, device, length)`.
fn storage_ref(pickle: &Pickle, id: Id) -> Option<StorageRef> {
    let Value::Persistent(id) = pickle.value(id) else { return None };
    let [kind, class, key, _, len] = pickle.items(*id)? else { return None };
    let (_, class) = pickle.global(*class)?;
    let stored = match class {
        "FloatStorage" => Stored::F32,
        "HalfStorage" => Stored::F16,
        "BFloat16Storage" => Stored::BF16,
        "DoubleStorage" => Stored::F64,
        other => Stored::Other(other.trim_end_matches("Storage").to_owned()),
    };
    (pickle.text(*kind) == Some("storage")).then_some(StorageRef {
        key: pickle.text(*key)?.into(),
        stored,
        len: pickle.natural(*len)?,
    })
}

impl View {
    /// True when the view lies within its storage and is not larger than it.
    fn fits(&self) -> bool {
        let Some(count) = element_count(&self.shape) else { return false };
        if count == 0 {
            return self.strides.len() == self.shape.len();
        }
        let last = self.shape.iter().zip(&self.strides).try_fold(self.offset, |place, (&dim, &stride)| {
            place.checked_add((dim - 1).checked_mul(stride)?)
        });
        self.strides.len() == self.shape.len()
            && count <= self.storage.len
            && last.is_some_and(|last| last < self.storage.len)
    }

    /// True when the values lie one after another, rows first.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&dim, &stride)| {
            let fits = dim == 1 || stride == expected;
            expected *= dim;
            fits
        })
    }
}
