//! `difscope data`: what is in a labelled data set, and how it can be split.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{DataArgs, Everywhere};
use super::output::{check_place, report, table};
use super::progress::Progress;
use super::{Failure, no_settings};
use crate::data::dataset::{DataSet, Fingerprint};
use crate::data::duplicates::Duplicates;
use crate::data::split::{How, Split, candidates};
use crate::error::Error;
use crate::figure::write::atomic;

/// Groups of near-duplicates that are listed for people; `--json` lists all.
const LISTED: usize = 20;

/// What `--json` tells.
#[derive(Serialize)]
struct Told {
    name: String,
    items: usize,
    classes: Vec<ClassTold>,
    unlabelled: usize,
    unreadable: Vec<Unreadable>,
    exact_duplicates: Vec<Vec<String>>,
    near_duplicates: Vec<Vec<String>>,
    split: Option<SplitTold>,
}

#[derive(Serialize)]
struct ClassTold {
    id: usize,
    name: String,
    count: usize,
    /// Pictures that the data set itself puts into parts.
    given: Option<[usize; 3]>,
}

#[derive(Serialize)]
struct Unreadable {
    path: PathBuf,
    why: String,
}

#[derive(Serialize)]
struct SplitTold {
    out: Option<PathBuf>,
    seed: u64,
    classes: Vec<SplitClass>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct SplitClass {
    name: String,
    train: usize,
    validation: usize,
    test: usize,
}

/// Reads a data set and tells what is in it. It writes nothing before it is done, so that Ctrl-C may
/// end it at once.
///
/// # Errors
/// When the data set cannot be used, or a split not be made or written.
pub fn run(args: &DataArgs, everywhere: &Everywhere) -> Result<(), Failure> {
    no_settings(everywhere, "data")?;
    if let Some(out) = &args.export_split {
        check_place(out, everywhere.force)?;
    }
    let (set, prints) = read(&args.data, everywhere)?;
    let duplicates = Duplicates::of(&prints);
    let split = split(args, everywhere, &set, &prints, &duplicates)?;
    if let (Some(out), Some(split)) = (&args.export_split, &split) {
        let text = split.to_csv()?;
        atomic(out, everywhere.force, |file| {
            file.write_all(text.as_bytes()).map_err(Error::io("write", out))
        })?;
    }
    let told = told(args, &set, &duplicates, split);
    report(everywhere.json, &told, || text(&told))
}

/// Opens a data set and reads every picture of it, on the threads that the flags give.
///
/// # Errors
/// When it cannot be used.
pub(super) fn read(data: &Path, everywhere: &Everywhere) -> Result<(DataSet, Vec<Fingerprint>), Failure> {
    let mut progress = Progress::new(everywhere.quiet);
    let threads = everywhere.engine().thread_count();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::Compute(format!("the system gives no {threads} threads: {error}")))?;
    let read = pool.install(|| {
        let mut set = DataSet::open(data, &|| false)?;
        let prints = set.fingerprints(&mut |done, total| {
            progress.update(|| format!("reading pictures: {done} of {total}"));
            true
        })?;
        Ok::<_, Error>((set, prints))
    })?;
    Ok(read)
}

/// The split that is asked for: by number, by share, from a table, or as the data set has it.
fn split(
    args: &DataArgs,
    everywhere: &Everywhere,
    set: &DataSet,
    prints: &[Fingerprint],
    duplicates: &Duplicates,
) -> Result<Option<Split>, Failure> {
    let pictures = candidates(set, prints, duplicates);
    if let Some(table) = &args.split {
        return Ok(Some(Split::read(table, &pictures)?));
    }
    let how = match (args.shots, args.fraction) {
        (Some(train), _) => {
            How::Shots { train, validation: args.validation.unwrap_or(0.0) as usize, test: args.test }
        }
        (None, Some(train)) => How::Fractions { train, validation: args.validation.unwrap_or(0.0) },
        (None, None) if args.export_split.is_some() => How::Given,
        (None, None) => return Ok(None),
    };
    if matches!(how, How::Shots { .. }) && args.validation.is_some_and(|count| count.fract() != 0.0) {
        return Err(Failure::usage("--validation: with --shots give a number of pictures per class"));
    }
    Ok(Some(Split::make(how, everywhere.seed.unwrap_or(0), &pictures)?))
}

