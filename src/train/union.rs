//! What several heads read together.

use crate::heads::Read;

/// The features that serve all of `lists`: where pools differ, the whole map.
pub fn union<'a>(lists: impl IntoIterator<Item = &'a [Read]>) -> Vec<Read> {
    let mut all: Vec<Read> = Vec::new();
    for read in lists.into_iter().flatten() {
        match all.iter_mut().find(|held| (held.timestep, held.block) == (read.timestep, read.block)) {
            Some(held) if held.pool != read.pool => held.pool = None,
            Some(_) => {}
            None => all.push(*read),
        }
    }
    all.sort_by_key(|read| (read.timestep, read.block));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_pools_need_the_whole_map() {
        let read = |timestep, block, pool| Read { timestep, block, pool };
        let lists = [
            vec![read(50, 12, Some(2)), read(10, 3, Some(1))],
            vec![read(50, 12, Some(4)), read(10, 3, Some(1)), read(50, 2, None)],
        ];
        let all = union(lists.iter().map(Vec::as_slice));
        assert_eq!(all, [read(10, 3, Some(1)), read(50, 2, None), read(50, 12, None)]);
    }
}
