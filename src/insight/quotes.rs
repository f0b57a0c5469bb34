//! How much of a document stands in an answer, word for word. Lexical: it proves that words were taken over, never that nothing was used.

use std::collections::HashSet;
use std::ops::Range;

/// So many words in a row are no coincidence.
const RUN: usize = 4;

/// Of the document's words, and of the answer's, the share that stands in a run of four or more words that both have, in hundredths.
/// `None` where one of them has too few words to tell.
#[must_use]
pub fn quoted(document: &str, answer: &str) -> Option<(u32, u32)> {
    let (document, answer) = (words(document), words(answer));
    let of_document = share(&covered(&document, &answer)?);
    Some((of_document, share(&covered(&answer, &document)?)))
}

/// The bytes of the document that stand in such a run, from its first word to its last.
#[must_use]
pub fn taken(document: &str, answer: &str) -> Vec<Range<usize>> {
    let (document, answer) = (words(document), words(answer));
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut inside = false;
    for (taken, (_, at)) in covered(&document, &answer).iter().flatten().zip(&document) {
        match found.last_mut().filter(|_| inside) {
            Some(run) if *taken => run.end = at.end,
            _ if *taken => found.push(at.clone()),
            _ => {}
        }
        inside = *taken;
    }
    found
}

/// Which of `text`'s words lie in a run that `other` has too.
fn covered(text: &[Word], other: &[Word]) -> Option<Vec<bool>> {
    if text.len() < RUN || other.len() < RUN {
        return None;
    }
    let plain = |words: &[Word]| words.iter().map(|(word, _)| word.clone()).collect::<Vec<_>>();
    let (text, other) = (plain(text), plain(other));
    let runs: HashSet<&[String]> = other.windows(RUN).collect();
    let mut taken = vec![false; text.len()];
    for (at, _) in text.windows(RUN).enumerate().filter(|(_, run)| runs.contains(run)) {
        taken[at..at + RUN].fill(true);
    }
    Some(taken)
}

fn share(taken: &[bool]) -> u32 {
    let count = taken.iter().filter(|taken| **taken).count();
    (count * 100 / taken.len()) as u32
}

/// A word, letter case apart, and its bytes.
type Word = (String, Range<usize>);

/// Letters and digits in a row.
fn words(text: &str) -> Vec<Word> {
    let mut at = 0;
    let mut words = Vec::new();
    for piece in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        if !word.is_empty() {
            words.push((word.to_lowercase(), at..at + word.len()));
        }
        at += piece.len();
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_taken_over_are_counted_on_both_sides() {
        let document = "Refunds are paid back in full within ten days. Seats are billed to the end of the year.";
        assert_eq!(
            quoted(document, "Yes: refunds are paid back IN FULL, within ten days!"),
            Some((50, 90))
        );
        assert_eq!(quoted(document, "Something else entirely is said in here."), Some((0, 0)));
        assert_eq!(quoted(document, "paid back in"), None);
        assert_eq!(quoted("", document), None);
    }

    #[test]
    fn what_was_taken_over_is_shown_where_it_stands() {
        let document = "(Refunds are paid back, in full!) Within é ten days. Seats are billed to the end of the year.";
        let shown = |answer: &str| {
            taken(document, answer)
                .into_iter()
                .map(|at| document[at].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown("Refunds are paid back in full; seats are billed to whoever asks"),
            ["Refunds are paid back, in full", "Seats are billed to"]
        );
        assert_eq!(shown("WITHIN É TEN DAYS seats are billed"), ["Within é ten days. Seats are billed"]);
        assert!(shown("something else entirely is said").is_empty() && shown("paid back").is_empty());
    }

    proptest! {
        #[test]
        fn what_is_taken_are_whole_words_in_order(a in "([abé] |[,.] ?){0,20}", b in "([abé] ){0,20}") {
            let found = taken(&a, &b);
            let share = quoted(&a, &b).map_or(0, |(of_a, _)| of_a);
            prop_assert_eq!(share == 0, found.is_empty());
            for pair in found.windows(2) {
                prop_assert!(pair[0].end < pair[1].start);
            }
            for at in found {
                prop_assert!(words(&a[at]).len() >= RUN);
            }
        }

        #[test]
        fn a_text_is_quoted_whole_by_itself(text in "([a-z]{1,4} ){4,20}") {
            prop_assert_eq!(quoted(&text, &text), Some((100, 100)));
        }

        #[test]
        fn shares_are_shares(a in "([ab] ){0,20}", b in "([ab] ){0,20}") {
            if let Some((of_a, of_b)) = quoted(&a, &b) {
                prop_assert!(of_a <= 100 && of_b <= 100);
                prop_assert_eq!(of_a == 0, of_b == 0);
            }
        }
    }
}
