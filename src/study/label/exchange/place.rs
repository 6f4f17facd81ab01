//! Places of pictures as other programs want them: relative, normal, as addresses.

use std::path::{Component, Path, PathBuf};

/// Whether a picture has no file of its own: it is one of many in a file, or comes with the program.
pub(super) fn is_packed(place: &str) -> bool {
    let numbered = place
        .rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    is_bundled(place) || (numbered && !Path::new(place).exists())
}

/// Whether it comes with the program.
pub(super) fn is_bundled(place: &str) -> bool {
    place.starts_with("bundled:")
}

/// `path` from the root of the disk, without `..`: what these mean is asked of the disk, where they are any.
pub(super) fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if !path.components().any(|part| part == Component::ParentDir) {
        return path;
    }
    let whole = path.canonicalize();
    let beside = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    whole.ok().or_else(beside).unwrap_or_else(|| normal(&path))
}

/// The folder that `file` is written into, from the root of the disk.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    real(file).parent().unwrap_or(Path::new("")).to_path_buf()
}

/// `place` as a table in `folder` has it: relative with `/` where it lies below, else as it is.
pub(super) fn within(place: &str, folder: &Path) -> String {
    if is_bundled(place) {
        return place.to_owned();
    }
    let real_place = real(Path::new(place));
    let below = |folder: &Path| real_place.strip_prefix(folder).ok().map(slashes);
    // A folder may have two names, one of them through a link.
    let found = below(folder).or_else(|| folder.canonicalize().ok().and_then(|real| below(&real)));
    match found.filter(|found| !found.is_empty()) {
        Some(found) if is_bundled(&found) => format!("./{found}"),
        Some(found) => found,
        None => place.to_owned(),
    }
}

/// A path with `/` between its parts.
pub(super) fn slashes(path: &Path) -> String {
    let root = if path.has_root() { "/" } else { "" };
    let parts = path.components().filter_map(|part| match part {
        Component::RootDir | Component::CurDir => None,
        part => Some(part.as_os_str().to_string_lossy()),
    });
    root.to_owned() + &parts.collect::<Vec<_>>().join("/")
}

/// Where a table in `folder` says that a picture is.
pub(super) fn resolve(text: &str, folder: &Path) -> String {
    if is_bundled(text) {
        return text.to_owned();
    }
    let path = folder.join(text);
    let path = std::path::absolute(&path).unwrap_or(path);
    normal(&path).to_string_lossy().into_owned()
}

/// `path` without `.` and `..`, as far as these can be told from the text.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            part => normal.push(part),
        }
    }
    normal
}

/// The deepest folder that all `places` lie in.
pub(super) fn common<'a>(places: impl Iterator<Item = &'a str>) -> Option<PathBuf> {
    let folders = places.map(|place| folder_of(Path::new(place)));
    folders.reduce(|common, folder| {
        let same = common.components().zip(folder.components()).take_while(|(a, b)| a == b);
        same.map(|(part, _)| part).collect()
    })
}

/// `text` as part of an address: all but letters, digits, `-._~` and `/` as `%` and two digits.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

/// What [`encode`] wrote; what is no UTF-8 then stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_below_the_folder_only() {
        let folder = Path::new("/birds/a");
        assert_eq!(within("/birds/a/cat/1.png", folder), "cat/1.png");
        assert_eq!(within("/birds/ab/1.png", folder), "/birds/ab/1.png");
        assert_eq!(within("bundled:fashion#1", folder), "bundled:fashion#1");
        assert_eq!(within("/birds/a/bundled:x.png", folder), "./bundled:x.png");
        for place in ["/birds/a/cat/1.png", "/x/1.png", "/birds/a/bundled:x.png", "/birds/a/ b\n.png"] {
            assert_eq!(resolve(&within(place, folder), folder), place);
        }
        assert_eq!(resolve("../b/./1.png", folder), "/birds/b/1.png");
        assert_eq!(resolve("../../../../b.png", folder), "/b.png");
    }

    #[test]
    fn folders_in_common_and_addresses() {
        let common_of = |places: &[&str]| common(places.iter().copied());
        assert_eq!(common_of(&["/a/b/1.png", "/a/bc/2.png"]), Some("/a".into()));
        assert_eq!(common_of(&["/a/b/1.png"]), Some("/a/b".into()));
        assert_eq!(common_of(&["/a/1.png", "/b/1.png"]), Some("/".into()));
        assert_eq!(common_of(&[]), None);
        assert_eq!(encode("a b/ü&1%.png"), "a%20b/%C3%BC%261%25.png");
        for text in ["a b/ü&1%.png", "100%", "%zz", ""] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode("%FF"), "%FF");
    }
}
