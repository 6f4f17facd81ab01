//! Heads of diffssl, brought in by `convert --head`.

use std::io::Write;

use super::*;

/// The pickle of `tensors` in two dictionaries, as torch.save writes it, with one storage for each.
fn pickle(dictionaries: &[(&str, &ToWrite)]) -> Vec<u8> {
    fn text(out: &mut Vec<u8>, text: &str) {
        out.push(b'X');
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
    }
    fn int(out: &mut Vec<u8>, number: usize) {
        out.push(b'J');
        out.extend((number as u32).to_le_bytes());
    }
    fn tuple(out: &mut Vec<u8>, numbers: &[usize]) {
        out.push(b'(');
        numbers.iter().for_each(|&number| int(out, number));
        out.push(b't');
    }
    let mut out = vec![0x80, 2, b'}'];
    let mut storage = 0;
    for (key, tensors) in dictionaries {
        text(&mut out, key);
        out.push(b'}');
        for (name, shape, values) in *tensors {
            text(&mut out, name);
            out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n(");
            out.push(b'(');
            text(&mut out, "storage");
            out.extend(b"ctorch\nFloatStorage\n");
            text(&mut out, &storage.to_string());
            text(&mut out, "cpu");
            int(&mut out, values.len());
            out.extend(b"tQ");
            int(&mut out, 0);
            tuple(&mut out, shape);
            let strides: Vec<usize> = (1..=shape.len()).map(|at| shape[at..].iter().product()).collect();
            tuple(&mut out, &strides);
            // No gradients, no hooks.
            out.extend([0x89, b'N', b't', b'R', b's']);
            storage += 1;
        }
        out.push(b's');
    }
    out.push(b'.');
    out
}

/// Writes a `.pth` as finetune.py of diffssl does.
fn write_pth(path: &Path, head: &ToWrite, feedback: &ToWrite) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut entry = |name: String, bytes: &[u8]| {
        zip.start_file(format!("latest/{name}"), stored).unwrap();
        zip.write_all(bytes).unwrap();
    };
    entry("data.pkl".into(), &pickle(&[("model_head", head), ("model_feedback", feedback)]));
    for (index, (.., values)) in head.iter().chain(feedback).enumerate() {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        entry(format!("data/{index}"), &bytes);
    }
    zip.finish().unwrap();
}

/// A head trained here, as diffssl would have saved it: the tensors of both dictionaries.
fn trained(folder: &TempDir, head: &str, more: &[&str]) -> (ToWrite, ToWrite) {
    let out = format!("{head}.safetensors");
    let train = ["train", "bundled:fashion", "--head", head, "--shots", "1", "--test", "1", "--epochs", "1"];
    run(folder, &[&train[..], &["--out", &out], more].concat()).good();
    let tensors = read_tensors(&folder.path().join(out));
    let under = |prefix: &str| -> ToWrite {
        let mut named: ToWrite = tensors
            .iter()
            .filter_map(|(name, (shape, values))| {
                Some((name.strip_prefix(prefix)?.to_owned(), shape.clone(), values.clone()))
            })
            .collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named
    };
    (under("head."), under("feedback_layers."))
}

/// What the bundled pictures are said to be: p_ of every class, and the class's name.
fn answers(folder: &TempDir, head: &str) -> Vec<(String, serde_json::Value)> {
    let inputs = ["bundled:fashion/test#1", "bundled:fashion/test#2", "bundled:fashion/test#3"];
    let told = run(folder, &[&["predict", head, "--json"][..], &inputs].concat()).good().json();
    let answer = |said: &serde_json::Value| {
        (said["label"].as_str().unwrap().to_owned(), said["probabilities"].clone())
    };
    told.as_array().unwrap().iter().map(answer).collect()
}

