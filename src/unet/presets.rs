//! The networks that OpenAI published with guided-diffusion and improved-diffusion.
//!
//! Their flags are those of the two READMEs. Widths, levels and block counts can be read from a
//! checkpoint; head counts, attention order, schedule and preprocessing cannot, and come from here.

use super::config::{
    Card, Defaults, DiffeedDefaults, DifformerDefaults, NoiseSchedule, Preprocess, UnetConfig,
};

/// A published network.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name that `--preset` takes.
    pub name: &'static str,
    /// The name that people read.
    pub title: &'static str,
    /// File names of the published checkpoints.
    pub files: &'static [&'static str],
    /// Number of parameters.
    pub parameters: usize,
    flags: Flags,
    data: &'static str,
    training: &'static str,
    release: Release,
}

/// Where a network was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Release {
    Guided,
    Improved,
}

/// The flags of a published network that differ between them.
#[derive(Clone, Copy, Debug)]
struct Flags {
    image_size: usize,
    num_channels: usize,
    num_res_blocks: usize,
    channel_mult: &'static [f64],
    attention: &'static [usize],
    num_heads: usize,
    head_channels: i64,
    scale_shift: bool,
    updown: bool,
    new_order: bool,
    classes: Option<usize>,
    schedule: NoiseSchedule,
    steps: usize,
    rescale_timesteps: bool,
}

const LEVELS_64: &[f64] = &[1.0, 2.0, 3.0, 4.0];
const LEVELS_256: &[f64] = &[1.0, 1.0, 2.0, 2.0, 4.0, 4.0];
const IMAGENET: &str = "ImageNet ILSVRC 2012, about 1.28 million photographs";
const HYBRID: &str = "hybrid objective, cosine schedule of 4000 steps";

/// guided-diffusion at 256×256 without classes; the others of that release are variations.
const ADM_256: Flags = Flags {
    image_size: 256,
    num_channels: 256,
    num_res_blocks: 2,
    channel_mult: LEVELS_256,
    attention: &[32, 16, 8],
    num_heads: 4,
    head_channels: 64,
    scale_shift: true,
    updown: true,
    new_order: false,
    classes: None,
    schedule: NoiseSchedule::Linear,
    steps: 1000,
    rescale_timesteps: false,
};

/// improved-diffusion on ImageNet 64×64 without classes; the others of that release are variations.
const IDDPM_64: Flags = Flags {
    image_size: 64,
    num_channels: 128,
    num_res_blocks: 3,
    channel_mult: LEVELS_64,
    attention: &[16, 8],
    num_heads: 4,
    head_channels: -1,
    scale_shift: true,
    updown: false,
    new_order: false,
    classes: None,
    schedule: NoiseSchedule::Cosine,
    steps: 4000,
    rescale_timesteps: true,
};

const CIFAR_32: Flags = Flags { image_size: 32, channel_mult: &[1.0, 2.0, 2.0, 2.0], ..IDDPM_64 };

