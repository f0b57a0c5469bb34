//! How much of one text stands in another, by words: a lexical measure and nothing more. It proves what was quoted, not what was meant.

use std::collections::HashSet;

/// Words in a row that two texts must share to count as quoted.
const RUN: usize = 4;

/// Words in lower case; figures are words too.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The share of `answer` that stands word for word in `document`, in runs of at least four words. 0 where the answer is shorter than that.
#[must_use]
pub fn quoted(answer: &str, document: &str) -> f64 {
    let (answer, document) = (words(answer), words(document));
    let known: HashSet<&[String]> = document.windows(RUN).collect();
    let mut covered = vec![false; answer.len()];
    for (at, run) in answer.windows(RUN).enumerate() {
        if known.contains(run) {
            covered[at..at + RUN].fill(true);
        }
    }
    let count = covered.iter().filter(|covered| **covered).count();
    if answer.is_empty() {
        0.0
    } else {
        count as f64 / answer.len() as f64
    }
}

/// Letters that two words must share from their beginning to count as one, a plural's `s` apart: `cancel` and `cancelled`, `plan` and `plans`.
const STEM: usize = 5;

/// The words of a question that say what it is about: those of four letters or more that are not mere grammar, by their stems, each once.
#[must_use]
pub fn topic(question: &str) -> Vec<String> {
    const GRAMMAR: [&str; 41] = [
        "about", "also", "been", "before", "could", "does", "from", "have", "hello", "here", "into", "just", "know", "like", "many",
        "more", "much", "must", "need", "only", "other", "please", "shall", "should", "some", "than", "that", "their", "them", "then",
        "there", "these", "they", "this", "want", "were", "what", "when", "which", "with", "would",
    ];
    let mut stems: Vec<String> = Vec::new();
    for word in words(question) {
        if word.chars().count() < 4 || GRAMMAR.contains(&word.as_str()) {
            continue;
        }
        let stem = stem(&word);
        if !stems.contains(&stem) {
            stems.push(stem);
        }
    }
    stems
}

/// How many of a question's topic words occur in a text.
#[must_use]
pub fn shared(topic: &[String], text: &str) -> usize {
    let there: HashSet<String> = words(text).iter().map(|word| stem(word)).collect();
    topic.iter().filter(|stem| there.contains(*stem)).count()
}

fn stem(word: &str) -> String {
    word.strip_suffix('s').unwrap_or(word).chars().take(STEM).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_of_words_are_quotes() {
        for (answer, document, share) in [
            ("one two three four", "zero One, two; three four five", 1.0),
            ("one two three", "one two three", 0.0),
            ("a b c d x y", "a b c d", 4.0 / 6.0),
            ("four three two one", "one two three four", 0.0),
            ("", "a b c d", 0.0),
        ] {
            assert!((quoted(answer, document) - share).abs() < 1e-9, "{answer} / {document}");
        }
    }

    #[test]
    fn a_question_is_about_its_nouns() {
        let topic = topic("Can I still cancel my yearly plan? What about plans?");
        assert_eq!(topic, ["still", "cance", "yearl", "plan"]);
        assert_eq!(shared(&topic, "Cancellation of a Yearly agreement"), 2);
        assert_eq!(shared(&topic, "Dark mode on the phone"), 0);
    }
}
