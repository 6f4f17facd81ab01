//! Reads Rust source as far as it takes to know which paths it names: comments, strings and
//! character literals are skipped, groups of a `use` are spelt out, `self` and `super` resolved.

/// An identifier, `::`, `..` or a single other character, with its line from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path as it stands in the source. Paths into this crate begin with `crate`, others with the name
/// they begin with there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPath {
    pub segments: Vec<String>,
    pub line: usize,
}

const KEYWORDS: [&str; 36] = [
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false", "fn",
    "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return",
    "static", "struct", "trait", "true", "type", "union", "unsafe", "use", "where", "while", "yield",
];

/// The tokens of `source`.
pub fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let (mut tokens, mut i, mut line) = (Vec::new(), 0, 1);
    while i < chars.len() {
        let start = i;
        let mut kept = None;
        match chars[i] {
            '/' if at(i + 1) == '/' => i = end_of_line(&chars, i),
            '/' if at(i + 1) == '*' => i = end_of_block_comment(&chars, i),
            '"' => i = end_of_string(&chars, i),
            '\'' if at(i + 1) == '\\' || (at(i + 2) == '\'' && at(i + 1) != '\'') => {
                i = end_of_character(&chars, i);
            }
            '\'' => i = end_of_word(&chars, i + 1),
            c if is_word(c) => {
                let raw_string = raw_string_start(&chars, i);
                if let Some((quote, hashes)) = raw_string {
                    i = end_of_raw_string(&chars, quote, hashes);
                } else {
                    if c == 'r' && at(i + 1) == '#' && is_word(at(i + 2)) {
                        i += 2;
                    }
                    let word = i;
                    i = end_of_word(&chars, i);
                    let prefix = matches!(chars[word..i], ['b' | 'c']) && at(i) == '"';
                    kept = (!prefix).then(|| chars[word..i].iter().collect());
                }
            }
            c @ (':' | '.') if at(i + 1) == c => {
                i += 2;
                kept = Some(format!("{c}{c}"));
            }
            c => {
                i += 1;
                kept = (!c.is_whitespace()).then(|| c.to_string());
            }
        }
        tokens.extend(kept.map(|text| Token { text, line }));
        line += chars[start..i.min(chars.len())].iter().filter(|&&c| c == '\n').count();
    }
    tokens
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn end_of_word(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|&i| !is_word(chars[i])).unwrap_or(chars.len())
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len())
}

fn end_of_block_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut i) = (0, from);
    while i < chars.len() {
        match chars[i..] {
            ['/', '*', ..] => (depth, i) = (depth + 1, i + 2),
            ['*', '/', ..] => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn end_of_string(chars: &[char], quote: usize) -> usize {
    let mut i = quote + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn end_of_character(chars: &[char], quote: usize) -> usize {
    let first = if chars[quote + 1] == '\\' { quote + 3 } else { quote + 2 };
    (first..chars.len()).find(|&i| chars[i] == '\'').map_or(chars.len(), |i| i + 1)
}

/// Place of the quote and number of hashes, if a raw string begins at `from`.
fn raw_string_start(chars: &[char], from: usize) -> Option<(usize, usize)> {
    let after = match chars[from..] {
        ['r', ..] => from + 1,
        ['b' | 'c', 'r', ..] => from + 2,
        _ => return None,
    };
    let hashes = chars[after..].iter().take_while(|&&c| c == '#').count();
    (chars.get(after + hashes) == Some(&'"')).then_some((after + hashes, hashes))
}

fn end_of_raw_string(chars: &[char], quote: usize, hashes: usize) -> usize {
    let closes = |i: usize| {
        chars[i] == '"' && chars[i + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    (quote + 1..chars.len()).find(|&i| closes(i)).map_or(chars.len(), |i| i + 1 + hashes)
}

/// The paths named in `tokens` of a file that is module `module` of the crate (`["unet", "plan"]`;
/// empty for its root). `library` is this crate's name to its own binary and tests.
pub fn paths(tokens: &[Token], module: &[&str], library: &str) -> Vec<NamedPath> {
    let mut walk = Walk { tokens, i: 0, found: Vec::new() };
    let mut modules: Vec<String> = module.iter().map(ToString::to_string).collect();
    let (mut depth, mut opened) = (0, Vec::new());
    while walk.i < tokens.len() {
        match (walk.text(0), walk.text(2)) {
            ("mod", "{") => {
                modules.push(walk.text(1).to_string());
                depth += 1;
                opened.push(depth);
                walk.i += 3;
            }
            ("{", _) => {
                depth += 1;
                walk.i += 1;
            }
            ("}", _) => {
                if opened.last() == Some(&depth) {
                    opened.pop();
                    modules.pop();
                }
                depth -= 1;
                walk.i += 1;
            }
            // A field or a method is no path.
            (".", _) => walk.i += 2,
            (text, _) if is_name(text) => {
                let known = walk.found.len();
                walk.path(Vec::new());
                for path in &mut walk.found[known..] {
                    resolve(&mut path.segments, &modules, library);
                }
            }
            _ => walk.i += 1,
        }
    }
    walk.found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c == '_' || c.is_alphabetic()) && !KEYWORDS.contains(&text)
}

struct Walk<'a> {
    tokens: &'a [Token],
    i: usize,
    found: Vec<NamedPath>,
}

impl Walk<'_> {
    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.i + ahead).map_or("", |token| &token.text)
    }

    /// Takes one path, or every path of a group, that goes on from `base`.
    fn path(&mut self, mut base: Vec<String>) {
        let line = self.tokens[self.i].line;
        loop {
            base.push(self.text(0).to_string());
            self.i += 1;
            if self.text(0) != "::" {
                break;
            }
            match self.text(1) {
                "{" => {
                    self.i += 2;
                    return self.group(&base);
                }
                next if next == "*" || is_name(next) => self.i += 1,
                _ => break,
            }
        }
        let renamed_root = self.text(0) == "as" && base.iter().all(|part| part == "crate" || part == "super");
        base.extend(renamed_root.then(|| "as".to_string()));
        self.found.push(NamedPath { segments: base, line });
    }

    fn group(&mut self, base: &[String]) {
        while self.i < self.tokens.len() && self.text(0) != "}" {
            if self.text(0) == "as" {
                self.i += 2;
            } else if self.text(0) == "*" || is_name(self.text(0)) {
                self.path(base.to_vec());
            } else {
                self.i += 1;
            }
        }
        self.i += 1;
    }
}

