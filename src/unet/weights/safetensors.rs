//! Reading `.safetensors`: the header is checked against the file's length before anything is
//! allocated for it. One pass over the values judges them and hashes the file, and keeps none.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::entry::{Entry, Stored, element_count};
use super::parameters::Parameters;
use super::place::Place;
use super::progress::Meter;
use super::store::{CHUNK, Store};
use super::survey::{Judge, Survey, Wanted, survey};
use crate::error::{Error, Result};

/// The format's own limit.
const MAX_HEADER: u64 = 100_000_000;

/// A `.safetensors` file whose header has been read and checked.
pub(super) struct SafetensorsFile {
    store: Arc<Store>,
    header: Vec<u8>,
    /// In the order of the data, without gaps or overlaps, and the bytes of each.
    entries: Vec<(Entry, u64)>,
    metadata: BTreeMap<String, String>,
}

impl SafetensorsFile {
    /// Reads and checks the header.
    ///
    /// # Errors
    /// When it is no safetensors file, is cut short, or contradicts itself.
    pub(super) fn open(store: Store) -> Result<Self> {
        let refuse = |why: String| Error::checkpoint(store.name(), why);
        let len = store.len();
        let mut prefix = [0u8; 8];
        if len < 8 {
            return Err(refuse(format!("{len} bytes are too few for a checkpoint; fetch the file again")));
        }
        store.read_at(0, &mut prefix)?;
        let header_len = u64::from_le_bytes(prefix);
        if header_len > MAX_HEADER {
            return Err(refuse(
                "is not a safetensors file: its first bytes give no sensible header length; give a checkpoint as .safetensors or .pt"
                    .into(),
            ));
        }
        if header_len > len - 8 {
            return Err(refuse(format!(
                "is cut short: the header alone takes {header_len} bytes and the file has {len}; fetch it again"
            )));
        }
        let mut header = vec![0u8; 8 + header_len as usize];
        store.read_at(0, &mut header)?;
        let parsed: Header = serde_json::from_slice(&header[8..]).map_err(|error| {
            refuse(format!("its safetensors header cannot be read: {error}; fetch it again"))
        })?;
        let entries = arrange(parsed.tensors, len - 8 - header_len).map_err(refuse)?;
        Ok(SafetensorsFile { store: Arc::new(store), header, entries, metadata: parsed.metadata })
    }

    /// The tensors in the order of the file.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().map(|(entry, _)| entry.clone()).collect()
    }

    /// The free text of the header.
    pub(super) fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// All tensors of floating point, where they lie.
    pub(super) fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::new();
        let mut offset = self.header.len() as u64;
        for (entry, bytes) in &self.entries {
            if entry.stored.size().is_some() {
                let store = Arc::clone(&self.store);
                let place = Place { store, stored: entry.stored.clone(), offset, strides: None };
                parameters.place(&entry.name, &entry.shape, place);
            }
            offset += bytes;
        }
        parameters
    }

    /// Reads the whole file and judges the network that is `wanted`: at once, where its parameters lie
    /// in the order of their names, else in two passes. The second value is the file's hash.
    ///
    /// # Errors
    /// When the file has changed or cannot be read, or the user cancels.
    pub(super) fn survey(&self, wanted: &Wanted<'_>, meter: &mut Meter<'_>) -> Result<(Survey, String)> {
        let names = || self.entries.iter().filter_map(|(entry, _)| wanted.name(&entry.name));
        if !names().is_sorted() {
            let file_hash = self.store.hash(meter)?;
            return Ok((survey(&self.parameters(), wanted, meter)?.0, file_hash));
        }
        meter.start("reading", self.store.len() - self.header.len() as u64)?;
        let mut file = blake3::Hasher::new();
        file.update(&self.header);
        let mut network = Judge::default();
        let (mut buffer, mut values) = (vec![0u8; CHUNK], Vec::new());
        let mut offset = self.header.len() as u64;
        for (entry, bytes) in &self.entries {
            let name = wanted.name(&entry.name);
            if let Some(name) = name {
                network.parameter(name, &entry.shape);
            }
            let end = offset + bytes;
            while offset < end {
                // No value straddles two pieces: a piece is a multiple of every value's size.
                let part = &mut buffer[..(end - offset).min(CHUNK as u64) as usize];
                self.store.read_at(offset, part)?;
                let judge = || {
                    if name.is_some() {
                        values.clear();
                        entry.stored.decode(part, &mut values);
                        network.values(&values);
                    }
                };
                rayon::join(judge, || file.update(part).count());
                offset += part.len() as u64;
                meter.add(part.len())?;
            }
        }
        self.store.unchanged()?;
        let survey = Survey { hash: network.hasher.finish(), not_finite: network.not_finite };
        Ok((survey, file.finalize().to_hex().to_string()))
    }
}

