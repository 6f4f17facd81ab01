//! [`ClassTable`]: names and colours of classes, which are left out and which are merged. Every change
//! gives a new table, so that undoing is keeping the one before.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Colours that people with any colour vision tell apart (Okabe and Ito, 2008), without black.
const COLOURS: [[u8; 3]; 7] = [
    [0, 114, 178],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [213, 94, 0],
    [240, 228, 66],
];

/// A class of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassEntry {
    /// Its id in the data set as it was opened.
    pub id: usize,
    /// What it is called now.
    pub name: String,
    /// Its colour, sRGB.
    pub colour: [u8; 3],
    /// Whether its pictures take part.
    pub included: bool,
    /// The class that its pictures count as instead.
    pub merged_into: Option<usize>,
}

/// The classes of a data set as the user wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ClassEntry>", into = "Vec<ClassEntry>")]
pub struct ClassTable(Vec<ClassEntry>);

impl ClassTable {
    /// The classes `names`, all included, each with a colour of its own.
    pub fn of(names: &[String]) -> ClassTable {
        let entry = |(id, name): (usize, &String)| ClassEntry {
            id,
            name: name.clone(),
            colour: colour(id),
            included: true,
            merged_into: None,
        };
        ClassTable(names.iter().enumerate().map(entry).collect())
    }

    /// All classes by id.
    pub fn entries(&self) -> &[ClassEntry] {
        &self.0
    }

    /// The classes that pictures count as: included and not merged into another.
    pub fn active(&self) -> impl Iterator<Item = &ClassEntry> {
        self.0.iter().filter(|entry| entry.included && entry.merged_into.is_none())
    }

    /// The id of the class that pictures of class `id` count as; `None` when they are left out.
    pub fn resolve(&self, id: usize) -> Option<usize> {
        let mut entry = self.0.get(id)?;
        // Merging keeps circles out.
        while let Some(into) = entry.merged_into {
            if !entry.included {
                return None;
            }
            entry = self.0.get(into)?;
        }
        entry.included.then_some(entry.id)
    }

    /// Class `id` with another name.
    ///
    /// # Errors
    /// When the name is empty or another class has it: these two can be merged.
    pub fn rename(&self, id: usize, name: &str) -> Result<ClassTable> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Error::Setting("a class needs a name".into()));
        }
        if self.0.iter().any(|entry| entry.id != id && entry.name == name) {
            let text = format!("another class is called {name}; merge the two, or choose another name");
            return Err(Error::Setting(text));
        }
        self.change(id, |entry| entry.name = name.to_owned())
    }

    /// Class `id` with another colour.
    ///
    /// # Errors
    /// When there is no such class.
    pub fn recolour(&self, id: usize, colour: [u8; 3]) -> Result<ClassTable> {
        self.change(id, |entry| entry.colour = colour)
    }

    /// Pictures of class `id` left out, or taking part again.
    ///
    /// # Errors
    /// When there is no such class.
    pub fn include(&self, id: usize, included: bool) -> Result<ClassTable> {
        self.change(id, |entry| entry.included = included)
    }

    /// Pictures of class `id` count as class `into` from now on.
    ///
    /// # Errors
    /// When there is no such class, or `into` itself counts as `id`.
    pub fn merge(&self, id: usize, into: usize) -> Result<ClassTable> {
        let mut at = Some(into);
        while let Some(now) = at {
            if now == id {
                let text = format!("{} counts as {} already", self.name(into), self.name(id));
                return Err(Error::Setting(if id == into {
                    format!("{} cannot be merged with itself", self.name(id))
                } else {
                    text
                }));
            }
            at = self.get(now)?.merged_into;
        }
        self.change(id, |entry| entry.merged_into = Some(into))
    }

    /// Class `id` on its own again.
    ///
    /// # Errors
    /// When there is no such class.
    pub fn separate(&self, id: usize) -> Result<ClassTable> {
        self.change(id, |entry| entry.merged_into = None)
    }

    fn name(&self, id: usize) -> &str {
        self.0.get(id).map_or("", |entry| &entry.name)
    }

    fn get(&self, id: usize) -> Result<&ClassEntry> {
        self.0.get(id).ok_or_else(|| {
            Error::Setting(format!(
                "there is no class {id}; the classes are 0 to {}",
                self.0.len().max(1) - 1
            ))
        })
    }

    fn change(&self, id: usize, change: impl FnOnce(&mut ClassEntry)) -> Result<ClassTable> {
        self.get(id)?;
        let mut table = self.clone();
        change(&mut table.0[id]);
        Ok(table)
    }
}

