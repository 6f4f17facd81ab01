use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

fn images(count: u32, rows: u32, cols: u32, data: &[u8]) -> Vec<u8> {
    let sizes = [count, rows, cols].map(u32::to_be_bytes).concat();
    [&[0, 0, 8, 3], sizes.as_slice(), data].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn plain_and_gzip_read_the_same() {
    let plain = images(2, 2, 3, &[0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]);
    for bytes in [plain.clone(), gzip(&plain)] {
        let idx = IdxImages::from_bytes(&bytes, "x").unwrap();
        assert_eq!((idx.count, idx.rows, idx.cols), (2, 2, 3));
        assert_eq!(idx.pixels(1), Some(&[10, 11, 12, 13, 14, 15][..]));
        assert_eq!(idx.pixels(2), None);
        let picture = idx.picture(0, "p", Origin::Pasted).unwrap();
        assert_eq!((picture.width, picture.height), (3, 2));
        assert_eq!(&picture.rgb[3..6], [1, 1, 1]);
        assert!(picture.notes.contains(&Note::GreyRepeated));
        assert!(idx.picture(2, "p", Origin::Pasted).is_err());
        let header = Header::Images { count: 2, rows: 2, cols: 3 };
        assert_eq!(peek_bytes(&bytes, "x").unwrap(), Some(header));
    }
    let labels = [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];
    assert_eq!(labels_from_bytes(&labels, "l").unwrap(), [7, 8, 9]);
    assert_eq!(labels_from_bytes(&gzip(&labels), "l").unwrap(), [7, 8, 9]);
}

#[test]
fn broken_files_are_told_apart() {
    let why = |bytes: &[u8]| IdxImages::from_bytes(bytes, "x").unwrap_err().to_string();
    let whole = images(2, 2, 3, &[9; 12]);
    assert!(why(&[]).contains("not an IDX file"));
    assert!(why(b"hello world").contains("not an IDX file"));
    assert!(why(&whole[..10]).contains("cut short"));
    assert!(why(&whole[..20]).contains("cut short: 2 pictures of 3×2 take 12 bytes, 4 are there"));
    assert!(why(&[&whole[..], &[1]].concat()).contains("longer"));
    assert!(why(&images(1, 0, 3, &[])).contains("impossible"));
    assert!(why(&images(u32::MAX, u32::MAX, u32::MAX, &[])).contains("impossible"));
    assert!(why(&images(1, 40_000, 40_000, &[])).contains("impossible"));
    let packed = gzip(&whole);
    assert!(why(&packed[..packed.len() / 2]).contains("cut short"));
    assert!(why(&[0, 0, 8, 1, 0, 0, 0, 0]).contains("labels"));
    assert!(labels_from_bytes(&whole, "x").unwrap_err().to_string().contains("pictures, not labels"));
    assert!(peek_bytes(&whole[..20], "x").is_err());
    assert_eq!(peek_bytes(b"hello", "x").unwrap(), None);
}

#[test]
fn labels_are_found_beside_their_images() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("train-images-idx3-ubyte.gz");
    assert_eq!(labels_beside(&images), None);
    let labels = folder.path().join("train-labels-idx1-ubyte");
    std::fs::write(&labels, [0]).unwrap();
    assert_eq!(labels_beside(&images), Some(labels));
    assert_eq!(labels_beside(&folder.path().join("pictures")), None);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), magic in 0u8..3) {
        let bytes = match magic {
            0 => bytes,
            1 => [&[0, 0, 8, 3], bytes.as_slice()].concat(),
            _ => [&[0x1F, 0x8B, 8], bytes.as_slice()].concat(),
        };
        let _ = IdxImages::from_bytes(&bytes, "x");
        let _ = labels_from_bytes(&bytes, "x");
        let _ = peek_bytes(&bytes, "x");
    }
}
