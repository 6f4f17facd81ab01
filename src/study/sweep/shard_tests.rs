use tempfile::TempDir;

use super::*;

fn part(share: &str, settings: SweepConfig) -> SweepPart {
    let note = Note {
        program: "difscope".into(),
        network: "abc".into(),
        precision: "f32".into(),
        data: "birds".into(),
        pictures: "def".into(),
        settings,
    };
    let share = share.parse().unwrap();
    SweepPart { note, share, pictures: 3, forwards: Forwards::default(), seconds: 1.0 }
}

fn written(parts: &[SweepPart]) -> (TempDir, Vec<PathBuf>) {
    let folder = TempDir::new().unwrap();
    let folders = parts.iter().enumerate().map(|(at, part)| {
        let folder = folder.path().join(format!("part-{at}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(PART), serde_json::to_vec(part).unwrap()).unwrap();
        folder
    });
    let folders = folders.collect();
    (folder, folders)
}

#[test]
fn shares_are_written_as_i_of_n() {
    assert_eq!("2/3".parse::<Share>().unwrap(), Share { number: 2, of: 3 });
    for wrong in ["0/3", "4/3", "1", "a/b", "1/0"] {
        assert!(wrong.parse::<Share>().unwrap_err().contains("i/n"), "{wrong}");
    }
}

#[test]
fn parts_that_do_not_belong_together_are_told_apart() {
    let plain = SweepConfig::default;
    let read = |parts: &[SweepPart]| {
        let (_folder, folders) = written(parts);
        SweepParts::read(&folders)
    };
    let why = |parts: &[SweepPart]| read(parts).unwrap_err().to_string();
    let all = ["3/3", "1/3", "2/3"].map(|share| part(share, plain()));
    assert_eq!(read(&all).unwrap().note, all[0].note);
    // A budget changes no feature.
    let mut other = all.clone();
    other[1].note.settings.budget = Some(5.0);
    assert!(read(&other).is_ok());
    assert!(why(&all[..1]).contains("1/3, 2/3 are missing"), "{}", why(&all[..1]));
    assert!(why(&all[..2]).contains("2/3 is missing"));
    let mut other = all.clone();
    other[2].note.settings.pools = vec![2];
    assert!(
        why(&other).contains("part-2") && why(&other).contains("pools ([2], not [1])"),
        "{}",
        why(&other)
    );
    let mut other = all.clone();
    other[1].note.network = "xyz".into();
    assert!(why(&other).contains("another network (xyz, not abc)"));
    other[1] = part("2/3", plain());
    assert!(why(&other).contains("is part 2/3 as"));
    other[1] = part("1/4", plain());
    assert!(why(&other).contains("the same number of shards"));
    let (folder, mut folders) = written(&all);
    folders.push(folder.path().to_path_buf());
    assert!(SweepParts::read(&folders).unwrap_err().to_string().contains("no sweep-part.json"));
    assert!(SweepParts::read(&[]).is_err());
}