/// Orders the tensors by place and checks that they fill the data exactly.
fn arrange(tensors: Vec<(String, TensorHeader)>, data_len: u64) -> Result<Vec<(Entry, u64)>, String> {
    let mut placed = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let [begin, end] = tensor.data_offsets;
        let bytes = end.checked_sub(begin).ok_or_else(|| format!("tensor {name} ends before it begins"))?;
        let stored = match tensor.dtype.as_str() {
            "F32" => Stored::F32,
            "F16" => Stored::F16,
            "BF16" => Stored::BF16,
            "F64" => Stored::F64,
            _ => Stored::Other(tensor.dtype),
        };
        let count =
            element_count(&tensor.shape).ok_or_else(|| format!("tensor {name} has an impossible shape"))?;
        if let Some(size) = stored.size()
            && count.checked_mul(size).map(|needed| needed as u64) != Some(bytes)
        {
            return Err(format!(
                "tensor {name} of shape {:?} in {} does not take the {bytes} bytes that the header gives it",
                tensor.shape,
                stored.name()
            ));
        }
        placed.push((begin, end, Entry { name, shape: tensor.shape, stored }));
    }
    placed.sort_by_key(|(begin, end, _)| (*begin, *end));
    let mut place = 0;
    for (begin, end, entry) in &placed {
        if *begin != place {
            return Err(format!("tensor {} does not follow the one before it", entry.name));
        }
        place = *end;
    }
    if place > data_len {
        return Err(format!(
            "is cut short: {place} bytes of values are announced and {data_len} are there; fetch it again"
        ));
    }
    if place < data_len {
        return Err(format!(
            "{} bytes follow the last tensor; the file is damaged, fetch it again",
            data_len - place
        ));
    }
    Ok(placed.into_iter().map(|(begin, end, entry)| (entry, end - begin)).collect())
}

#[derive(Deserialize)]
struct TensorHeader {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

#[derive(Default)]
struct Header {
    tensors: Vec<(String, TensorHeader)>,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;
        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = Header;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                let mut seen = std::collections::HashSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "__metadata__" {
                        header.metadata = map.next_value()?;
                        continue;
                    }
                    if !seen.insert(key.clone()) {
                        return Err(serde::de::Error::custom(format!("tensor {key} is listed twice")));
                    }
                    header.tensors.push((key, map.next_value()?));
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(HeaderVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ops::ControlFlow;

    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn complaint(bytes: Vec<u8>) -> String {
        SafetensorsFile::open(Store::memory(bytes, "f")).err().unwrap().to_string()
    }

    #[test]
    fn the_three_float_kinds_are_read_and_others_only_listed() {
        let header = r#"{"__metadata__":{"k":"v"},"c":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]},
            "a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"i":{"dtype":"I8","shape":[2],"data_offsets":[10,12]},
            "b":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]}}"#;
        let mut data = 1.5f32.to_le_bytes().to_vec();
        data.extend(half::f16::from_f32(-2.0).to_le_bytes());
        data.extend(half::f16::from_f32(0.25).to_le_bytes());
        data.extend(half::bf16::from_f32(3.0).to_le_bytes());
        data.extend([7, 7]);
        let bytes = file(header, &data);
        let expected = blake3::hash(&bytes).to_hex().to_string();
        let opened = SafetensorsFile::open(Store::memory(bytes, "f")).unwrap();
        assert_eq!(opened.metadata()["k"], "v");
        assert_eq!(opened.entries().len(), 4);
        let parameters = opened.parameters();
        let values = |name: &str| parameters.read(name).unwrap().flatten_all().unwrap().to_vec1::<f32>();
        assert_eq!(values("a").unwrap(), [1.5]);
        assert_eq!(values("b").unwrap(), [-2.0, 0.25]);
        assert_eq!(values("c").unwrap(), [3.0]);
        assert!(parameters.read("i").is_err());
        let wanted: HashSet<String> = ["a", "c"].map(String::from).into();
        let (survey, file_hash) = opened
            .survey(
                &Wanted { good: &wanted, prefix: false },
                &mut Meter::new(&mut |_| ControlFlow::Continue(())),
            )
            .unwrap();
        assert_eq!(file_hash, expected);
        let two = parameters.renamed(|name| wanted.contains(name).then(|| name.to_owned()));
        assert_eq!(survey.hash, two.hash().unwrap());
    }

    #[test]
    fn headers_that_contradict_the_file_are_refused_before_anything_is_read() {
        let one = |shape: &str, offsets: &str| {
            format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        assert!(complaint(file(&one("[2]", "[0,8]"), &[0; 4])).contains("cut short"));
        assert!(complaint(file(&one("[1]", "[0,4]"), &[0; 9])).contains("5 bytes follow"));
        assert!(complaint(file(&one("[3]", "[0,4]"), &[0; 4])).contains("does not take the 4 bytes"));
        assert!(
            complaint(file(&one("[4294967296,4294967296,2]", "[0,4]"), &[0; 4])).contains("impossible shape")
        );
        assert!(complaint(file(&one("[1]", "[4,0]"), &[0; 4])).contains("ends before"));
        assert!(complaint(file(&one("[1]", "[4,8]"), &[0; 8])).contains("does not follow"));
        assert!(complaint(vec![255; 64]).contains("not a safetensors file"));
        assert!(complaint(file("[]", &[])).contains("header cannot be read"));
        assert!(complaint([&4000u64.to_le_bytes()[..], b"{}"].concat()).contains("cut short"));
    }
}
