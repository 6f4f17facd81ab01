//! The tables, version by version.

use rusqlite::Connection;

use super::fault::Fault;

/// Marks a SQLite file as a project: "difs" in ASCII.
const APPLICATION: i32 = 0x6469_6673;

/// What makes each version from the one before; the first starts from nothing. A step that was ever
/// released is never changed: files of that version are everywhere.
pub(super) const STEPS: [&str; 2] = [FIRST, LABELLING];

const FIRST: &str = "
    CREATE TABLE image (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL CHECK (length(digest) = 32),
        place TEXT NOT NULL UNIQUE,
        missing INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX image_digest ON image (digest);
    CREATE TABLE class (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        colour INTEGER NOT NULL,
        included INTEGER NOT NULL,
        merged_into INTEGER
    ) STRICT;
    CREATE TABLE label (
        image INTEGER PRIMARY KEY REFERENCES image (id),
        class INTEGER NOT NULL REFERENCES class (id),
        source TEXT NOT NULL,
        made INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE change (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        what TEXT NOT NULL,
        made INTEGER NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE split (
        name TEXT PRIMARY KEY,
        created INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        notes TEXT NOT NULL,
        config TEXT NOT NULL,
        status TEXT NOT NULL,
        metrics TEXT NOT NULL,
        curves TEXT NOT NULL,
        created INTEGER NOT NULL,
        head TEXT
    ) STRICT;
    CREATE TABLE sweep_cell (
        run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        block INTEGER NOT NULL,
        timestep INTEGER NOT NULL,
        pool INTEGER NOT NULL,
        score TEXT NOT NULL,
        shots INTEGER NOT NULL,
        features TEXT NOT NULL,
        accuracy REAL NOT NULL,
        ci_low REAL NOT NULL,
        ci_high REAL NOT NULL,
        n INTEGER NOT NULL,
        PRIMARY KEY (run, features, score, shots, pool, timestep, block)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE prediction (
        run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        image INTEGER NOT NULL REFERENCES image (id),
        class INTEGER NOT NULL,
        confidence REAL NOT NULL,
        scores BLOB NOT NULL,
        PRIMARY KEY (run, image)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE state (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;
";

/// Labelling of data sets: pictures that were ever marked, and everything that was done.
const LABELLING: &str = "
    CREATE TABLE labelling (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        data TEXT NOT NULL UNIQUE,
        created INTEGER NOT NULL,
        classes TEXT NOT NULL,
        settings TEXT NOT NULL
    ) STRICT;
    CREATE TABLE marked (
        id INTEGER PRIMARY KEY,
        labelling INTEGER NOT NULL REFERENCES labelling (id) ON DELETE CASCADE,
        digest BLOB NOT NULL CHECK (length(digest) = 32),
        place TEXT NOT NULL,
        mark TEXT NOT NULL,
        made INTEGER NOT NULL,
        answer TEXT,
        UNIQUE (labelling, digest, place)
    ) STRICT;
    CREATE TABLE marking (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        labelling INTEGER NOT NULL REFERENCES labelling (id) ON DELETE CASCADE,
        what TEXT NOT NULL,
        made INTEGER NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX marking_of ON marking (labelling, undone, id);
";

fn version(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn is_empty(connection: &Connection) -> Result<bool, Fault> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0 && version(connection)? == 0)
}

/// Refuses what is no project, damaged, or of a version not known here.
pub(super) fn check(connection: &Connection) -> Result<(), Fault> {
    if is_empty(connection)? {
        return Ok(());
    }
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION {
        return Err(Fault::said("a SQLite file of another program, not a project"));
    }
    let (found, known) = (version(connection)?, STEPS.len() as i64);
    if found > known {
        return Err(Fault::said(format!(
            "made by a newer difscope (file version {found}, this one knows up to {known}); open it with that \
             one, or update this one"
        )));
    }
    let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        let why = format!("the file is damaged ({verdict}); go on with a copy of it from before");
        return Err(Fault::said(why));
    }
    Ok(())
}

/// Refuses a version that would have to be brought up to date first.
pub(super) fn check_current(connection: &Connection) -> Result<(), Fault> {
    if version(connection)? == STEPS.len() as i64 {
        return Ok(());
    }
    Err(Fault::said("empty, or of an older version; open it once to work on it, which brings it up to date"))
}

/// Takes the file through the `steps` that it has not seen; to be done within a transaction.
pub(super) fn migrate(connection: &Connection, steps: &[&str]) -> Result<(), Fault> {
    let from = usize::try_from(version(connection)?).unwrap_or(usize::MAX);
    let Some(steps_left) = steps.get(from..).filter(|left| !left.is_empty()) else { return Ok(()) };
    for step in steps_left {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", steps.len() as i64)?;
    Ok(())
}