#[test]
fn a_head_comes_back_from_its_pth_and_answers_as_before() {
    let folder = TempDir::new().unwrap();
    let classes = "shirt\ntrousers\npullover\ndress\ncoat\nsandal\ntop\nsneaker\nbag\nboot\n";
    std::fs::write(folder.path().join("names.txt"), classes).unwrap();
    let narrow = ["--set", "head.width=32", "--set", "train.batch=10"];
    for (head, flags, more) in [
        ("linear", &["--t", "50", "--blocks", "12", "--pool", "2"][..], &[][..]),
        ("mlp", &["--t", "50", "--blocks", "12"], &[]),
        ("difformer", &["--t", "10,50,150", "--blocks", "10,12,15"], &[]),
        ("diffeed", &["--t", "50", "--second", "12", "--feedback", "11,12,14,16,18", "--pool", "4"], &narrow),
    ] {
        let (parameters, feedback) = trained(&folder, head, more);
        write_pth(&folder.path().join("latest.pth"), &parameters, &feedback);
        let convert = ["convert", "latest.pth", "came.safetensors", "--head", head];
        let ended = run(&folder, &[&convert[..], flags, &["--classes", "names.txt"]].concat()).good();
        assert!(ended.out.contains(head) && ended.out.contains("10 classes"), "{}", ended.out);
        for word in ["assumed: it was trained on fashion32", "by pad", "seed 0"] {
            assert!(ended.err.contains(word), "{word} is not in: {}", ended.err);
        }
        assert_eq!(ended.err.contains("8 attention heads"), head.starts_with("dif"), "{}", ended.err);
        let (before, after) =
            (answers(&folder, &format!("{head}.safetensors")), answers(&folder, "came.safetensors"));
        for ((_, before), (label, after)) in before.iter().zip(&after) {
            assert_eq!(before, after, "{head}");
            assert!(classes.lines().any(|class| class == label), "{label}");
        }
        // The same tensors as safetensors, with the keys of the dictionaries before the names.
        let keyed = |key: &str, tensors: &ToWrite| -> ToWrite {
            tensors
                .iter()
                .map(|(name, shape, v)| (format!("{key}.{name}"), shape.clone(), v.clone()))
                .collect()
        };
        let all = [keyed("model_head", &parameters), keyed("model_feedback", &feedback)].concat();
        write_tensors(&folder.path().join("flat.safetensors"), &all, HashMap::new());
        let convert =
            ["convert", "flat.safetensors", "again.safetensors", "--head", head, "--json", "--quiet"];
        let ended = run(&folder, &[&convert[..], flags].concat()).good();
        let told = ended.json();
        assert_eq!((ended.err.as_str(), &told["classes"][9]), ("", &"class_9".into()));
        assert_eq!((&told["head"]["kind"], &told["network"]["name"]), (&head.into(), &"fashion32".into()));
        assert!(told["assumed"].as_array().unwrap().iter().any(|text| text.to_string().contains("class_0")));
        assert_eq!(
            read_tensors(&folder.path().join("came.safetensors")),
            read_tensors(&folder.path().join("again.safetensors")),
            "{head}"
        );
        run(&folder, &[&convert[..], flags].concat()).refused(1, &["again.safetensors", "--force"]);
        for name in ["came.safetensors", "again.safetensors"] {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}

#[test]
fn a_head_that_does_not_fit_what_was_given_is_refused() {
    let folder = TempDir::new().unwrap();
    let (head, none) = trained(&folder, "attention", &["--set", "head.width=32"]);
    let path = folder.path().join("latest.pth");
    write_pth(&path, &head, &none);
    let with = |more: &[&str]| {
        run(&folder, &[&["convert", "latest.pth", "out.safetensors", "--head"], more].concat())
    };
    let right = ["attention", "--t", "50", "--blocks", "12"];
    let right_and = |more: &[&str]| with(&[&right[..], more].concat());
    // Lists that are missing: wrong arguments.
    with(&["attention", "--t", "50"]).refused(2, &["--blocks", "does not say"]);
    with(&["attention", "--blocks", "12"]).refused(2, &["--t", "does not say"]);
    with(&["diffeed", "--t", "50"]).refused(2, &["--second, --feedback"]);
    assert_eq!(run(&folder, &["convert", "latest.pth", "out.safetensors", "--t", "50"]).code, 2);
    assert_eq!(right_and(&["--half"]).code, 2);
    run(&folder, &["convert", "latest.pth", "out.safetensors", "--set", "heads=4"]).refused(2, &["--set"]);
    // Lists that are wrong.
    with(&["attention", "--t", "50", "--blocks", "13"]).refused(1, &["latest.pth", "trained on blocks [12]"]);
    with(&["difformer", "--t", "10,50", "--blocks", "12"])
        .refused(1, &["reads 1 timestep, and 2 were given"]);
    with(&["attention", "--t", "5000", "--blocks", "12"]).refused(1, &["timestep 5000"]);
    with(&["linear", "--t", "50", "--blocks", "12"]).refused(1, &["no linear layers"]);
    with(&["ridge", "--t", "50", "--blocks", "12"]).refused(1, &["no ridge head"]);
    right_and(&["--pool", "8"]).refused(1, &["block 12 are 4×4", "pool of 8", "check pool"]);
    right_and(&["--set", "width=64"]).refused(1, &["width is 32"]);
    right_and(&["--set", "heads=5"]).refused(1, &["32 does not divide into 5"]);
    // Classes.
    for (names, words) in
        [("a\nb\n", "2 names"), ("a\n\nb", "line 2 names no class"), ("a\na", "line 2 names a")]
    {
        std::fs::write(folder.path().join("names.txt"), names).unwrap();
        right_and(&["--classes", "names.txt"]).refused(1, &[words]);
    }
    right_and(&["--classes", "absent.txt"]).refused(1, &["absent.txt"]);
    // Another network: its blocks have other channels.
    write_network(&folder, "unet_small.safetensors");
    let other = ["attention", "--t", "50", "--blocks", "12", "--model", "model.safetensors"];
    with(&other).refused(1, &["head.pre_layer.12", "model", "check network"]);
    // Keys that are missing, and more than there should be.
    let without: ToWrite = head.iter().filter(|(name, ..)| name != "head.bias").cloned().collect();
    write_pth(&path, &without, &none);
    right_and(&[]).refused(1, &["head.head.bias is missing"]);
    let more = [&head[..], &[("head.scale".into(), vec![1], vec![1.0])]].concat();
    write_pth(&path, &more, &none);
    right_and(&[]).refused(1, &["1 unused: head.head.scale"]);
    write_pth(&path, &head, &vec![("0.0.weight".into(), vec![2, 2, 1, 1], vec![0.0; 4])]);
    right_and(&[]).refused(1, &["1 feedback layer", "diffeed"]);
    // Files that are something else.
    for (input, word) in [
        ("attention.safetensors", "saved by difscope already"),
        ("attention.json", "attention.json"),
        ("absent.pth", "absent.pth"),
        (".", "folder"),
        ("model.safetensors", "no transformer"),
    ] {
        run(&folder, &[&["convert", input, "out.safetensors", "--head"], &right[..]].concat())
            .refused(1, &[word]);
    }
    let torch = golden("torch_small.pt");
    run(&folder, &[&["convert", torch.to_str().unwrap(), "out.safetensors", "--head"], &right[..]].concat())
        .refused(1, &["model_head", "latest.pth"]);
    assert!(!folder.path().join("out.safetensors").exists());
}
