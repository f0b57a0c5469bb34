//! What a model call was told anew: its messages beside those of the call before it.

use std::collections::HashMap;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::model::content::{Contents, Message, MessagePart};

/// What became of the system prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum System {
    /// As before, or never there.
    #[default]
    Same,
    /// Other words.
    Changed,
    /// There was none before.
    Added,
    /// There is none any more.
    Dropped,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was there before.
    Kept,
    /// It is new.
    Added,
    /// It was longer before: so many bytes.
    Shortened(usize),
}

/// The difference between two prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The system prompt.
    pub system: System,
    /// The fate of each message of the later prompt.
    pub fates: Vec<Fate>,
    /// Messages of the earlier prompt that are gone: their places there.
    pub dropped: Vec<usize>,
}

/// Shorter beginnings are alike by chance.
const LEAST: usize = 16;

/// Fewer messages in a row are read as fast as the line that would stand for them.
const RUN: usize = 2;

/// Compares the prompt of a call with that of the call before it. A message is kept where role and parts are the same and in the same order, as
/// many of them as can be; it was shortened where what is left of it was the beginning, or the end, of one that is otherwise gone.
#[must_use]
pub fn turn(before: &Contents, now: &Contents) -> Turn {
    let system = match (&before.system, &now.system) {
        (None, Some(_)) => System::Added,
        (Some(_), None) => System::Dropped,
        (before, now) if before != now => System::Changed,
        _ => System::Same,
    };
    let mut fates = vec![Fate::Added; now.messages.len()];
    let mut gone = vec![true; before.messages.len()];
    for (old, new) in kept(&before.messages, &now.messages) {
        fates[new] = Fate::Kept;
        gone[old] = false;
    }
    let dropped = (0..gone.len()).filter(|at| gone[*at]);
    let mut left: Vec<(usize, String)> = dropped.map(|at| (at, words(&before.messages[at]))).collect();
    for (fate, message) in fates.iter_mut().zip(&now.messages).filter(|(fate, _)| **fate == Fate::Added) {
        if left.is_empty() {
            break;
        }
        let text = words(message);
        let beginning = text.trim_end_matches(['…', '.', ' ', '\n']);
        let end = text.trim_start_matches(['…', '.', ' ', '\n']);
        let cut = |(at, whole): &(usize, String)| {
            before.messages[*at].role == message.role
                && whole.len() > text.len()
                && (beginning.len() >= LEAST && whole.starts_with(beginning) || end.len() >= LEAST && whole.ends_with(end))
        };
        if let Some(at) = left.iter().position(cut) {
            *fate = Fate::Shortened(left.remove(at).1.len());
        }
    }
    Turn {
        system,
        fates,
        dropped: left.into_iter().map(|(at, _)| at).collect(),
    }
}

/// Which messages are the same, by their places in both prompts.
fn kept(before: &[Message], now: &[Message]) -> Vec<(usize, usize)> {
    // Equal messages, and only they, have the same number. Those of one side alone cannot be kept, and are not compared with others.
    let mut numbers: HashMap<&Message, usize, Xxh3DefaultBuilder> = HashMap::default();
    let (mut old, mut new) = (Vec::with_capacity(before.len()), Vec::with_capacity(now.len()));
    for message in before {
        let next = numbers.len();
        old.push(*numbers.entry(message).or_insert(next));
    }
    let mut shared = vec![false; numbers.len()];
    for (at, message) in now.iter().enumerate() {
        if let Some(number) = numbers.get(message) {
            shared[*number] = true;
            new.push((at, *number));
        }
    }
    let old: Vec<(usize, usize)> = old.into_iter().enumerate().filter(|(_, number)| shared[*number]).collect();
    let only = |some: &[(usize, usize)]| some.iter().map(|(_, number)| *number).collect::<Vec<_>>();
    let mut pairs = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &only(&old), &only(&new)) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            pairs.extend((0..len).map(|i| (old[old_index + i].0, new[new_index + i].0)));
        }
    }
    pairs
}

