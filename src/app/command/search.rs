//! Finding commands by a few letters.

use super::{Command, Space};

/// A command that answers a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The command.
    pub command: Command,
    /// Which characters of its name matched, in ascending order.
    pub matched: Vec<usize>,
}

/// The commands of `space` whose name contains the letters of `query` in order, best first.
/// Upper and lower case are the same; spaces in the query are ignored. An empty query finds all, in
/// the order of the table.
pub fn search(query: &str, space: Space) -> Vec<Found> {
    let letters: Vec<char> =
        query.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let mut found: Vec<(i32, Found)> = Command::all_in(space)
        .filter_map(|command| {
            let (score, matched) = subsequence(&letters, command.name())?;
            Some((score, Found { command, matched }))
        })
        .collect();
    // Stable: equals stay in the order of the table.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, found)| found).collect()
}

const MATCH: i32 = 2;
const CONSECUTIVE: i32 = 6;
const WORD_START: i32 = 8;
const NAME_START: i32 = 4;
const GAP: i32 = -1;
const IMPOSSIBLE: i32 = i32::MIN / 2;

/// The best way to find `letters` in order in `name`: its score and the matched characters, or `None`.
///
/// Dynamic programming over (letter, character): matches at the start of a word and in a row count
/// more, characters skipped between two matches count less.
fn subsequence(letters: &[char], name: &str) -> Option<(i32, Vec<usize>)> {
    if letters.is_empty() {
        return Some((0, Vec::new()));
    }
    let name: Vec<char> = name.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect();
    // best[i][j]: score with letter i matched at character j; from[i][j]: where letter i − 1 was.
    let mut best = vec![vec![IMPOSSIBLE; name.len()]; letters.len()];
    let mut from = vec![vec![0usize; name.len()]; letters.len()];
    for (i, letter) in letters.iter().enumerate() {
        for j in i..name.len() {
            if name[j] != *letter {
                continue;
            }
            let here = MATCH + place_bonus(&name, j);
            if i == 0 {
                best[0][j] = here;
                continue;
            }
            for before in i - 1..j {
                let step = if before + 1 == j { CONSECUTIVE } else { GAP * (j - before - 1) as i32 };
                let score = best[i - 1][before] + here + step;
                if score > best[i][j] {
                    best[i][j] = score;
                    from[i][j] = before;
                }
            }
        }
    }
    let last = letters.len() - 1;
    let (mut at, score) =
        best[last].iter().copied().enumerate().max_by_key(|&(j, score)| (score, usize::MAX - j))?;
    if score <= IMPOSSIBLE / 2 {
        return None;
    }
    let mut matched = vec![at; letters.len()];
    for i in (1..letters.len()).rev() {
        at = from[i][at];
        matched[i - 1] = at;
    }
    Some((score, matched))
}

fn place_bonus(name: &[char], at: usize) -> i32 {
    match at.checked_sub(1).map(|before| name[before]) {
        None => WORD_START + NAME_START,
        Some(before) if !before.is_alphanumeric() => WORD_START,
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str) -> Command {
        search(query, Space::Explore)[0].command
    }

    #[test]
    fn an_empty_query_lists_everything_in_order() {
        let all = |space| search("  ", space).into_iter().map(|found| found.command).collect::<Vec<_>>();
        for space in Space::ALL {
            assert_eq!(all(space), Command::all_in(space).collect::<Vec<_>>());
        }
        for command in Command::ALL {
            assert!(
                Space::ALL.into_iter().any(|space| all(space).contains(command)),
                "{command} works nowhere"
            );
        }
    }

    #[test]
    fn initials_and_parts_find_the_command() {
        assert_eq!(first("op"), Command::OpenPictures);
        assert_eq!(first("open net"), Command::OpenNetwork);
        assert_eq!(first("pca"), Command::ViewPca);
        assert_eq!(first("nmt"), Command::NextMarkedStep);
        assert_eq!(first("RAW"), Command::ExportRawValues);
        assert_eq!(first("csb"), Command::ContactSheetBlocks);
        assert_eq!(first("light"), Command::ToggleTheme);
    }

    #[test]
    fn letters_must_be_there_in_order() {
        assert!(search("zzz", Space::Explore).is_empty());
        assert!(subsequence(&['b', 'a'], "ab").is_none());
        assert!(subsequence(&['a', 'b', 'c', 'd'], "abc").is_none());
    }

    #[test]
    fn the_matched_characters_are_the_best_ones() {
        let found = search("sheet steps", Space::Explore);
        assert_eq!(found[0].command, Command::ContactSheetSteps);
        let name: Vec<char> = found[0].command.name().chars().collect();
        let letters: String = found[0].matched.iter().map(|&at| name[at].to_ascii_lowercase()).collect();
        assert_eq!(letters, "sheetsteps");
        assert_eq!(subsequence(&['p', 'v'], "Pin view").map(|(_, matched)| matched), Some(vec![0, 4]));
    }

    #[test]
    fn commands_of_other_spaces_are_not_found() {
        assert!(search("mosaic", Space::Everywhere).is_empty());
        assert!(!search("quit", Space::Everywhere).is_empty());
    }
}
