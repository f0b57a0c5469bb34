//! How much of a document stands in an answer, word for word. Lexical: it proves that words were taken over, never that nothing was used.

use std::collections::HashSet;

/// So many words in a row are no coincidence.
const RUN: usize = 4;

/// Of the document's words, and of the answer's, the share that stands in a run of four or more words that both have, in hundredths.
/// `None` where one of them has too few words to tell.
#[must_use]
pub fn quoted(document: &str, answer: &str) -> Option<(u32, u32)> {
    let (document, answer) = (words(document), words(answer));
    let of_document = covered(&document, &answer)?;
    Some((of_document, covered(&answer, &document)?))
}

/// The share of `text`'s words that lie in a run that `other` has too.
fn covered(text: &[String], other: &[String]) -> Option<u32> {
    if text.len() < RUN || other.len() < RUN {
        return None;
    }
    let runs: HashSet<&[String]> = other.windows(RUN).collect();
    let mut taken = vec![false; text.len()];
    for (at, _) in text.windows(RUN).enumerate().filter(|(_, run)| runs.contains(run)) {
        taken[at..at + RUN].fill(true);
    }
    let count = taken.iter().filter(|taken| **taken).count();
    Some((count * 100 / text.len()) as u32)
}

/// Letters and digits in a row, letter case apart.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
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

    proptest! {
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