/// Among networks of equal shapes, the first is the one assumed when nothing else tells.
const PRESETS: &[Preset] = &[
    Preset {
        name: "adm256-uncond",
        title: "ADM ImageNet 256×256, unconditional",
        files: &["256x256_diffusion_uncond.pt"],
        parameters: 552_814_086,
        flags: ADM_256,
        data: IMAGENET,
        training: "without labels, linear schedule of 1000 steps, learned variance",
        release: Release::Guided,
    },
    Preset {
        name: "adm256-cond",
        title: "ADM ImageNet 256×256, class-conditional",
        files: &["256x256_diffusion.pt"],
        parameters: 553_838_086,
        flags: Flags { classes: Some(1000), ..ADM_256 },
        data: IMAGENET,
        training: "with class labels, linear schedule of 1000 steps, learned variance",
        release: Release::Guided,
    },
    Preset {
        name: "adm64-cond",
        title: "ADM ImageNet 64×64, class-conditional",
        files: &["64x64_diffusion.pt"],
        parameters: 295_904_454,
        flags: Flags {
            image_size: 64,
            num_channels: 192,
            num_res_blocks: 3,
            channel_mult: LEVELS_64,
            new_order: true,
            classes: Some(1000),
            schedule: NoiseSchedule::Cosine,
            ..ADM_256
        },
        data: IMAGENET,
        training: "with class labels, cosine schedule of 1000 steps, learned variance, dropout 0.1",
        release: Release::Guided,
    },
    Preset {
        name: "adm128-cond",
        title: "ADM ImageNet 128×128, class-conditional",
        files: &["128x128_diffusion.pt"],
        parameters: 421_529_606,
        flags: Flags {
            image_size: 128,
            channel_mult: &[1.0, 1.0, 2.0, 3.0, 4.0],
            head_channels: -1,
            classes: Some(1000),
            ..ADM_256
        },
        data: IMAGENET,
        training: "with class labels, linear schedule of 1000 steps, learned variance",
        release: Release::Guided,
    },
    Preset {
        name: "adm512-cond",
        title: "ADM ImageNet 512×512, class-conditional",
        files: &["512x512_diffusion.pt"],
        parameters: 558_997_638,
        flags: Flags {
            image_size: 512,
            channel_mult: &[0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0],
            classes: Some(1000),
            ..ADM_256
        },
        data: IMAGENET,
        training: "with class labels, linear schedule of 1000 steps, learned variance",
        release: Release::Guided,
    },
    Preset {
        name: "adm-lsun-bedroom",
        title: "ADM LSUN bedroom 256×256",
        files: &["lsun_bedroom.pt"],
        parameters: 552_814_086,
        flags: ADM_256,
        data: "LSUN bedroom",
        training: "without labels, linear schedule of 1000 steps, learned variance, dropout 0.1",
        release: Release::Guided,
    },
    Preset {
        name: "adm-lsun-cat",
        title: "ADM LSUN cat 256×256",
        files: &["lsun_cat.pt"],
        parameters: 552_814_086,
        flags: ADM_256,
        data: "LSUN cat",
        training: "without labels, linear schedule of 1000 steps, learned variance, dropout 0.1",
        release: Release::Guided,
    },
    Preset {
        name: "adm-lsun-horse",
        title: "ADM LSUN horse 256×256",
        files: &["lsun_horse.pt"],
        parameters: 552_814_086,
        flags: ADM_256,
        data: "LSUN horse",
        training: "without labels, linear schedule of 1000 steps, learned variance, dropout 0.1",
        release: Release::Guided,
    },
    Preset {
        name: "adm-lsun-horse-nodropout",
        title: "ADM LSUN horse 256×256, trained without dropout",
        files: &["lsun_horse_nodropout.pt"],
        parameters: 552_814_086,
        flags: ADM_256,
        data: "LSUN horse",
        training: "without labels, linear schedule of 1000 steps, learned variance, no dropout",
        release: Release::Guided,
    },
    Preset {
        name: "iddpm-imagenet64",
        title: "Improved DDPM ImageNet 64×64, unconditional",
        files: &["imagenet64_uncond_100M_1500K.pt"],
        parameters: 121_063_942,
        flags: IDDPM_64,
        data: IMAGENET,
        training: HYBRID,
        release: Release::Improved,
    },
    Preset {
        name: "iddpm-imagenet64-vlb",
        title: "Improved DDPM ImageNet 64×64, unconditional, L_vlb",
        files: &["imagenet64_uncond_vlb_100M_1500K.pt"],
        parameters: 121_063_942,
        flags: IDDPM_64,
        data: IMAGENET,
        training: "variational bound, cosine schedule of 4000 steps",
        release: Release::Improved,
    },
    Preset {
        name: "iddpm-imagenet64-cond",
        title: "Improved DDPM ImageNet 64×64, class-conditional, 270M",
        files: &["imagenet64_cond_270M_250K.pt"],
        parameters: 273_049_350,
        flags: Flags { num_channels: 192, classes: Some(1000), rescale_timesteps: false, ..IDDPM_64 },
        data: IMAGENET,
        training: "with class labels, hybrid objective, cosine schedule of 4000 steps",
        release: Release::Improved,
    },
    Preset {
        name: "iddpm-cifar10",
        title: "Improved DDPM CIFAR-10, unconditional",
        files: &["cifar10_uncond_50M_500K.pt"],
        parameters: 52_546_438,
        flags: CIFAR_32,
        data: "CIFAR-10, 50,000 training pictures",
        training: HYBRID,
        release: Release::Improved,
    },
    Preset {
        name: "iddpm-cifar10-vlb",
        title: "Improved DDPM CIFAR-10, unconditional, L_vlb",
        files: &["cifar10_uncond_vlb_50M_500K.pt"],
        parameters: 52_546_438,
        flags: CIFAR_32,
        data: "CIFAR-10, 50,000 training pictures",
        training: "variational bound, cosine schedule of 4000 steps",
        release: Release::Improved,
    },
    Preset {
        name: "iddpm-lsun-bedroom",
        title: "Improved DDPM LSUN bedroom 256×256",
        files: &["lsun_uncond_100M_2400K_bs64.pt", "lsun_uncond_100M_1200K_bs128.pt"],
        parameters: 113_676_678,
        flags: Flags {
            image_size: 256,
            num_res_blocks: 2,
            channel_mult: LEVELS_256,
            attention: &[16],
            num_heads: 1,
            scale_shift: false,
            schedule: NoiseSchedule::Linear,
            steps: 1000,
            rescale_timesteps: false,
            ..IDDPM_64
        },
        data: "LSUN bedroom",
        training: "hybrid objective, linear schedule of 1000 steps",
        release: Release::Improved,
    },
];

