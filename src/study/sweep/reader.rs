//! Features being read, slab after slab: of the network, of the same with random weights, and of pixels.

use std::time::Instant;

use super::gather::{Forwards, Gather, Maker, Noise};
use super::plan::Plan;
use super::slab::{Slab, SlabKey};
use super::work::Stores;
use crate::error::Result;
use crate::features::Network;
use crate::features::control::random_weights;
use crate::features::store::Origin;
use crate::study::labelled::Labelled;
use crate::study::table::Features;

/// Reads features.
pub(super) struct Reader {
    gather: Option<Gather>,
    random: Option<(Network, Option<Origin>)>,
    origin: Option<Origin>,
    /// Forwards made and not made.
    pub forwards: Forwards,
    /// Seconds of those made.
    pub seconds: f64,
}

impl Reader {
    /// Of a network.
    pub fn new(network: &Network) -> Reader {
        Reader {
            gather: None,
            random: None,
            origin: Origin::of(network),
            forwards: Forwards::default(),
            seconds: 0.0,
        }
    }

    /// Takes up `gather`.
    pub fn begin(&mut self, gather: Gather) {
        self.gather = Some(gather);
    }

    /// What is being read, with pictures done and all.
    pub fn reading(&self) -> Option<(SlabKey, (usize, usize))> {
        self.gather.as_ref().map(|gather| (gather.key, gather.progress()))
    }

    /// The next few pictures; what was gathered when all are done.
    ///
    /// # Errors
    /// What `watch` returns, after which the same pictures come again; a picture that cannot be read any
    /// more, or a failing device.
    pub fn step(
        &mut self,
        noise: Noise,
        sources: (&Labelled, &Plan),
        network: &Network,
        stores: &mut Stores<'_>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Option<(SlabKey, Slab)>> {
        let Some(mut gather) = self.gather.take() else { return Ok(None) };
        let is_random = gather.key.features == Features::RandomWeights;
        if is_random && self.random.is_none() {
            let random = random_weights(network, noise.seed)?;
            let origin = Origin::of_control(&random);
            self.random = Some((random, origin));
        }
        let maker = match (gather.key.features, &self.random) {
            (Features::RandomWeights, Some((random, origin))) => Maker::Network(random, origin),
            (Features::RawPixels, _) => Maker::Pixels(network),
            _ => Maker::Network(network, &self.origin),
        };
        let (started, before) = (Instant::now(), self.forwards.computed);
        let came =
            gather.step((maker, noise), sources, &mut stores.of(is_random), &mut self.forwards, &|| watch());
        if self.forwards.computed > before {
            self.seconds += started.elapsed().as_secs_f64();
        }
        match came {
            Ok(true) => Ok(Some((gather.key, gather.finish()))),
            other => {
                self.gather = Some(gather);
                other.map(|_| None)
            }
        }
    }
}