impl From<ClassTable> for Vec<ClassEntry> {
    fn from(table: ClassTable) -> Vec<ClassEntry> {
        table.0
    }
}

impl TryFrom<Vec<ClassEntry>> for ClassTable {
    type Error = String;

    /// Tables come back from files: ids must be places, and merging must end.
    fn try_from(entries: Vec<ClassEntry>) -> Result<ClassTable, String> {
        for (place, entry) in entries.iter().enumerate() {
            if entry.id != place {
                return Err(format!("class {} stands at place {place} of the class table", entry.id));
            }
            let mut at = entry.merged_into;
            for _ in 0..=entries.len() {
                let Some(into) = at else { break };
                let next =
                    entries.get(into).ok_or_else(|| format!("{} is merged into no class", entry.name))?;
                at = next.merged_into;
            }
            if at.is_some() {
                return Err(format!("{} is merged in a circle", entry.name));
            }
        }
        Ok(ClassTable(entries))
    }
}

/// The colour that class `id` has until another is chosen: past the first ones, the same ones darker
/// and lighter in turn.
fn colour(id: usize) -> [u8; 3] {
    let base = COLOURS[id % COLOURS.len()];
    match (id / COLOURS.len()) % 3 {
        0 => base,
        1 => base.map(|v| (u16::from(v) * 3 / 5) as u8),
        _ => base.map(|v| (255 - (255 - u16::from(v)) / 2) as u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ClassTable {
        ClassTable::of(&["cat", "dog", "fox", "owl"].map(String::from))
    }

    #[test]
    fn every_change_leaves_the_table_before_as_it_was() {
        let before = table();
        let after = before.rename(1, " hound ").unwrap().recolour(2, [1, 2, 3]).unwrap();
        assert_eq!((after.entries()[1].name.as_str(), after.entries()[2].colour), ("hound", [1, 2, 3]));
        assert_eq!(before, table());
        assert!(before.rename(1, "").is_err() && before.rename(9, "x").is_err());
        assert!(before.rename(1, "fox").unwrap_err().to_string().contains("merge"));
        assert!(before.rename(1, "dog").is_ok(), "its own name");
    }

    #[test]
    fn merged_and_left_out_classes_resolve() {
        let merged = table().merge(2, 1).unwrap().merge(1, 0).unwrap();
        assert_eq!(
            (0..4).map(|id| merged.resolve(id)).collect::<Vec<_>>(),
            [Some(0), Some(0), Some(0), Some(3)]
        );
        assert_eq!(merged.active().map(|entry| entry.id).collect::<Vec<_>>(), [0, 3]);
        assert!(merged.merge(0, 2).unwrap_err().to_string().contains("already"));
        assert!(merged.merge(0, 0).unwrap_err().to_string().contains("itself"));
        assert_eq!(merged.separate(1).unwrap().resolve(2), Some(1));
        let without = merged.include(0, false).unwrap();
        assert_eq!((without.resolve(2), without.resolve(3)), (None, Some(3)));
        assert_eq!(merged.include(2, false).unwrap().resolve(2), None);
    }

    #[test]
    fn tables_from_files_are_checked() {
        let merged = table().merge(2, 1).unwrap();
        let text = serde_json::to_string(&merged).unwrap();
        assert_eq!(serde_json::from_str::<ClassTable>(&text).unwrap(), merged);
        let circle = text.replacen("\"merged_into\":null", "\"merged_into\":1", 1);
        let circle = circle.replacen("\"merged_into\":null", "\"merged_into\":0", 1);
        assert!(serde_json::from_str::<ClassTable>(&circle).unwrap_err().to_string().contains("circle"));
        assert!(serde_json::from_str::<ClassTable>(&text.replace("\"id\":2", "\"id\":7")).is_err());
        assert!(serde_json::from_str::<ClassTable>(&text.replace(":1}", ":9}")).is_err());
    }

    #[test]
    fn the_first_colours_differ() {
        let colours: std::collections::HashSet<_> = (0..21).map(colour).collect();
        assert_eq!(colours.len(), 21);
    }
}
