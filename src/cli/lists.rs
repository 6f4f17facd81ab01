//! Values of flags that are lists, ranges or sides.

use crate::features::extract::Blocks;

/// A side to pool to, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool(pub Option<usize>);

/// Reads a side to pool to.
pub fn pool(text: &str) -> Result<Pool, String> {
    match text {
        "none" => Ok(Pool(None)),
        side => {
            side.parse().map(|side| Pool(Some(side))).map_err(|_| "use none, or a number such as 2".into())
        }
    }
}

/// Reads a list of blocks.
pub fn blocks(text: &str) -> Result<Blocks, String> {
    if text == "all" {
        return Ok(Blocks::All);
    }
    let list: Result<Vec<usize>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    list.map(Blocks::List).map_err(|_| "use all, or numbers such as 19,24".into())
}

/// Reads two numbers.
pub fn range(text: &str) -> Result<[f32; 2], String> {
    let pair = text.split_once(',').and_then(|(a, b)| Some([a.trim().parse().ok()?, b.trim().parse().ok()?]));
    pair.ok_or_else(|| "use two numbers such as -1,1".into())
}
