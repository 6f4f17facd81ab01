//! How large the parts of a split will be, from a listing alone.

use std::path::Path;

use super::{How, Part};
use crate::data::dataset::DataSet;
use crate::data::table::{Table, cell};
use crate::error::Result;

/// Pictures to learn from, to validate on and to test on, as a split of `set` will have them where no
/// picture is unreadable or looks like another one: as the table `file` says, else made as `how`, else as
/// the set itself says, else 70, 10 and 20 %.
///
/// # Errors
/// When the table cannot be read.
pub fn foreseen(how: Option<How>, file: Option<&Path>, set: &DataSet) -> Result<[usize; 3]> {
    if let Some(file) = file {
        let table = Table::read(file)?;
        let part = table.need(&["part"])?;
        return Ok(counted(table.rows.iter().filter_map(|(_, row)| cell(row, Some(part)).parse().ok())));
    }
    let given = counted(set.items.iter().filter_map(|item| item.class.and(item.given)));
    let otherwise = How::Fractions { train: 0.7, validation: 0.1 };
    let how = how.unwrap_or(if given == [0; 3] { otherwise } else { How::Given });
    let mut parts = [0; 3];
    for count in set.counts() {
        let of_class = match how {
            How::Given => return Ok(given),
            How::Shots { train, validation, test } => {
                let train = train.min(count.saturating_sub(usize::from(test != Some(0))));
                let test = test.map(|test| test.min(count - train));
                let validation = validation.min(count - train - test.unwrap_or(0));
                [train, validation, test.unwrap_or(count - train - validation)]
            }
            How::Fractions { train, validation } => {
                let share = |share: f64| (share.clamp(0.0, 1.0) * count as f64).round() as usize;
                let train = share(train).min(count);
                let validation = share(validation).min(count - train);
                [train, validation, count - train - validation]
            }
        };
        parts.iter_mut().zip(of_class).for_each(|(part, more)| *part += more);
    }
    Ok(parts)
}

fn counted(parts: impl Iterator<Item = Part>) -> [usize; 3] {
    let mut counts = [0; 3];
    parts.for_each(|part| counts[part as usize] += 1);
    counts
}
