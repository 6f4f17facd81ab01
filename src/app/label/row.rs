//! The pictures shown, in an order that does not move under the hand.

use std::collections::HashMap;

/// Pictures in a row, one of which is in hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pictures: Vec<usize>,
    at: usize,
    /// So many from the start have been on screen: they stay where they are.
    seen: usize,
}

impl Row {
    /// The pictures in order.
    pub fn pictures(&self) -> &[usize] {
        &self.pictures
    }

    /// The place of the picture in hand.
    pub fn place(&self) -> usize {
        self.at
    }

    /// The picture in hand.
    pub fn current(&self) -> Option<usize> {
        self.pictures.get(self.at).copied()
    }

    /// Pictures from the one in hand on, that one first.
    pub fn ahead(&self) -> &[usize] {
        self.pictures.get(self.at..).unwrap_or(&[])
    }

    /// Takes `fresh` instead of everything; the picture in hand stays in hand where it is among them.
    pub fn renew(&mut self, fresh: Vec<usize>) {
        let held = self.current();
        self.at = held.and_then(|held| fresh.iter().position(|&picture| picture == held)).unwrap_or(0);
        self.pictures = fresh;
        self.seen = 0;
    }

    /// Takes `fresh` for what has not been on screen yet, but for the picture in hand and those right behind
    /// it: `fixed` in all.
    pub fn follow(&mut self, fresh: &[usize], fixed: usize) {
        self.pictures.truncate(self.seen.max(self.at + fixed));
        let held: HashMap<usize, ()> = self.pictures.iter().map(|&picture| (picture, ())).collect();
        self.pictures.extend(fresh.iter().filter(|picture| !held.contains_key(picture)));
    }

    /// The first `count` are on screen now, or were.
    pub fn seen(&mut self, count: usize) {
        self.seen = self.seen.max(count.min(self.pictures.len()));
    }

    /// What was on screen may move again, but for the picture in hand.
    pub fn forget_seen(&mut self) {
        self.seen = 0;
    }

    /// Goes by steps, as far as there are pictures.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.pictures.len().saturating_sub(1));
    }

    /// Goes to a place.
    pub fn go_to(&mut self, place: usize) {
        self.at = place.min(self.pictures.len().saturating_sub(1));
    }

    /// Goes to a picture; false where it is not among those shown.
    pub fn find(&mut self, picture: usize) -> bool {
        let found = self.pictures.iter().position(|&other| other == picture);
        self.at = found.unwrap_or(self.at);
        found.is_some()
    }

    /// Goes on to the next picture that is `open`, from the start again where there is none behind; false
    /// where there is none at all.
    pub fn go_on(&mut self, open: impl Fn(usize) -> bool) -> bool {
        let count = self.pictures.len();
        let places = (self.at + 1..count).chain(0..self.at.min(count));
        let next = places.into_iter().find(|&place| open(self.pictures[place]));
        self.at = next.unwrap_or(self.at);
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_on_screen_stays_where_it_is() {
        let mut row = Row::default();
        row.renew(vec![5, 3, 8, 1, 9]);
        row.seen(2);
        row.follow(&[9, 8, 5, 3, 1], 1);
        assert_eq!(row.pictures(), [5, 3, 9, 8, 1]);
        assert!(row.go_on(|picture| picture != 3));
        assert_eq!((row.place(), row.current()), (2, Some(9)));
        // The one in hand stays too.
        row.follow(&[1, 8], 1);
        assert_eq!(row.pictures(), [5, 3, 9, 1, 8]);
        row.follow(&[8, 1, 2], 2);
        assert_eq!(row.pictures(), [5, 3, 9, 1, 8, 2]);
        row.renew(vec![1, 9]);
        assert_eq!(row.current(), Some(9));
    }

    #[test]
    fn going_on_starts_over_and_ends() {
        let mut row = Row::default();
        assert!(!row.go_on(|_| true));
        row.renew(vec![4, 6, 2]);
        row.go_to(9);
        assert_eq!(row.current(), Some(2));
        assert!(row.go_on(|picture| picture == 6));
        assert_eq!(row.current(), Some(6));
        assert!(!row.go_on(|_| false));
        assert_eq!(row.current(), Some(6));
    }

    proptest! {
        #[test]
        fn following_loses_and_doubles_nothing(
            fresh in Just((0..30usize).collect::<Vec<_>>()).prop_shuffle(),
            seen in 0usize..40,
            at in 0usize..40,
        ) {
            let mut row = Row::default();
            row.renew((0..30).collect());
            row.seen(seen);
            row.go_to(at);
            let before = row.clone();
            row.follow(&fresh, 2);
            let mut sorted = row.pictures().to_vec();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..30).collect::<Vec<_>>());
            let fixed = seen.min(30).max((at.min(29) + 2).min(30));
            prop_assert_eq!(&row.pictures()[..fixed], &before.pictures()[..fixed]);
            prop_assert_eq!(row.current(), before.current());
        }
    }
}
