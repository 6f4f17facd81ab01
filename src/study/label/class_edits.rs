//! What a user does to the classes of a session, each one step of its history.

use super::session::{Change, Mark, Session};
use crate::error::Result;
use crate::project::LabelSource;

impl Session {
    /// Calls a class otherwise.
    ///
    /// # Errors
    /// When it is not there, the name is empty or another has it.
    pub fn rename_class(&mut self, class: usize, name: &str) -> Result<Option<&Change>> {
        let what = format!("rename {} to {}", self.name_of(class), name.trim());
        self.change_classes(&what, &[], |list| list.rename(class, name))
    }

    /// Gives a class a colour, sRGB.
    ///
    /// # Errors
    /// When it is not there.
    pub fn recolour_class(&mut self, class: usize, colour: [u8; 3]) -> Result<Option<&Change>> {
        let what = format!("colour of {}", self.name_of(class));
        self.change_classes(&what, &[], |list| list.recolour(class, colour))
    }

    /// Gives a class a key, which no other class has then, or none.
    ///
    /// # Errors
    /// When it is not there.
    pub fn key_of_class(&mut self, class: usize, key: Option<char>) -> Result<Option<&Change>> {
        let what = format!("key of {}", self.name_of(class));
        self.change_classes(&what, &[], |list| list.key(class, key))
    }

    /// Moves a class to `place` of the order.
    ///
    /// # Errors
    /// When it is not there.
    pub fn move_class(&mut self, class: usize, place: usize) -> Result<Option<&Change>> {
        let what = format!("move {}", self.name_of(class));
        self.change_classes(&what, &[], |list| list.shift(class, place))
    }

    /// Lets the pictures of `class` be of the class `into` from now on; how they were labelled stays.
    ///
    /// # Errors
    /// When one of the two is not there, or they are the same.
    pub fn merge_class(&mut self, class: usize, into: usize) -> Result<Option<&Change>> {
        let what = format!("merge {} into {}", self.name_of(class), self.name_of(into));
        let marks = self.of_class(class, |source| Mark::Class { class: into, source });
        self.change_classes(&what, &marks, |list| list.take_away(class, Some(into)))
    }

    /// Removes a class; its pictures have no mark then.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove_class(&mut self, class: usize) -> Result<Option<&Change>> {
        let what = format!("remove {}", self.name_of(class));
        let marks = self.of_class(class, |_| Mark::Blank);
        self.change_classes(&what, &marks, |list| list.take_away(class, None))
    }

    /// Labels pictures without a mark as `given` says, by the names `classes`; those that are not there are
    /// added.
    ///
    /// # Errors
    /// When a name is empty, or there are not as many as pictures.
    pub fn take_labels(
        &mut self,
        what: &str,
        classes: &[String],
        given: &[Option<usize>],
    ) -> Result<Option<&Change>> {
        let mut list = self.class_list().clone();
        let mut numbers = vec![None; classes.len()];
        let mut marks = Vec::new();
        for (picture, &class) in given.iter().enumerate() {
            let (Some(class), Some(&Mark::Blank)) = (class, self.marks().get(picture)) else { continue };
            let Some(name) = classes.get(class) else { continue };
            let number = match numbers[class].or_else(|| list.by_name(name.trim())) {
                Some(number) => number,
                None => list.add(name)?,
            };
            numbers[class] = Some(number);
            marks.push((picture, Mark::Class { class: number, source: LabelSource::Bulk }));
        }
        self.change_classes(what, &marks, |held| {
            *held = list;
            Ok(())
        })
    }

    fn name_of(&self, class: usize) -> &str {
        self.classes().get(class).map_or("", String::as_str)
    }

    fn of_class(&self, wanted: usize, mark: impl Fn(LabelSource) -> Mark) -> Vec<(usize, Mark)> {
        let marks = self.marks().iter().enumerate();
        let of_class = marks.filter_map(|(picture, held)| match held {
            Mark::Class { class, source } if *class == wanted => Some((picture, mark(*source))),
            _ => None,
        });
        of_class.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand(class: usize) -> Mark {
        Mark::Class { class, source: LabelSource::Hand }
    }

    #[test]
    fn classes_are_undone_with_their_pictures() {
        let mut session = Session::new(4, ["cat", "dog"].map(String::from).to_vec());
        session.mark("one", &[0, 1], hand(1)).unwrap();
        session.mark("two", &[2], hand(0)).unwrap();
        assert_eq!(session.merge_class(1, 0).unwrap().unwrap().steps.len(), 2);
        assert_eq!(
            (session.counts().classes.clone(), session.class_list().resolve(1)),
            (vec![3, 0], Some(0))
        );
        assert!(session.mark("gone", &[3], hand(1)).is_err(), "nothing is of a class that is gone");
        let fox = session.add_class("fox").unwrap();
        session.mark("three", &[3], hand(fox)).unwrap();
        session.rename_class(fox, "vixen").unwrap();
        session.remove_class(fox).unwrap();
        assert_eq!((session.marks()[3], session.class_list().live().len()), (Mark::Blank, 1));
        let whats: Vec<String> =
            std::iter::from_fn(|| session.undo().map(|change| change.what.clone())).collect();
        let told = ["remove vixen", "rename fox to vixen", "three", "new class fox", "merge dog into cat"];
        assert_eq!(whats[..5], told);
        assert_eq!((session.counts().blank, session.classes().len()), (4, 2));
        while session.redo().is_some() {}
        assert_eq!((session.counts().classes.clone(), session.marks()[0]), (vec![3, 0, 0], hand(0)));
        let (history, done) = session.history();
        let again =
            Session::reopen(session.class_list().clone(), session.marks().to_vec(), history.to_vec(), done);
        let mut again = again.unwrap();
        assert_eq!(again.undo().unwrap().what, "remove vixen");
        assert_eq!((again.marks()[3], again.classes()[2].as_str()), (hand(fox), "vixen"));
    }

    #[test]
    fn labels_of_the_data_set_go_onto_blank_pictures_only() {
        let mut session = Session::new(4, vec!["dog".into()]);
        session.mark("one", &[0], hand(0)).unwrap();
        session.mark("two", &[1], Mark::Unsure).unwrap();
        let names = ["ant", "bee", "dog"].map(String::from);
        let given = [Some(1), Some(1), Some(2), Some(1)];
        let steps = session.take_labels("labels of the folder", &names, &given).unwrap().unwrap().steps.len();
        assert_eq!((steps, session.classes()), (2, &["dog", "bee"].map(String::from)[..]));
        assert_eq!((session.marks()[0], session.marks()[1]), (hand(0), Mark::Unsure));
        let bulk = |class| Mark::Class { class, source: LabelSource::Bulk };
        assert_eq!(session.marks()[2..], [bulk(0), bulk(1)]);
        assert!(session.take_labels("again", &names, &given).unwrap().is_none());
    }
}
