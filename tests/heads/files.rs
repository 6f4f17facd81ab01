//! Heads as files: what is saved comes back to the bit, and what is damaged is refused in words.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use difscope::heads::{
    Backbone, FeedbackArch, Head, HeadConfig, HeadInfo, HeadKind, ImportConfig, InstantHead, Maps,
    NetworkRef, NeuralHead, NormKind, Rows, SecondPass, collect, import, load, read_info, reads, save,
};
use difscope::tensor::rng::standard_normal;
use difscope::unet::config::Preprocess;
use difscope::unet::weights::NetworkHasher;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::{assert_close, backbone, case_config, network, noise, small_config};

/// Small settings of every kind.
fn config(kind: HeadKind, backbone: &Backbone) -> HeadConfig {
    HeadConfig {
        width: 16,
        heads: 2,
        pool: 2,
        hidden: vec![6],
        norm: if kind == HeadKind::DifFormer { NormKind::Batch } else { NormKind::Layer },
        feedback_arch: FeedbackArch::ConvNormReluConv,
        kept_rows: false,
        ..HeadConfig::published(kind, backbone).unwrap()
    }
}

fn head(kind: HeadKind, backbone: &Backbone) -> Head {
    let config = config(kind, backbone);
    if !kind.is_instant() {
        return Head::Neural(NeuralHead::new(&config, backbone, 3, 5, &Device::Cpu).unwrap());
    }
    let width = backbone.blocks[config.blocks[0] - 1].channels * 4;
    let rows = Rows::new(width, standard_normal(&[1; 32], 12 * width)).unwrap();
    let labels: Vec<usize> = (0..12).map(|row| row % 3).collect();
    Head::Instant(InstantHead::fit(&config, &rows, &labels, 3).unwrap())
}

fn info(head: &Head, backbone: &Backbone) -> HeadInfo {
    HeadInfo {
        format: 0,
        config: head.config().clone(),
        network: NetworkRef {
            name: backbone.name.clone(),
            hash: backbone.hash.clone(),
            path: Some("nets/small.safetensors".into()),
        },
        preprocess: Preprocess::Pad,
        seed: 3,
        draws: 2,
        classes: ["boot", "coat \"é\"", "bag"].map(String::from).to_vec(),
        hash: String::new(),
    }
}

struct Saved {
    _folder: tempfile::TempDir,
    path: PathBuf,
    backbone: Backbone,
}