/// Runs of kept messages that one line can stand for. The question is in none: it says what the prompt is about.
#[must_use]
pub fn repeated(fates: &[Fate], messages: &[Message]) -> Vec<Range<usize>> {
    let says = |message: &Message| message.parts.iter().any(|part| matches!(part, MessagePart::Text { .. }));
    let question = messages
        .iter()
        .rposition(|message| matches!(message.role.as_str(), "user" | "human") && says(message));
    let mut runs = Vec::new();
    let mut from = 0;
    for at in 0..=fates.len() {
        let kept = fates.get(at) == Some(&Fate::Kept) && question != Some(at);
        if !kept {
            if at - from >= RUN {
                runs.push(from..at);
            }
            from = at + 1;
        }
    }
    runs
}

/// Everything a message says, as one text.
#[must_use]
pub fn words(message: &Message) -> String {
    let mut text = String::new();
    for part in &message.parts {
        match part {
            MessagePart::Text { text: words } | MessagePart::Reasoning { text: words } => text.push_str(words),
            MessagePart::ToolCall { name, arguments, .. } => {
                text.push_str(name);
                text.push_str(arguments.as_str());
            }
            MessagePart::ToolResult { content, .. } => {
                // A string as its words, so that its cut end can be seen.
                match serde_json::from_str::<String>(content.as_str()) {
                    Ok(words) => text.push_str(&words),
                    Err(_) => text.push_str(content.as_str()),
                }
            }
            MessagePart::Media { .. } => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn say(role: &str, text: &str) -> Message {
        Message {
            role: role.into(),
            parts: vec![MessagePart::Text { text: text.into() }],
        }
    }

    fn prompt(system: &str, messages: Vec<Message>) -> Contents {
        Contents {
            system: Some(system.to_owned()).filter(|text| !text.is_empty()),
            messages,
            ..Contents::default()
        }
    }

    #[test]
    fn added_dropped_and_shortened_messages_are_told_apart() {
        let long = "The annual plan can be cancelled within fourteen days, and later at its end.";
        for left in [&long[40..], "... and later at its end.", "The annual plan can be"] {
            let cut = turn(&prompt("", vec![say("tool", long)]), &prompt("", vec![say("tool", left)]));
            assert_eq!(cut.fates, [Fate::Shortened(long.len())], "{left}");
        }
        let before = prompt("a", vec![say("user", "one"), say("tool", long), say("user", "two")]);
        let now = prompt(
            "b",
            vec![
                say("tool", &format!("{}…", &long[..30])),
                say("user", "two"),
                say("assistant", "three"),
            ],
        );
        let difference = turn(&before, &now);
        assert_eq!(difference.system, System::Changed);
        assert_eq!(difference.fates, [Fate::Shortened(long.len()), Fate::Kept, Fate::Added]);
        assert_eq!(difference.dropped, [0]);
        for (before, now, system) in [("", "a", System::Added), ("a", "", System::Dropped), ("a", "a", System::Same)] {
            assert_eq!(turn(&prompt(before, Vec::new()), &prompt(now, Vec::new())).system, system);
        }
    }

    #[test]
    fn what_is_repeated_late_costs_nothing_of_what_was_kept() {
        let say = |text: &str| say("user", text);
        let of = |texts: &str| prompt("", texts.chars().map(|letter| say(&letter.to_string())).collect());
        let fates = |before: &str, now: &str| {
            let difference = turn(&of(before), &of(now));
            let letters = difference.fates.iter().map(|fate| if *fate == Fate::Kept { '=' } else { '+' });
            (letters.collect::<String>(), difference.dropped)
        };
        // A window that slides, and a user who says the first words once more.
        assert_eq!(fates("xabcd", "abcdx"), ("====+".to_owned(), vec![0]));
        assert_eq!(fates("abc", "abcd"), ("===+".to_owned(), vec![]));
        assert_eq!(fates("abc", "bxc"), ("=+=".to_owned(), vec![0]));
        assert_eq!(fates("ab", "cd"), ("++".to_owned(), vec![0, 1]));
        assert_eq!(fates("", "ab"), ("++".to_owned(), vec![]));
        // Who speaks is a part of a message.
        let by = |role: &str| prompt("", vec![super::tests::say(role, "yes")]);
        assert_eq!(turn(&by("user"), &by("assistant")).fates, [Fate::Added]);
    }

    #[test]
    fn runs_of_kept_messages_are_folded_and_the_question_is_not() {
        let messages = |roles: &str| -> Vec<Message> {
            let role = |letter| match letter {
                'u' => "user",
                'a' => "assistant",
                _ => "tool",
            };
            roles.chars().map(|letter| say(role(letter), "words")).collect()
        };
        let runs = |roles: &str, fates: &str| {
            let fate = |letter| match letter {
                '=' => Fate::Kept,
                '-' => Fate::Shortened(9),
                _ => Fate::Added,
            };
            repeated(&fates.chars().map(fate).collect::<Vec<_>>(), &messages(roles))
        };
        assert_eq!(runs("uauau", "====+"), [0..4], "the next question of a conversation");
        assert_eq!(
            runs("uauaut", "=====+"),
            [0..4],
            "the question stays in sight though it was there before"
        );
        assert_eq!(runs("uauatat", "====+=="), [0..2, 5..7], "one alone is read as fast");
        assert_eq!(runs("uataat", "=-==+="), [2..4]);
        assert_eq!(runs("uta", "+=="), [1..3], "up to the end");
        assert!(runs("", "").is_empty());
        let result = Message {
            role: "user".into(),
            parts: vec![MessagePart::ToolResult {
                id: None,
                content: crate::model::json::Json::string("found"),
                is_error: false,
            }],
        };
        let asked = [say("user", "what?"), say("assistant", "look"), result];
        assert_eq!(
            repeated(&[Fate::Kept; 3], &asked),
            [1..3],
            "a tool's result is no question, whoever hands it over"
        );
    }

    /// As many as can be kept in their order, counted the slow way.
    fn most(before: &[String], now: &[String]) -> usize {
        let mut row = vec![0; now.len() + 1];
        for old in before {
            let mut above = 0;
            for (at, new) in now.iter().enumerate() {
                let kept = if old == new { above + 1 } else { row[at + 1].max(row[at]) };
                above = std::mem::replace(&mut row[at + 1], kept);
            }
        }
        row[now.len()]
    }

    proptest! {
        #[test]
        fn every_message_has_one_fate(before in prop::collection::vec("[ab]{0,3}", 0..6), now in prop::collection::vec("[ab]{0,3}", 0..6)) {
            let of = |texts: &[String]| prompt("", texts.iter().map(|text| say("user", text)).collect());
            let difference = turn(&of(&before), &of(&now));
            let kept = difference.fates.iter().filter(|fate| **fate == Fate::Kept).count();
            prop_assert_eq!(difference.fates.len(), now.len());
            prop_assert_eq!(kept + difference.dropped.len(), before.len());
            prop_assert_eq!(kept, most(&before, &now));
            let still: Vec<&String> = (0..before.len()).filter(|at| !difference.dropped.contains(at)).map(|at| &before[at]).collect();
            let same: Vec<&String> = (0..now.len()).filter(|at| difference.fates[*at] == Fate::Kept).map(|at| &now[at]).collect();
            prop_assert_eq!(still, same, "the same ones, in the same order");
            let same = turn(&of(&now), &of(&now));
            prop_assert!(same.fates.iter().all(|fate| *fate == Fate::Kept) && same.dropped.is_empty());
        }

        #[test]
        fn every_kept_message_is_in_one_run_or_is_shown(fates in prop::collection::vec(any::<bool>(), 0..12), roles in prop::collection::vec("user|assistant|tool", 12)) {
            let fates: Vec<Fate> = fates.iter().map(|kept| if *kept { Fate::Kept } else { Fate::Added }).collect();
            let messages: Vec<Message> = fates.iter().zip(&roles).map(|(_, role)| say(role, "x")).collect();
            let runs = repeated(&fates, &messages);
            let question = messages.iter().rposition(|message| message.role == "user");
            let folded = |at: usize| runs.iter().filter(|run| run.contains(&at)).count();
            let alone = |at: usize| {
                let foldable = |at: usize| fates.get(at) == Some(&Fate::Kept) && question != Some(at);
                !foldable(at) || !(foldable(at + 1) || at > 0 && foldable(at - 1))
            };
            for at in 0..fates.len() {
                prop_assert_eq!(folded(at), usize::from(!alone(at)));
            }
            prop_assert!(runs.windows(2).all(|two| two[0].end < two[1].start));
        }
    }
}
