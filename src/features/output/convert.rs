//! npy and parquet from the rows of a feature file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use super::FeatureFile;
use crate::error::{Error, Result};

impl FeatureFile {
    pub(super) fn write_npy(&mut self, path: &Path) -> Result<()> {
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
    pub(super) fn write_parquet(&mut self, path: &Path) -> Result<()> {
        use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
        use parquet::file::metadata::KeyValue;
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
        let classes = serde_json::json!(self.layout.classes).to_string();
        let metadata = vec![
            KeyValue::new("classes".into(), classes),
            KeyValue::new("settings".into(), self.layout.settings.to_string()),
        ];
        let properties = WriterProperties::builder().set_key_value_metadata(Some(metadata)).build();
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