impl Saved {
    fn new(kind: HeadKind) -> Saved {
        let backbone = backbone(&small_config());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("{kind}.safetensors"));
        let head = head(kind, &backbone);
        save(&path, &info(&head, &backbone), &head, &backbone, false).unwrap();
        Saved { _folder: folder, path, backbone }
    }

    fn load(&self) -> difscope::Result<(HeadInfo, Head)> {
        load(&self.path, &self.backbone, &Device::Cpu)
    }

    fn refused(&self, words: &str) {
        let message = self.load().err().expect(words).to_string();
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }

    /// Writes the file anew with other tensors and settings; the hash follows if it should.
    fn rewrite(&self, hashed: bool, change: impl Fn(&mut Tensors, &mut serde_json::Value)) {
        let (mut tensors, mut info) = read(&self.path);
        change(&mut tensors, &mut info);
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        if hashed {
            let mut hasher = NetworkHasher::new();
            for (name, shape, values) in &tensors {
                hasher.parameter(name, shape);
                hasher.values(values);
            }
            info["hash"] = hasher.finish().into();
        }
        let bytes: Vec<Vec<u8>> =
            tensors.iter().map(|(.., v)| v.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
        let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
            (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        let metadata = HashMap::from([("difscope_head".to_string(), info.to_string())]);
        fs::write(&self.path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
    }
}

type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

fn read(path: &Path) -> (Tensors, serde_json::Value) {
    let bytes = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let info = serde_json::from_str(&header.metadata().as_ref().unwrap()["difscope_head"]).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors().into_iter().map(|(name, tensor)| {
        let values = tensor.data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        (name, tensor.shape().to_vec(), values)
    });
    (tensors.collect(), info)
}

#[test]
fn every_kind_comes_back_to_the_bit() {
    for kind in HeadKind::ALL {
        let saved = Saved::new(kind);
        let before = fs::read(&saved.path).unwrap();
        let (read, head) = saved.load().unwrap();
        assert_eq!((read.seed, read.draws, read.format), (3, 2, 1));
        assert_eq!(read.classes[1], "coat \"é\"");
        assert_eq!(read, read_info(&saved.path).unwrap());
        assert_eq!((head.config().kind, head.classes()), (kind, 3));
        let again = save(&saved.path, &read, &head, &saved.backbone, false);
        assert!(matches!(again, Err(difscope::Error::Exists(_))));
        save(&saved.path, &read, &head, &saved.backbone, true).unwrap();
        assert!(before == fs::read(&saved.path).unwrap(), "{kind}");
    }
}

/// Not only the values: the logits of a saved head are its own.
#[test]
fn logits_survive() {
    let saved = Saved::new(HeadKind::DifFormer);
    let head = head(HeadKind::DifFormer, &saved.backbone);
    let mut maps = Maps::new();
    for read in reads(head.config(), &saved.backbone).unwrap() {
        let (c, p) = (saved.backbone.blocks[read.block - 1].channels, read.pool.unwrap());
        let values = standard_normal(&[read.block as u8; 32], c * p * p);
        maps.insert(
            read.timestep,
            read.block,
            &Tensor::from_vec(values, (1, c, p, p), &Device::Cpu).unwrap(),
        );
    }
    let (_, loaded) = saved.load().unwrap();
    assert_eq!(loaded.logits(&maps, None).unwrap(), head.logits(&maps, None).unwrap());
}

#[test]
fn another_network_is_named() {
    let mut saved = Saved::new(HeadKind::Linear);
    saved.backbone.hash = "b2".repeat(32);
    saved.backbone.name = "other".into();
    saved.refused("was trained on network small (a1a1a1a1a1a1, then at nets/small.safetensors)");
    saved.refused("this is other (b2b2b2b2b2b2); open that network with --model");
}

#[test]
fn damage_is_refused() {
    for kind in [HeadKind::Attention, HeadKind::DifFeed, HeadKind::Ridge, HeadKind::Knn] {
        let saved = Saved::new(kind);
        let whole = fs::read(&saved.path).unwrap();
        let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
        // A bit of every 97th value, and the file cut at several places.
        for at in (header..whole.len()).step_by(4 * 97) {
            let mut bytes = whole.clone();
            bytes[at + 1] ^= 0x10;
            fs::write(&saved.path, bytes).unwrap();
            saved.refused("damaged");
        }
        for length in [0, 7, 8, 100, header, whole.len() - 4] {
            fs::write(&saved.path, &whole[..length]).unwrap();
            assert!(saved.load().is_err(), "{kind} cut to {length}");
        }
        let mut bytes = whole.clone();
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        fs::write(&saved.path, bytes).unwrap();
        saved.refused("no head saved by difscope");
    }
}

#[test]
fn contradictions_are_refused() {
    let saved = Saved::new(HeadKind::Attention);
    let whole = fs::read(&saved.path).unwrap();
    let case = |change: &dyn Fn(&mut Tensors, &mut serde_json::Value), words: &str| {
        fs::write(&saved.path, &whole).unwrap();
        saved.rewrite(true, change);
        saved.refused(words);
    };
    let find = |tensors: &mut Tensors, name: &str| tensors.iter().position(|t| t.0 == name).unwrap();
    case(
        &|t, _| {
            let at = find(t, "test.logits");
            t[at].2[1] += 0.01;
        },
        "was saved (test.logits)",
    );
    case(
        &|t, _| {
            let at = find(t, "head.head.bias");
            t[at].2[1] += 0.01;
        },
        "train it again",
    );
    case(
        &|t, _| {
            let at = find(t, "head.head.bias");
            t[at].2[2] = f32::NAN;
        },
        "head.head.bias holds NaN",
    );
    case(
        &|t, _| {
            let at = find(t, "head.head.bias");
            t.remove(at);
        },
        "1 missing: head.head.bias",
    );
    case(&|t, _| t.push(("more".into(), vec![1], vec![0.0])), "1 unused: more");
    case(
        &|_, i| i["classes"] = serde_json::json!(["a", "b"]),
        "wrongly shaped: head.head.bias F32 [3] instead of F32 [2]",
    );
    case(&|_, i| i["classes"] = serde_json::json!(["a"]), "two classes");
    case(&|_, i| i["config"]["layers"] = 60.into(), "missing");
    case(&|_, i| i["config"]["width"] = 5_000_000.into(), "width 5000000");
    case(&|_, i| i["config"]["blocks"] = serde_json::json!([30]), "blocks are 1 to 19");
    case(&|_, i| i["format"] = 2.into(), "newer difscope");
    case(&|_, i| i["config"]["kind"] = "cnn".into(), "settings cannot be read");
    fs::write(&saved.path, &whole).unwrap();
    saved.rewrite(false, |t, _| {
        let at = find(t, "head.head.bias");
        t[at].2[1] += 0.01;
    });
    saved.refused("its values are not those that were saved");
    let knn = Saved::new(HeadKind::Knn);
    knn.rewrite(true, |t, _| {
        let at = find(t, "knn.labels");
        t[at].2[0] = 3.0;
    });
    knn.refused("no class of it");
    let network = Path::new("tests/golden/unet_small.safetensors");
    let message = read_info(network).unwrap_err().to_string();
    assert!(message.contains("no head saved by difscope"), "{message}");
}

/// PyTorch's file of a DifFeed head gives the logits that PyTorch computed.
#[test]
fn a_head_of_diffssl_comes_in() {
    let bytes = fs::read("tests/golden/head_diffeed_bothpasses.safetensors").unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = metadata.metadata().clone().unwrap();
    let golden = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    let network_config = small_config();
    let (backbone, unet) = (backbone(&network_config), network(&network_config, "s0"));
    let right = case_config(&metadata);
    // What the shapes tell need not be given.
    let given = ImportConfig {
        timesteps: right.timesteps.clone(),
        blocks: right.blocks.clone(),
        second: right.second.clone(),
        feedback: right.feedback.clone(),
        pool: Some(right.pool),
        heads: Some(right.heads),
        ..ImportConfig::new(HeadKind::DifFeed)
    };
    let path = Path::new("tests/golden/torch_head.pth");
    let imported = import(path, &given, &backbone, &Device::Cpu).unwrap();
    assert_eq!(imported.head.config(), &right);
    assert_eq!(imported.classes, ["class_0", "class_1", "class_2", "class_3", "class_4"]);
    let batches = noise(&network_config, &golden["x"], &golden["noise"], &right.timesteps);
    let needed = reads(&right, &backbone).unwrap();
    let maps = collect(&unet, &batches, None, &needed, &mut |_| Ok(())).unwrap();
    let logits = imported.head.forward(&maps, Some(&SecondPass::new(&unet, &batches))).unwrap();
    assert_close("logits", &logits, &golden["logits_eval"]);

    let assumed = |config: ImportConfig| -> String {
        import(path, &config, &backbone, &Device::Cpu).unwrap().assumed.join("; ")
    };
    let text = assumed(ImportConfig { heads: None, pool: None, ..given.clone() });
    assert!(text.contains("8 attention heads") && text.contains("16×16"), "{text}");
    assert!(!assumed(given.clone()).contains("attention heads"));

    let refused = |config: ImportConfig, words: &str| {
        let message = import(path, &config, &backbone, &Device::Cpu).err().expect(words).to_string();
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    };
    refused(ImportConfig { second: vec![10], blocks: vec![], ..given.clone() }, "trained on blocks [12]");
    refused(ImportConfig { feedback: vec![13], ..given.clone() }, "has 2 feedback layers, and 1 was given");
    refused(ImportConfig { timesteps: vec![90, 300], ..given.clone() }, "reads 1 timestep, and 2 were");
    refused(ImportConfig { width: Some(128), ..given.clone() }, "its width is 64, and 128 was given");
    refused(ImportConfig { layers: Some(1), ..given.clone() }, "its number of layers is 2");
    let names = Some(["a", "b"].map(String::from).to_vec());
    refused(ImportConfig { classes: names, ..given.clone() }, "5 classes apart and 2 names");
    let plainly = |kind| ImportConfig { kind, second: vec![], feedback: vec![], ..given.clone() };
    refused(plainly(HeadKind::Linear), "no linear layers");
    refused(plainly(HeadKind::Attention), "has 2 feedback layers: it is a diffeed head");
    refused(plainly(HeadKind::Ridge), "diffssl has no ridge");
    for (file, words) in [
        ("tests/golden/torch_small.pt", "holds no model_head"),
        ("tests/golden/unet_small.safetensors", "holds no transformer"),
        ("tests/golden", "is a folder"),
    ] {
        let message = import(Path::new(file), &given, &backbone, &Device::Cpu).err().unwrap().to_string();
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

/// Linear heads have no names of blocks: the length of a row tells the pool, and what cannot be.
#[test]
fn a_linear_head_of_diffssl_comes_in_under_every_name() {
    let backbone = backbone(&small_config());
    let folder = tempfile::tempdir().unwrap();
    let widths = [(backbone.blocks[9].channels + backbone.blocks[11].channels) * 2 * 9, 6, 3];
    let tensors = |prefix: &str| -> Tensors {
        let layer = |index: usize| {
            let (inputs, outputs) = (widths[index], widths[index + 1]);
            let values = |count| standard_normal(&[index as u8; 32], count);
            let name = |what: &str| format!("{prefix}fcs.{index}.{what}");
            [
                (name("weight"), vec![outputs, inputs], values(outputs * inputs)),
                (name("bias"), vec![outputs], values(outputs)),
            ]
        };
        (0..2).flat_map(layer).collect()
    };
    let given = ImportConfig {
        timesteps: vec![150, 90],
        blocks: vec![12, 10],
        ..ImportConfig::new(HeadKind::Linear)
    };
    let path = folder.path().join("head.safetensors");
    let mut seen = Vec::new();
    for prefix in ["model_head.", "model_head.module.", "head.", ""] {
        write(&path, &tensors(prefix));
        let imported = import(&path, &given, &backbone, &Device::Cpu).unwrap();
        let config = imported.head.config();
        assert_eq!((config.kind, config.pool, &config.hidden[..]), (HeadKind::Mlp, 3, &[6][..]));
        assert_eq!((&config.timesteps[..], &config.blocks[..]), (&[150, 90][..], &[12, 10][..]));
        let assumed = imported.assumed.join("; ");
        assert!(assumed.contains("timesteps 150, 90 in this order"), "{assumed}");
        assert!(assumed.contains("blocks 12, 10 in this order") && assumed.contains("mlp"), "{assumed}");
        seen.push(imported.head.parameters().values("head.fcs.0.weight").unwrap());
    }
    assert!(seen.iter().all(|values| *values == tensors("")[0].2));
    let refused = |config: ImportConfig, words: &str| {
        let message = import(&path, &config, &backbone, &Device::Cpu).err().expect(words).to_string();
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    };
    refused(ImportConfig { timesteps: vec![150], ..given.clone() }, "fits no p×p");
    refused(ImportConfig { blocks: vec![], ..given.clone() }, "give blocks and timesteps");
    refused(ImportConfig { blocks: vec![12, 30], ..given.clone() }, "no block 30");
    refused(ImportConfig { pool: Some(2), ..given.clone() }, "its pool is 3, and 2 was given");
    let mut more = tensors("");
    more.push(("fcs.1.scale".into(), vec![1], vec![1.0]));
    write(&path, &more);
    refused(given.clone(), "1 unused: head.fcs.1.scale");
    more.truncate(3);
    write(&path, &more);
    refused(given.clone(), "head.fcs.1.bias is missing");
    more[1].2[0] = f32::NAN;
    more.push(tensors("").pop().unwrap());
    write(&path, &more);
    refused(given, "head.fcs.0.bias holds NaN");
}

/// Writes tensors without metadata.
fn write(path: &Path, tensors: &Tensors) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(.., v)| v.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}
