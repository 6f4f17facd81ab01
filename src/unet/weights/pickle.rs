//! A pickle read as data: nothing that it names is ever looked up or run.
//!
//! Values live in one list and refer to each other by index. So a value that is used many times is
//! never copied, cycles and deep nesting cost nothing, and memory is bounded by the pickle's length.

use super::machine;

/// Index of a value in [`Pickle`].
pub(super) type Id = usize;

/// A value that a pickle describes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// Also `OrderedDict`.
    Dict(Vec<(Id, Id)>),
    /// A class or function, by module and name.
    Global(String, String),
    /// A call that was not made: the callable and its arguments.
    Call(Id, Id),
    /// Data outside the pickle, by its identifier.
    Persistent(Id),
    /// Anything that describes no parameters: None, booleans, floats, bytes, sets.
    Opaque,
}

/// The values of a pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Reads a pickle of protocol 2 to 5.
    ///
    /// # Errors
    /// In words, when it is damaged or uses what no checkpoint uses.
    pub(super) fn parse(bytes: &[u8]) -> Result<Pickle, String> {
        let (values, root) = machine::run(bytes)?;
        Ok(Pickle { values, root })
    }

    /// The value that the pickle stands for.
    pub(super) fn root(&self) -> &Value {
        self.value(self.root)
    }

    /// The value at `id`.
    pub(super) fn value(&self, id: Id) -> &Value {
        self.values.get(id).unwrap_or(&Value::Opaque)
    }

    /// The text at `id`.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The natural number at `id`.
    pub(super) fn natural(&self, id: Id) -> Option<usize> {
        match self.value(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The elements of the tuple or list at `id`.
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The pairs of the dictionary at `id`.
    pub(super) fn dict(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.value(id) {
            Value::Dict(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// Module and name of the class or function at `id`.
    pub(super) fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.value(id) {
            Value::Global(module, name) => Some((module, name)),
            _ => None,
        }
    }

    /// The index of the root.
    pub(super) fn root_id(&self) -> Id {
        self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_tuples_and_the_memo() {
        // {"a": (1, -2), "b": the same tuple}, protocol 2.
        let pickle = Pickle::parse(
            b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01J\xfe\xff\xff\xff\x86q\x01X\x01\x00\x00\x00bh\x01u.",
        )
        .unwrap();
        let Value::Dict(pairs) = pickle.root() else { panic!("{pickle:?}") };
        assert_eq!((pairs.len(), pickle.text(pairs[1].0)), (2, Some("b")));
        assert_eq!(pairs[0].1, pairs[1].1);
        let items = pickle.items(pairs[0].1).unwrap();
        assert_eq!((pickle.value(items[0]), pickle.value(items[1])), (&Value::Int(1), &Value::Int(-2)));
    }

    #[test]
    fn nothing_is_called() {
        let pickle = Pickle::parse(b"cos\nsystem\n(X\x04\x00\x00\x00echotR.").unwrap();
        let Value::Call(callable, _) = pickle.root() else { panic!("{pickle:?}") };
        assert_eq!(pickle.global(*callable), Some(("os", "system")));
    }

    #[test]
    fn a_pickle_that_doubles_itself_costs_nothing() {
        // Sixty levels of (x, x): 2^60 values if they were copied.
        let mut bytes = b"\x80\x02)".to_vec();
        bytes.extend(b"2\x86".repeat(60));
        bytes.push(b'.');
        assert!(Pickle::parse(&bytes).is_ok());
        // A million levels deep: a recursive drop would overflow the stack.
        let mut deep = b")".to_vec();
        deep.extend(b"\x85".repeat(1_000_000));
        deep.push(b'.');
        drop(Pickle::parse(&deep).unwrap());
    }

    #[test]
    fn damage_is_an_error() {
        for bytes in [
            &b""[..],
            b"X\xff\xff\xff\xffa",
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa",
            b"0.",
            b"(0.",
            b"t.",
            b"h\x05.",
            b"cos",
            b"}K\x01a.",
            b"](K\x01u.",
            b"\x8a\x09123456789",
            b"\xfe",
        ] {
            assert!(Pickle::parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
