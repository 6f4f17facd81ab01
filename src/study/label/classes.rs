//! Classes of a labelling session: names, colours, keys and order. Numbers stay: a class that is removed or
//! merged into another keeps its own.

use serde::{Deserialize, Serialize};

use crate::data::dataset::ClassTable;
use crate::error::{Error, Result};

/// Keys that new classes get.
const KEYS: [char; 9] = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// A class that pictures can be labelled as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelClass {
    /// What it is called.
    pub name: String,
    /// Its colour, sRGB.
    pub colour: [u8; 3],
    /// The key that labels as it.
    pub key: Option<char>,
    /// Whether it is gone.
    pub removed: bool,
    /// The class that its pictures went to, where it is gone.
    pub merged_into: Option<usize>,
}

/// All classes of a session by number, and the order of those that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Kept")]
pub struct Classes {
    all: Vec<LabelClass>,
    order: Vec<usize>,
}

/// As they come back from a file, which is untrusted.
#[derive(Deserialize)]
struct Kept {
    all: Vec<LabelClass>,
    order: Vec<usize>,
}

impl TryFrom<Kept> for Classes {
    type Error = String;

    fn try_from(Kept { all, order }: Kept) -> Result<Classes, String> {
        let mut live: Vec<usize> = order.clone();
        live.sort_unstable();
        let there: Vec<usize> = (0..all.len()).filter(|&class| !all[class].removed).collect();
        if live != there {
            return Err("the order of the classes does not name each of them once".into());
        }
        let wrong = |class: &LabelClass| class.merged_into.is_some_and(|into| into >= all.len());
        match all.iter().find(|class| wrong(class)) {
            Some(class) => Err(format!("the class {} is merged into none", class.name)),
            None => Ok(Classes { all, order }),
        }
    }
}

fn refuse<T>(text: String) -> Result<T> {
    Err(Error::Setting(text))
}

impl Classes {
    /// Classes of these names, in this order.
    pub fn of(names: &[String]) -> Classes {
        let mut classes = Classes::default();
        for name in names {
            classes.push(name.clone());
        }
        classes
    }

    /// All of them by number, also those that are gone.
    pub fn all(&self) -> &[LabelClass] {
        &self.all
    }

    /// Those that are there, with their numbers, in the user's order.
    pub fn live(&self) -> impl ExactSizeIterator<Item = (usize, &LabelClass)> {
        self.order.iter().map(|&class| (class, &self.all[class]))
    }

    /// Whether `class` is there.
    pub fn is_live(&self, class: usize) -> bool {
        self.all.get(class).is_some_and(|class| !class.removed)
    }

    /// The class that `class` counts as: itself, or the one it was merged into; none where it is gone.
    pub fn resolve(&self, class: usize) -> Option<usize> {
        let mut at = class;
        // In a circle, which only a damaged file could hold, nothing is found.
        for _ in 0..=self.all.len() {
            let entry = self.all.get(at)?;
            if !entry.removed {
                return Some(at);
            }
            at = entry.merged_into?;
        }
        None
    }

    /// The class of a key.
    pub fn by_key(&self, key: char) -> Option<usize> {
        self.live().find(|(_, class)| class.key == Some(key)).map(|(number, _)| number)
    }

    /// The class of this name that is there.
    pub fn by_name(&self, name: &str) -> Option<usize> {
        self.live().find(|(_, class)| class.name == name).map(|(number, _)| number)
    }

    fn push(&mut self, name: String) -> usize {
        let number = self.all.len();
        let (colour, key) = (colour_of(number), self.free_key());
        self.all.push(LabelClass { name, colour, key, removed: false, merged_into: None });
        self.order.push(number);
        number
    }

    fn free_key(&self) -> Option<char> {
        KEYS.into_iter().find(|&key| self.by_key(key).is_none())
    }

    /// Adds a class; its number. One of this name that is gone comes back.
    pub(super) fn add(&mut self, name: &str) -> Result<usize> {
        let name = name.trim();
        if name.is_empty() || self.by_name(name).is_some() {
            return refuse(format!(
                "{name:?} cannot be the name of a new class; choose one that is not there yet"
            ));
        }
        let Some(gone) = self.all.iter().position(|class| class.name == name) else {
            return Ok(self.push(name.to_owned()));
        };
        let key = self.all[gone].key.filter(|&key| self.by_key(key).is_none()).or_else(|| self.free_key());
        let class = &mut self.all[gone];
        (class.removed, class.merged_into, class.key) = (false, None, key);
        self.order.push(gone);
        Ok(gone)
    }

    fn live_mut(&mut self, class: usize) -> Result<&mut LabelClass> {
        match self.all.get_mut(class).filter(|class| !class.removed) {
            Some(class) => Ok(class),
            None => refuse(format!("there is no class {class}; it was removed or merged into another")),
        }
    }

