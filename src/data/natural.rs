//! Natural order of names: `img2` before `img10`.

use std::cmp::Ordering;

/// Compares two names as people order them: runs of ASCII digits by their value, letters without
/// regard to case; names equal so far by their bytes. A total order.
pub fn natural_cmp(a: &str, b: &str) -> Ordering {
    Parts(a).cmp(Parts(b)).then_with(|| a.cmp(b))
}

/// A run of digits without its leading zeros, or one character in lower case.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// Length first, so that values of any size compare without being computed.
    Number(usize, &'a str),
    Letter(char),
}

struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let first = self.0.chars().next()?;
        if first.is_ascii_digit() {
            let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
            let (run, rest) = self.0.split_at(end);
            self.0 = rest;
            let value = run.trim_start_matches('0');
            return Some(Part::Number(value.len(), value));
        }
        self.0 = &self.0[first.len_utf8()..];
        Some(Part::Letter(first.to_lowercase().next().unwrap_or(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_order_by_value() {
        let mut names =
            ["img10.png", "b", "img2.png", "IMG1.png", "img02.png", "a", "img", "img99999999999999999999"];
        names.sort_by(|a, b| natural_cmp(a, b));
        assert_eq!(
            names,
            ["a", "b", "img", "IMG1.png", "img02.png", "img2.png", "img10.png", "img99999999999999999999"]
        );
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[aAbéİ019_. ]{0,6}", b in "[aAbéİ019_. ]{0,6}", c in "[aAbéİ019_. ]{0,6}") {
            prop_assert_eq!(natural_cmp(&a, &b), natural_cmp(&b, &a).reverse());
            prop_assert_eq!(natural_cmp(&a, &b) == Ordering::Equal, a == b);
            if natural_cmp(&a, &b) != Ordering::Greater && natural_cmp(&b, &c) != Ordering::Greater {
                prop_assert_ne!(natural_cmp(&a, &c), Ordering::Greater);
            }
        }
    }
}
