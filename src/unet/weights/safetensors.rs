//! Reading `.safetensors`: the header is checked against the file's length before anything is
//! allocated for it, then the values follow in one pass that also hashes the file.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::entry::{Entry, Stored, element_count};
use super::parameters::Parameters;
use super::progress::Meter;
use crate::error::{Error, Result};

/// The format's own limit.
const MAX_HEADER: u64 = 100_000_000;
/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// A `.safetensors` file whose header has been read and checked.
pub(super) struct SafetensorsFile<R> {
    reader: R,
    name: String,
    header: Vec<u8>,
    data_len: u64,
    /// In the order of the data, without gaps or overlaps.
    entries: Vec<(Entry, u64)>,
    metadata: BTreeMap<String, String>,
}

/// The values of a file and its hash.
pub(super) struct Contents {
    pub(super) parameters: Parameters,
    pub(super) file_hash: String,
}

impl<R: Read + Seek> SafetensorsFile<R> {
    /// Reads and checks the header of the file called `name`.
    ///
    /// # Errors
    /// When it is no safetensors file, is cut short, or contradicts itself.
    pub(super) fn open(mut reader: R, name: &str) -> Result<Self> {
        let refuse = |why: String| Error::checkpoint(name, why);
        let io = |source| Error::io("read", Path::new(name))(source);
        let len = reader.seek(SeekFrom::End(0)).map_err(io)?;
        reader.seek(SeekFrom::Start(0)).map_err(io)?;
        let mut prefix = [0u8; 8];
        if len < 8 {
            return Err(refuse(format!("{len} bytes are too few for a checkpoint; fetch the file again")));
        }
        reader.read_exact(&mut prefix).map_err(io)?;
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
        let mut text = vec![0u8; header_len as usize];
        reader.read_exact(&mut text).map_err(io)?;
        let parsed: Header = serde_json::from_slice(&text).map_err(|error| {
            refuse(format!("its safetensors header cannot be read: {error}; fetch it again"))
        })?;
        let data_len = len - 8 - header_len;
        let entries = arrange(parsed.tensors, data_len).map_err(refuse)?;
        let header = [&prefix[..], &text].concat();
        Ok(SafetensorsFile {
            reader,
            name: name.into(),
            header,
            data_len,
            entries,
            metadata: parsed.metadata,
        })
    }

    /// The tensors in the order of the file.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().map(|(entry, _)| entry.clone()).collect()
    }

    /// The free text of the header.
    pub(super) fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Reads all values of floating point in one pass; others are only hashed.
    ///
    /// # Errors
    /// When the file cannot be read or the user cancels.
    pub(super) fn read(mut self, meter: &mut Meter<'_>) -> Result<Contents> {
        meter.start("reading", self.data_len)?;
        let io = |source| Error::io("read", Path::new(&self.name))(source);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.header);
        let mut parameters = Parameters::new();
        let mut buffer = vec![0u8; CHUNK];
        for (entry, bytes) in self.entries {
            // The header was checked against the file, so this is at most four times its length.
            let count = entry.stored.size().map_or(0, |size| bytes as usize / size);
            let mut values = Vec::with_capacity(count);
            let mut left = bytes;
            while left > 0 {
                // CHUNK is a multiple of every value size, so no value straddles two reads.
                let part = &mut buffer[..left.min(CHUNK as u64) as usize];
                self.reader.read_exact(part).map_err(io)?;
                hasher.update(part);
                entry.stored.decode(part, &mut values);
                left -= part.len() as u64;
                meter.add(part.len())?;
            }
            if entry.stored.size().is_some() {
                parameters.insert(entry.name, &entry.shape, values)?;
            }
        }
        Ok(Contents { parameters, file_hash: hasher.finalize().to_hex().to_string() })
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
    use std::io::Cursor;
    use std::ops::ControlFlow;

    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn complaint(bytes: Vec<u8>) -> String {
        SafetensorsFile::open(Cursor::new(bytes), "f").err().unwrap().to_string()
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
        let opened = SafetensorsFile::open(Cursor::new(bytes), "f").unwrap();
        assert_eq!(opened.metadata()["k"], "v");
        assert_eq!(opened.entries().len(), 4);
        let contents = opened.read(&mut Meter::new(&mut |_| ControlFlow::Continue(()))).unwrap();
        assert_eq!(contents.file_hash, expected);
        let values =
            |name| contents.parameters.get(name).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!((values("a"), values("b"), values("c")), (vec![1.5], vec![-2.0, 0.25], vec![3.0]));
        assert!(contents.parameters.get("i").is_none());
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