    /// Calls `class` otherwise.
    pub(super) fn rename(&mut self, class: usize, name: &str) -> Result<()> {
        let name = name.trim();
        if name.is_empty() {
            return refuse("a class needs a name".into());
        }
        if self.by_name(name).is_some_and(|other| other != class) {
            return refuse(format!("another class is called {name}; merge the two, or choose another name"));
        }
        self.live_mut(class)?.name = name.to_owned();
        Ok(())
    }

    /// Gives `class` a colour.
    pub(super) fn recolour(&mut self, class: usize, colour: [u8; 3]) -> Result<()> {
        self.live_mut(class)?.colour = colour;
        Ok(())
    }

    /// Gives `class` a key, which no other class has then.
    pub(super) fn key(&mut self, class: usize, key: Option<char>) -> Result<()> {
        self.live_mut(class)?;
        if let Some(before) = key.and_then(|key| self.by_key(key)) {
            self.all[before].key = None;
        }
        self.all[class].key = key;
        Ok(())
    }

    /// Moves `class` to `place` of the order, or to its end.
    pub(super) fn shift(&mut self, class: usize, place: usize) -> Result<()> {
        self.live_mut(class)?;
        self.order.retain(|&other| other != class);
        self.order.insert(place.min(self.order.len()), class);
        Ok(())
    }

    /// Lets `class` go, to `into` where one is said.
    pub(super) fn take_away(&mut self, class: usize, into: Option<usize>) -> Result<()> {
        self.live_mut(class)?;
        if into == Some(class) {
            return refuse(format!("{} cannot be merged with itself", self.all[class].name));
        }
        into.map(|into| self.live_mut(into).map(drop)).transpose()?;
        self.order.retain(|&other| other != class);
        (self.all[class].removed, self.all[class].merged_into) = (true, into);
        Ok(())
    }
}

/// The colour that class `number` has until another is chosen.
fn colour_of(number: usize) -> [u8; 3] {
    let names = vec![String::new(); number + 1];
    ClassTable::of(&names).entries().last().map_or([0; 3], |entry| entry.colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Classes {
        Classes::of(&["cat", "dog", "owl"].map(String::from))
    }

    fn names(classes: &Classes) -> Vec<&str> {
        classes.live().map(|(_, class)| &class.name[..]).collect()
    }

    #[test]
    fn numbers_stay_whatever_becomes_of_the_others() {
        let mut classes = classes();
        classes.take_away(0, Some(2)).unwrap();
        classes.take_away(2, Some(1)).unwrap();
        assert_eq!((0..3).map(|class| classes.resolve(class)).collect::<Vec<_>>(), [Some(1); 3]);
        assert!(classes.rename(0, "x").is_err() && classes.take_away(1, Some(1)).is_err());
        assert_eq!(classes.add("fox").unwrap(), 3);
        assert_eq!(classes.add("owl").unwrap(), 2, "it comes back");
        assert_eq!((names(&classes), classes.resolve(0)), (vec!["dog", "fox", "owl"], Some(2)));
        classes.take_away(2, None).unwrap();
        assert_eq!((classes.resolve(0), classes.resolve(2), classes.resolve(9)), (None, None, None));
    }

    #[test]
    fn keys_are_given_once_and_the_order_is_the_users() {
        let mut classes = classes();
        assert_eq!(classes.by_key('2'), Some(1));
        classes.key(0, Some('2')).unwrap();
        assert_eq!((classes.by_key('2'), classes.by_key('1'), classes.all()[1].key), (Some(0), None, None));
        classes.shift(2, 0).unwrap();
        classes.shift(0, 99).unwrap();
        assert_eq!(names(&classes), ["owl", "dog", "cat"]);
        assert_eq!(classes.add("fox").map(|fox| classes.all()[fox].key).unwrap(), Some('1'));
        assert!(classes.rename(1, "owl").is_err() && classes.rename(1, " ").is_err());
        assert!(classes.rename(1, "dog").is_ok(), "its own name");
    }

    #[test]
    fn classes_from_files_are_checked() {
        let mut classes = classes();
        classes.take_away(0, Some(2)).unwrap();
        let text = serde_json::to_string(&classes).unwrap();
        assert_eq!(serde_json::from_str::<Classes>(&text).unwrap(), classes);
        for damage in [("[1,2]", "[1]"), ("[1,2]", "[1,2,2]"), ("\"merged_into\":2", "\"merged_into\":7")] {
            let damaged = text.replace(damage.0, damage.1);
            assert!(damaged != text && serde_json::from_str::<Classes>(&damaged).is_err(), "{damage:?}");
        }
    }
}
