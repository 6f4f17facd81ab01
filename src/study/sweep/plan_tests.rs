use super::*;
use crate::features::extract::Blocks;
use crate::features::network::card_of;
use crate::unet::embedded::embedded;

fn plan(config: &SweepConfig) -> Plan {
    Plan::new(config, &Arc::new(card_of(&embedded().unwrap()).unwrap())).unwrap()
}

#[test]
fn smaller_pools_that_divide_a_larger_one_are_not_read() {
    let plan = plan(&SweepConfig { pools: vec![4, 1, 3, 2, 2], ..SweepConfig::default() });
    let pools: Vec<usize> = plan.taps(&[1]).iter().map(|tap| tap.pool).collect();
    assert_eq!(pools, [3, 4], "a map of 32x32 does not divide into 3");
    let taps = plan.taps(&[1, 12]);
    assert_eq!(taps.iter().map(|tap| tap.block).collect::<Vec<_>>(), [1, 1, 12, 12]);
    let read = |block, pool| plan.source(block, pool, &taps).map(|at| taps[at]);
    assert_eq!(read(12, 2), Some(PooledTap { block: 12, pool: 4 }));
    assert_eq!(read(1, 3), Some(PooledTap { block: 1, pool: 3 }));
    assert_eq!(read(5, 1), None);
    let channels = |block: usize| plan.card.blocks[block - 1].channels;
    assert_eq!(plan.bytes_of(&taps), 2 * 25 * (channels(1) + channels(12)) as u64);
}

#[test]
fn the_table_is_filled_evenly_from_the_default_step() {
    assert_eq!(plan(&SweepConfig::default()).order(), [50, 500, 10, 150, 30, 90, 300]);
}

#[test]
fn the_default_is_scored_even_where_it_is_not_in_the_table() {
    let config = SweepConfig {
        blocks: Blocks::List(vec![3, 5]),
        timesteps: Some(vec![10, 90]),
        shots: vec![5, 10],
        ..SweepConfig::default()
    };
    let plan = plan(&config);
    assert_eq!(plan.order(), [90, 10, 50]);
    assert_eq!(plan.blocks_at(50), [12]);
    assert_eq!(plan.cells_at(50), [plan.default_cell(5), plan.default_cell(10)]);
    assert_eq!(plan.cells_at(10).len(), 4);
    let pixels = plan.pixel_cells();
    assert_eq!(
        pixels.iter().map(|cell| (cell.shots, cell.pool)).collect::<Vec<_>>(),
        [(5, 1), (5, 32), (10, 1), (10, 32)]
    );
    assert_eq!(plan.taps(&[0]), [PooledTap { block: 0, pool: 32 }], "pixels are averages of pixels too");
}