/// Makes a path into this crate begin with `crate`.
fn resolve(segments: &mut Vec<String>, modules: &[String], library: &str) {
    let mut from = match segments[0].as_str() {
        first if first == "crate" || first == library => Vec::new(),
        "self" | "super" if segments.len() > 1 || segments[0] == "super" => modules.to_vec(),
        _ => return,
    };
    let mut rest = segments.as_slice();
    if rest[0] != "super" {
        rest = &rest[1..];
    }
    while rest.first().is_some_and(|part| part == "super") {
        from.pop();
        rest = &rest[1..];
    }
    *segments = std::iter::once("crate".to_string()).chain(from).chain(rest.iter().cloned()).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(source: &str) -> Vec<String> {
        let of = |path: NamedPath| format!("{}:{}", path.line, path.segments.join("::"));
        paths(&tokens(source), &["unet", "plan"], "difscope")
            .into_iter()
            .map(of)
            .filter(|p| p.contains("::"))
            .collect()
    }

    #[test]
    fn groups_are_spelt_out() {
        let source =
            "use crate::{\n    error::{Error, Result as R},\n    grid::{self, Grid},\n    *,\n};\nuse a::b;";
        let want = [
            "2:crate::error::Error",
            "2:crate::error::Result",
            "3:crate::grid::self",
            "3:crate::grid::Grid",
            "4:crate::*",
            "6:a::b",
        ];
        assert_eq!(named(source), want);
    }

    #[test]
    fn self_and_super_follow_the_modules() {
        let source = "use super::config::X; use self::deep::Y; use super::super::grid;\n\
                      mod tests { use super::*; use super::super::*; fn f() { super::super::super::app::run() } }\n\
                      fn g() { super::blocks::h(); if x { super::k::<u8>() } }";
        let want = [
            "1:crate::unet::config::X",
            "1:crate::unet::plan::deep::Y",
            "1:crate::grid",
            "2:crate::unet::plan::*",
            "2:crate::unet::*",
            "2:crate::app::run",
            "3:crate::unet::blocks::h",
            "3:crate::unet::k",
        ];
        assert_eq!(named(source), want);
    }

    #[test]
    fn only_code_counts() {
        let source = "// crate::a::b\n/* crate::c /* crate::d */ crate::e */ \"crate::f \\\" crate::g\"\n\
                      r#\"crate::h \" crate::i\"# b\"crate::j\" br##\"\"# crate::k\"## '\"' '\\'' '\\u{1F600}'\n\
                      fn f<'a>(x: &'a str) { let y = 0..crate::l::M; x.n; crate::o::p::<u8>() } r#crate::q";
        assert_eq!(named(source), ["4:crate::l::M", "4:crate::o::p", "4:crate::q"]);
    }

    #[test]
    fn the_root_does_not_hide_behind_a_name() {
        assert_eq!(
            named("use crate as us; use crate::{self as me}; pub(crate) fn f() {}"),
            ["1:crate::as", "1:crate::self"]
        );
        assert_eq!(
            named("use difscope::app; use ::candle_core::Tensor;"),
            ["1:crate::app", "1:candle_core::Tensor"]
        );
    }
}
