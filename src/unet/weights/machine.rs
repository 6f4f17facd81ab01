//! The instructions of a pickle, protocols 2 to 5, building values and calling nothing.

use std::collections::HashMap;

use super::pickle::{Id, Value};

/// The stack machine of the format. Every opcode pushes at most one value, and lists grow only by
/// what is popped, so all of it together is no larger than a few times the pickle.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at which a mark was set.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
}

type Step<T> = Result<T, String>;

/// Runs the instructions in `bytes`; returns all values and the index of the last one left.
///
/// # Errors
/// In words, when they are damaged or not among those that checkpoints use.
pub(super) fn run(bytes: &[u8]) -> Step<(Vec<Value>, Id)> {
    let (stack, marks, memo) = (Vec::new(), Vec::new(), HashMap::new());
    let mut machine = Machine { bytes, at: 0, values: Vec::new(), stack, marks, memo };
    let root = machine.run()?;
    Ok((machine.values, root))
}

impl Machine<'_> {
    fn run(&mut self) -> Step<Id> {
        loop {
            let at = self.at;
            match self.byte()? {
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                b'N' | 0x88 | 0x89 => self.push(Value::Opaque),
                b'G' => {
                    self.take(8)?;
                    self.push(Value::Opaque);
                }
                b'K' => self.int(1)?,
                b'M' => self.int(2)?,
                b'J' => {
                    let number = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(number.into()));
                }
                0x8a => self.long(1)?,
                0x8b => self.long(4)?,
                b'X' => self.text(4)?,
                0x8c => self.text(1)?,
                0x8d => self.text(8)?,
                b'T' => self.text(4)?,
                b'U' => self.text(1)?,
                b'B' => self.skip_bytes(4)?,
                b'C' => self.skip_bytes(1)?,
                0x8e | 0x96 => self.skip_bytes(8)?,
                b')' => self.push(Value::Tuple(Vec::new())),
                b't' => {
                    let items = self.pop_mark()?;
                    self.push(Value::Tuple(items));
                }
                0x85 => self.tuple(1)?,
                0x86 => self.tuple(2)?,
                0x87 => self.tuple(3)?,
                b']' => self.push(Value::List(Vec::new())),
                b'l' => {
                    let items = self.pop_mark()?;
                    self.push(Value::List(items));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(vec![item])?;
                }
                b'e' => {
                    let items = self.pop_mark()?;
                    self.extend(items)?;
                }
                b'}' => self.push(Value::Dict(Vec::new())),
                b'd' => {
                    let items = self.pop_mark()?;
                    self.push(Value::Dict(Vec::new()));
                    self.set(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(vec![key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?;
                    self.set(items)?;
                }
                0x8f => self.push(Value::Opaque),
                0x90 => drop(self.pop_mark()?),
                0x91 => {
                    self.pop_mark()?;
                    self.push(Value::Opaque);
                }
                b'c' => {
                    let module = self.line()?;
                    let name = self.line()?;
                    self.push(Value::Global(module, name));
                }
                0x93 => self.stack_global()?,
                b'R' | 0x81 => self.call()?,
                // The state of an object is of no interest; that of an OrderedDict is its metadata.
                b'b' => drop(self.pop()?),
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Value::Persistent(id));
                }
                b'q' => {
                    let place = self.number(1)?;
                    self.remember(place)?;
                }
                b'r' => {
                    let place = self.number(4)?;
                    self.remember(place)?;
                }
                0x94 => self.remember(self.memo.len())?,
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                code => {
                    return Err(format!(
                        "instruction {code:#04x} at byte {at} is not one that checkpoints use"
                    ));
                }
            }
        }
    }

    fn take(&mut self, count: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| format!("it ends early, at byte {}", self.bytes.len()))?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Step<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// An unsigned little-endian number of `width` ≤ 8 bytes.
    fn number(&mut self, width: usize) -> Step<usize> {
        let mut padded = [0u8; 8];
        padded[..width].copy_from_slice(self.take(width)?);
        usize::try_from(u64::from_le_bytes(padded)).map_err(|_| "a length in it is impossible".into())
    }

    fn int(&mut self, width: usize) -> Step<()> {
        let number = self.number(width)? as i64;
        self.push(Value::Int(number));
        Ok(())
    }

    /// A signed number of any width; what does not fit 64 bits describes no shape.
    fn long(&mut self, width: usize) -> Step<()> {
        let count = self.number(width)?;
        let bytes = self.take(count)?;
        let value = if bytes.len() <= 8 {
            let sign = bytes.last().is_some_and(|b| b & 0x80 != 0);
            let mut padded = [if sign { 0xff } else { 0 }; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(padded))
        } else {
            Value::Opaque
        };
        self.push(value);
        Ok(())
    }

    fn text(&mut self, width: usize) -> Step<()> {
        let count = self.number(width)?;
        let text = String::from_utf8_lossy(self.take(count)?).into_owned();
        self.push(Value::Text(text));
        Ok(())
    }

    fn skip_bytes(&mut self, width: usize) -> Step<()> {
        let count = self.number(width)?;
        self.take(count)?;
        self.push(Value::Opaque);
        Ok(())
    }

    fn line(&mut self) -> Step<String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == b'\n').ok_or("a name in it does not end")?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(line)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// Pops one value; those below the last mark are out of reach.
    fn pop(&mut self) -> Step<Id> {
        if self.marks.last().is_some_and(|&mark| self.stack.len() <= mark) {
            return Err("its stack runs out".into());
        }
        self.stack.pop().ok_or_else(|| "its stack runs out".into())
    }

    fn top(&self) -> Step<Id> {
        self.stack.last().copied().ok_or_else(|| "its stack runs out".into())
    }

    fn pop_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or("a mark is missing in it")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn tuple(&mut self, count: usize) -> Step<()> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn extend(&mut self, mut items: Vec<Id>) -> Step<()> {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::List(list) => list.append(&mut items),
            // An object of a class derived from list.
            Value::Call(..) | Value::Opaque => {}
            _ => return Err("it appends to what is no list".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<Id>) -> Step<()> {
        let top = self.top()?;
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a key in it has no value".into());
        }
        match &mut self.values[top] {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            Value::Call(..) | Value::Opaque => {}
            _ => return Err("it sets keys on what is no dictionary".into()),
        }
        Ok(())
    }

    fn stack_global(&mut self) -> Step<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        match (&self.values[module], &self.values[name]) {
            (Value::Text(module), Value::Text(name)) => {
                let value = Value::Global(module.clone(), name.clone());
                self.push(value);
                Ok(())
            }
            _ => Err("a class in it has no name".into()),
        }
    }

    fn call(&mut self) -> Step<()> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let ordered = matches!(&self.values[callable],
            Value::Global(module, name) if module == "collections" && name == "OrderedDict");
        self.push(if ordered { Value::Dict(Vec::new()) } else { Value::Call(callable, arguments) });
        Ok(())
    }

    fn remember(&mut self, place: usize) -> Step<()> {
        let top = self.top()?;
        self.memo.insert(place, top);
        Ok(())
    }

    fn recall(&mut self, width: usize) -> Step<()> {
        let place = self.number(width)?;
        let id = *self.memo.get(&place).ok_or("it recalls what it never stored")?;
        self.stack.push(id);
        Ok(())
    }
}
