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
PRAGMA application_id = 1684629107;
PRAGMA user_version = 2;
INSERT INTO image VALUES (1, x'1111111111111111111111111111111111111111111111111111111111111111', 'a.png', 0);
INSERT INTO image VALUES (2, x'2222222222222222222222222222222222222222222222222222222222222222', 'b.png', 1);
INSERT INTO class VALUES (1, 'cat', 16744448, 1, NULL);
INSERT INTO class VALUES (2, 'kitten', 255, 0, 1);
INSERT INTO label VALUES (1, 1, 'accepted', 1700000000000);
INSERT INTO change VALUES (1, 'accept one', 1700000000000, 0,
    '{"labels":[{"image":1,"before":null,"after":{"class":1,"source":"accepted","made":1700000000000}}],"classes":null}');
INSERT INTO split VALUES ('halves', 1700000000000, '{"how":{"fractions":{"train":0.5,"validation":0.0}},"seed":3,"items":[],"notes":[]}');
INSERT INTO run VALUES (1, 'first', '', '{}', 'done', '{"accuracy":0.5}', '[]', 1700000000000, 'h.safetensors');
INSERT INTO sweep_cell VALUES (1, 24, 90, 1, 'ridge', 0, 'network', 0.5, 0.25, 0.75, 12);
INSERT INTO prediction VALUES (1, 2, 1, 0.9, x'0000803f0000003f');
INSERT INTO state VALUES ('layout', '7');
INSERT INTO labelling VALUES (1, 'bundled:photos', 1700000000001, '{"all":[{"name":"cat","colour":[0,114,178],"key":"1","removed":false,"merged_into":null},{"name":"dog","colour":[1,2,3],"key":"d","removed":false,"merged_into":null}],"order":[1,0]}',
    '{"order":"check","class":null,"seed":3,"target":0.9,"features":{"timesteps":[50],"blocks":[12,14],"pool":2,"draws":1,"seed":0},"window":{"zoom":2}}');
INSERT INTO marked VALUES (1, 1, x'1111111111111111111111111111111111111111111111111111111111111111', 'a.png', '{"class":{"class":1,"source":"accepted"}}', 1700000000002, NULL);
INSERT INTO marked VALUES (2, 1, x'2222222222222222222222222222222222222222222222222222222222222222', 'b.png', '"unsure"', 1700000000003, '{"class":0}');
INSERT INTO marked VALUES (3, 1, x'3333333333333333333333333333333333333333333333333333333333333333', 'c.png', '"blank"', 1700000000004, '"nothing"');
INSERT INTO marking VALUES (1, 1, 'new class dog', 1700000000002, 0,
    '{"steps":[],"classes":[{"all":[{"name":"cat","colour":[0,114,178],"key":"1","removed":false,"merged_into":null}],"order":[0]},{"all":[{"name":"cat","colour":[0,114,178],"key":"1","removed":false,"merged_into":null},{"name":"dog","colour":[1,2,3],"key":"d","removed":false,"merged_into":null}],"order":[1,0]}]}');
INSERT INTO marking VALUES (2, 1, 'label two', 1700000000003, 0,
    '{"steps":[{"picture":1,"before":"blank","after":{"class":{"class":1,"source":"accepted"}}},{"picture":2,"before":"outside","after":"unsure"}],"classes":null}');
INSERT INTO marking VALUES (3, 1, 'label c', 1700000000004, 1,
    '{"steps":[{"picture":3,"before":"blank","after":"outside"}],"classes":null}');
