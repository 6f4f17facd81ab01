//! What similarities say, in words.

use super::{Compared, Similarity};

impl Compared {
    /// Where block `block` stands in the U: `enc 3`, `mid` or `dec 0`.
    pub fn place(&self, block: usize) -> String {
        let encoder = self.count.saturating_sub(1) / 2;
        match block.saturating_sub(1) {
            index if index < encoder => format!("enc {index}"),
            index if index == encoder => "mid".into(),
            index => format!("dec {}", index - encoder - 1),
        }
    }

    /// The block across the U from `block`, where it has one: a decoder block and the encoder block whose maps
    /// it is handed.
    pub fn mirror_of(&self, block: usize) -> Option<usize> {
        let mirror = (self.count + 1).checked_sub(block)?;
        (mirror != block && mirror >= 1).then_some(mirror)
    }
}

impl Similarity {
    /// Whether blocks form an X at place `at` of [`Similarity::over_blocks`], as where decoder blocks resemble
    /// the encoder blocks across the U; none where blocks were not compared.
    pub fn sentence(&self, at: usize) -> Option<String> {
        let (timestep, _) = self.over_blocks.get(at)?;
        let Some(Some([mirror, others])) = self.mirrored().get(at).copied() else {
            return Some(
                "Whether the blocks form an X shows with two encoder blocks or more and the decoder blocks across \
                 the U from them."
                    .into(),
            );
        };
        let hands = "each of which is handed maps of its encoder block";
        Some(match mirror > others {
            true => format!(
                "At t {timestep} the blocks form an X: encoder blocks are more like the decoder blocks across the U \
                 ({mirror:.2} on average), {hands}, than like the others ({others:.2})."
            ),
            false => format!(
                "At t {timestep} no X shows: encoder blocks are no more like the decoder blocks across the U \
                 ({mirror:.2} on average), {hands}, than like the others ({others:.2})."
            ),
        })
    }

    /// How alike the same blocks of the two networks are on average, at place `at` of
    /// [`Similarity::over_networks`]; none where they have no block number in common, or another count.
    pub fn same_blocks(&self, at: usize) -> Option<f64> {
        let other = self.other.as_ref().filter(|other| other.count == self.network.count)?;
        let (_, matrix) = self.over_networks.get(at)?;
        let place = |block: &usize| other.blocks.binary_search(block).ok();
        let pairs = self.network.blocks.iter().enumerate();
        let values: Vec<f64> = pairs.filter_map(|(row, block)| matrix.at(row, place(block)?)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::extract::Blocks;
    use crate::study::measures::cka::CkaMatrix;
    use crate::study::similarity::SimilarityConfig;

    fn found(blocks: &[usize], value: impl Fn(usize, usize) -> f64) -> Similarity {
        let pairs = blocks.iter().flat_map(|&a| blocks.iter().map(move |&b| (a, b)));
        let values = pairs.map(|(a, b)| Some(value(a, b))).collect();
        let matrix = CkaMatrix { rows: blocks.len(), columns: blocks.len(), values };
        let compared = Compared { network: "n".into(), hash: "h".into(), count: 7, blocks: blocks.to_vec() };
        Similarity {
            data: "d".into(),
            config: SimilarityConfig { blocks: Blocks::List(blocks.to_vec()), ..SimilarityConfig::at(90) },
            other: Some(compared.clone()),
            network: compared,
            pictures: 8,
            batches: 1,
            over_blocks: vec![(90, matrix.clone())],
            over_timesteps: Vec::new(),
            over_networks: vec![(90, matrix)],
            notes: Vec::new(),
        }
    }

    #[test]
    fn places_are_those_of_the_u() {
        let compared = found(&[1], |_, _| 1.0).network;
        let places: Vec<String> = (1..=7).map(|block| compared.place(block)).collect();
        assert_eq!(places, ["enc 0", "enc 1", "enc 2", "mid", "dec 0", "dec 1", "dec 2"]);
        let mirrors: Vec<Option<usize>> = (1..=7).map(|block| compared.mirror_of(block)).collect();
        assert_eq!(mirrors, [Some(7), Some(6), Some(5), None, Some(3), Some(2), Some(1)]);
    }

    #[test]
    fn an_x_is_told_with_its_numbers() {
        let all: Vec<usize> = (1..=7).collect();
        let x = found(&all, |a, b| if a == b || a + b == 8 { 0.9 } else { 0.2 });
        let told = x.sentence(0).unwrap();
        assert!(
            told.starts_with("At t 90 the blocks form an X") && told.contains("(0.90 on average)"),
            "{told}"
        );
        assert!(told.ends_with("than like the others (0.20)."), "{told}");
        let even = found(&all, |_, _| 0.5).sentence(0).unwrap();
        assert!(even.contains("no X shows") && even.contains("0.50"), "{even}");
        assert!(found(&[1, 7], |_, _| 0.5).sentence(0).unwrap().contains("two encoder blocks or more"));
        assert_eq!((x.sentence(1), x.same_blocks(1)), (None, None));
        assert!((x.same_blocks(0).unwrap() - 0.9).abs() < 1e-12);
    }
}
