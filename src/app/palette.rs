//! The command palette: every action and every named view, found by a few of their letters.

use fuzzy_matcher::FuzzyMatcher as _;
use fuzzy_matcher::skim::SkimMatcherV2;
use strum::IntoEnumIterator as _;

use super::Action;

/// A filter with a name, from the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// What it is called.
    pub name: String,
    /// The filter, as written.
    pub filter: String,
}

/// Something the palette offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An action.
    Action(Action),
    /// A named view: its place in the list of them.
    View(usize),
}

/// Whatever fits the letters typed, the best first. Without any letter, everything in its own order.
#[must_use]
pub fn find(typed: &str, views: &[View]) -> Vec<Entry> {
    let actions = Action::iter().filter(|action| !action.belongs_to_a_line()).map(Entry::Action);
    // What the user has named comes before what fits as well.
    let all = (0..views.len()).map(Entry::View).chain(actions);
    let mut found: Vec<(i64, usize, Entry)> = Vec::new();
    let matcher = SkimMatcherV2::default().ignore_case();
    for (place, entry) in all.enumerate() {
        let text = match entry {
            Entry::Action(action) => format!("{} {}", action.help(), action.name()),
            Entry::View(at) => format!("view {} {}", views[at].name, views[at].filter),
        };
        let score: Option<i64> = typed.split_whitespace().map(|word| matcher.fuzzy_match(&text, word)).sum();
        if let Some(score) = score {
            found.push((score, place, entry));
        }
    }
    found.sort_by_key(|(score, place, _)| (std::cmp::Reverse(*score), *place));
    found.into_iter().map(|(.., entry)| entry).collect()
}

/// Whether an action holds the words typed, for a help that is searched.
#[must_use]
pub fn fits(action: Action, keys: &str, typed: &str) -> bool {
    let text = format!("{keys} {} {}", action.help(), action.name()).to_lowercase();
    typed.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name_and_the_best_comes_first() {
        for action in Action::iter().filter(|action| !action.belongs_to_a_line()) {
            assert!(find(action.name(), &[]).contains(&Entry::Action(action)), "{}", action.name());
        }
        assert_eq!(find("copy prompt", &[])[0], Entry::Action(Action::CopyPrompt));
        assert_eq!(find("sort cost", &[])[0], Entry::Action(Action::SortByCost));
        assert!(find("qqqqqq", &[]).is_empty());
    }

    #[test]
    fn views_are_found_by_name_and_filter() {
        let view = View {
            name: "dear ones".into(),
            filter: "cost>0.05".into(),
        };
        assert_eq!(find("dear", std::slice::from_ref(&view))[0], Entry::View(0));
        assert_eq!(find("0.05", &[view])[0], Entry::View(0));
    }
}
