//! What a model call was told anew: its messages beside those of the call before it.

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

/// Compares the prompt of a call with that of the call before it. A message is kept where role and parts are the same and in the same order;
/// it was shortened where what is left of it was the beginning, or the end, of one that is otherwise gone.
#[must_use]
pub fn turn(before: &Contents, now: &Contents) -> Turn {
    let system = match (&before.system, &now.system) {
        (None, Some(_)) => System::Added,
        (Some(_), None) => System::Dropped,
        (before, now) if before != now => System::Changed,
        _ => System::Same,
    };
    let mut fates = vec![Fate::Added; now.messages.len()];
    let mut left: Vec<usize> = Vec::new();
    let mut next = 0;
    for (at, message) in before.messages.iter().enumerate() {
        let found = now.messages[next..].iter().position(|other| other == message);
        match found {
            Some(ahead) => {
                fates[next + ahead] = Fate::Kept;
                next += ahead + 1;
            }
            None => left.push(at),
        }
    }
    for (fate, message) in fates.iter_mut().zip(&now.messages).filter(|(fate, _)| **fate == Fate::Added) {
        let text = words(message);
        let rest = text.trim_end_matches(['…', '.', ' ', '\n']).trim_start_matches(['…', ' ', '\n']);
        let cut = |old: &usize| {
            let old = &before.messages[*old];
            let whole = words(old);
            old.role == message.role
                && rest.len() >= LEAST
                && whole.len() > text.len()
                && (whole.starts_with(rest) || whole.ends_with(rest))
        };
        if let Some(at) = left.iter().position(cut) {
            *fate = Fate::Shortened(words(&before.messages[left.remove(at)]).len());
        }
    }
    Turn {
        system,
        fates,
        dropped: left,
    }
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

    proptest! {
        #[test]
        fn every_message_has_one_fate(before in prop::collection::vec("[ab]{0,3}", 0..6), now in prop::collection::vec("[ab]{0,3}", 0..6)) {
            let of = |texts: &[String]| prompt("", texts.iter().map(|text| say("user", text)).collect());
            let difference = turn(&of(&before), &of(&now));
            let kept = difference.fates.iter().filter(|fate| **fate == Fate::Kept).count();
            prop_assert_eq!(difference.fates.len(), now.len());
            prop_assert_eq!(kept + difference.dropped.len(), before.len());
            let same = turn(&of(&now), &of(&now));
            prop_assert!(same.fates.iter().all(|fate| *fate == Fate::Kept) && same.dropped.is_empty());
        }
    }
}