fn told(args: &DataArgs, set: &DataSet, duplicates: &Duplicates, split: Option<Split>) -> Told {
    let names = |lists: &[Vec<usize>]| {
        let list = |list: &Vec<usize>| list.iter().map(|&at| set.items[at].name.clone()).collect();
        lists.iter().map(list).collect()
    };
    let classes = set.classes.iter().zip(set.counts()).enumerate().map(|(id, (name, count))| {
        let mut parts = [0; 3];
        for part in set.items.iter().filter(|item| item.class == Some(id)).filter_map(|item| item.given) {
            parts[part as usize] += 1;
        }
        let given = (parts != [0; 3]).then_some(parts);
        ClassTold { id, name: name.clone(), count, given }
    });
    let split = split.map(|split| SplitTold {
        out: args.export_split.clone(),
        seed: split.seed,
        classes: split
            .counts()
            .into_iter()
            .map(|(name, [train, validation, test])| SplitClass {
                name: name.into(),
                train,
                validation,
                test,
            })
            .collect(),
        notes: split.notes,
    });
    Told {
        name: set.name.clone(),
        items: set.items.len(),
        classes: classes.collect(),
        unlabelled: set.unlabelled(),
        unreadable: set
            .unreadable
            .iter()
            .map(|skipped| Unreadable { path: skipped.path.clone(), why: skipped.why.clone() })
            .collect(),
        exact_duplicates: names(&duplicates.exact),
        near_duplicates: names(&duplicates.near),
        split,
    }
}

fn text(told: &Told) -> String {
    let pictures = if told.items == 1 { "picture" } else { "pictures" };
    let mut text = format!("{}: {} {pictures}, {} classes\n\n", told.name, told.items, told.classes.len());
    let parts = told.classes.iter().any(|class| class.given.is_some());
    let mut head = vec!["id", "class", "pictures"];
    head.extend(parts.then_some(["train", "validation", "test"]).into_iter().flatten());
    let rows = told.classes.iter().map(|class| {
        let mut row = vec![class.id.to_string(), class.name.clone(), class.count.to_string()];
        if parts {
            row.extend(class.given.unwrap_or_default().map(|count| count.to_string()));
        }
        row
    });
    let head = head.into_iter().map(String::from).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    text += &table(&rows, &[1]);
    if told.unlabelled > 0 {
        text += &format!("\n{} without a class\n", told.unlabelled);
    }
    if !told.unreadable.is_empty() {
        text += &format!("\n{} unreadable\n", told.unreadable.len());
        for Unreadable { path, why } in &told.unreadable {
            text += &format!("  {}: {why}\n", path.display());
        }
    }
    let kinds = [
        ("the same picture", "no picture is there twice", &told.exact_duplicates),
        ("the same or nearly the same picture", "no near-duplicates", &told.near_duplicates),
    ];
    for (what, none, lists) in kinds {
        let members: usize = lists.iter().map(Vec::len).sum();
        text += &match lists.len() {
            0 => format!("\n{none}\n"),
            1 => format!("\n{what}: {members} pictures in 1 group\n"),
            count => format!("\n{what}: {members} pictures in {count} groups\n"),
        };
        for list in lists.iter().take(LISTED) {
            text += &format!("  {}\n", list.join(", "));
        }
        if lists.len() > LISTED {
            text += &format!("  and {} groups more, which --json lists\n", lists.len() - LISTED);
        }
    }
    if let Some(split) = &told.split {
        let place = split.out.as_ref().map_or(String::new(), |out| format!(" in {}", out.display()));
        text += &format!("\nsplit{place}, seed {}\n", split.seed);
        let head = ["class", "train", "validation", "test"].map(String::from).to_vec();
        let rows = split.classes.iter().map(|class| {
            let counts = [class.train, class.validation, class.test].map(|count| count.to_string());
            [&[class.name.clone()][..], &counts].concat()
        });
        text += &table(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), &[0]);
        for note in &split.notes {
            text += &format!("{note}\n");
        }
    }
    text
}