/// Every published network.
pub fn presets() -> &'static [Preset] {
    PRESETS
}

/// The preset called `name`, which may also be the file name of a published checkpoint, with or
/// without its ending.
pub fn by_name(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| {
        preset.name == name
            || preset.files.iter().any(|file| *file == name || file.strip_suffix(".pt") == Some(name))
    })
}

impl Preset {
    /// The configuration with its card.
    pub fn config(&self) -> UnetConfig {
        let flags = &self.flags;
        UnetConfig {
            image_size: flags.image_size,
            num_channels: flags.num_channels,
            num_res_blocks: flags.num_res_blocks,
            channel_mult: flags.channel_mult.to_vec(),
            attention_resolutions: flags.attention.to_vec(),
            num_heads: flags.num_heads,
            num_head_channels: flags.head_channels,
            use_scale_shift_norm: flags.scale_shift,
            resblock_updown: flags.updown,
            use_new_attention_order: flags.new_order,
            learn_sigma: true,
            num_classes: flags.classes,
            noise_schedule: flags.schedule,
            diffusion_steps: flags.steps,
            rescale_timesteps: flags.rescale_timesteps,
            preprocess: Preprocess::Adm,
            defaults: (self.name == "adm256-uncond").then(paper_defaults),
            card: Some(self.card()),
        }
    }

    fn card(&self) -> Card {
        let (licence, intended_use, source) = match self.release {
            Release::Guided => (
                "MIT (code and checkpoints as published; ImageNet and LSUN have terms of their own)",
                "research; by its model card not for commercial deployment",
                "https://github.com/openai/guided-diffusion",
            ),
            Release::Improved => (
                "MIT (code and checkpoints as published; the data sets have terms of their own)",
                "research; published without a model card",
                "https://github.com/openai/improved-diffusion",
            ),
        };
        Card {
            name: self.title.into(),
            data: self.data.into(),
            parameters: u64::try_from(self.parameters).ok(),
            training: self.training.into(),
            licence: licence.into(),
            intended_use: intended_use.into(),
            source: source.into(),
        }
    }
}

/// The steps and blocks of the paper, which studied the unconditional 256×256 network.
fn paper_defaults() -> Defaults {
    Defaults {
        timestep: 90,
        block: 24,
        difformer: Some(DifformerDefaults { timesteps: vec![90, 150, 300], blocks: vec![19, 24, 30] }),
        diffeed: Some(DiffeedDefaults { timestep: 150, block: 24, feedback: vec![21, 24, 27, 30, 33, 36] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::plan::Plan;

    #[test]
    fn every_preset_can_be_built_and_states_its_size() {
        for preset in presets() {
            let plan = Plan::new(&preset.config()).unwrap();
            let count: usize = plan.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum();
            assert_eq!(count, preset.parameters, "{}", preset.name);
            assert!(by_name(preset.name).is_some_and(|found| found.name == preset.name));
        }
    }

    #[test]
    fn published_file_names_lead_to_their_networks() {
        assert_eq!(by_name("lsun_cat.pt").unwrap().name, "adm-lsun-cat");
        assert_eq!(by_name("256x256_diffusion_uncond").unwrap().name, "adm256-uncond");
        assert!(by_name("64x64_classifier.pt").is_none());
    }

    #[test]
    fn schedules_are_the_published_ones() {
        let network = |name| by_name(name).unwrap().config();
        assert_eq!(network("adm64-cond").noise_schedule, NoiseSchedule::Cosine);
        assert!(network("adm64-cond").use_new_attention_order);
        assert_eq!(network("iddpm-imagenet64").network_timestep(4000), 1000.0);
        assert_eq!(network("iddpm-imagenet64-cond").network_timestep(2000), 2000.0);
        assert_eq!(network("iddpm-lsun-bedroom").diffusion_steps, 1000);
        assert_eq!(network("adm128-cond").heads(1024), 4);
        assert_eq!(network("adm512-cond").heads(1024), 16);
    }
}
