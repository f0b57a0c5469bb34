//! What fills a model call's context window: how far, with what, and what came in since the call before.
//!
//! Tokens are logged for the whole prompt only. What its parts take is measured in characters and therefore marked `≈` wherever it is shown.

use crate::model::content::{Contents, Document, Message, MessagePart};
use crate::model::trace::Span;
use crate::pricing::Prices;

/// From this share of the window on, in percent, the middle of a prompt is skipped.
pub const NEARLY_FULL: u128 = 80;
/// From here on answers are cut.
pub const FULL: u128 = 90;

/// Input tokens of a call beside the window of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// Input tokens of all classes.
    pub used: u64,
    /// What the model can read at once; `None` where the price table does not know it.
    pub window: Option<u64>,
}

/// How near the window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Room enough, or unknown.
    Fine,
    /// More than 80 %.
    NearlyFull,
    /// More than 90 %.
    Full,
}

impl Gauge {
    /// Of a call that logged its input.
    #[must_use]
    pub fn of(span: &Span, prices: &Prices) -> Option<Self> {
        Some(Self {
            used: span.part.usage.total_input()?,
            window: window(span, prices),
        })
    }

    /// Tenths of a percent of the window.
    #[must_use]
    pub fn permille(&self) -> Option<u64> {
        let window = self.window.filter(|window| *window > 0)?;
        u64::try_from(u128::from(self.used) * 1000 / u128::from(window)).ok()
    }

    /// `86.0%`; of little, `<0.1%`.
    #[must_use]
    pub fn percent(&self) -> Option<String> {
        self.permille().map(|permille| match permille {
            0 if self.used > 0 => "<0.1%".to_owned(),
            _ => format!("{}.{}%", permille / 10, permille % 10),
        })
    }

    /// How near the window is.
    #[must_use]
    pub fn level(&self) -> Level {
        let above = |percent: u128| {
            self.window
                .is_some_and(|window| window > 0 && u128::from(self.used) * 100 > u128::from(window) * percent)
        };
        match (above(FULL), above(NEARLY_FULL)) {
            (true, _) => Level::Full,
            (false, true) => Level::NearlyFull,
            (false, false) => Level::Fine,
        }
    }
}

/// Tokens the model of a call can read at once: of the one that answered, else of the one asked for.
#[must_use]
pub fn window(span: &Span, prices: &Prices) -> Option<u64> {
    prices.of_call(&span.part)?.context_window
}

/// What a piece of a prompt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Portion {
    /// The system prompt and the tool definitions.
    System,
    /// Earlier messages of the conversation.
    History,
    /// Retrieved documents, wherever they stand in the prompt.
    Documents,
    /// Results of tools.
    ToolResults,
    /// What the user asked last.
    Question,
}

impl Portion {
    /// All of them, in the order of a prompt.
    pub const ALL: [Self; 5] = [Self::System, Self::History, Self::Documents, Self::ToolResults, Self::Question];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::History => "history",
            Self::Documents => "documents",
            Self::ToolResults => "tool results",
            Self::Question => "question",
        }
    }
}

/// Characters of a prompt by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Composition([u64; 5]);

impl Composition {
    /// Of a prompt. `documents` are all that the interaction retrieved before the call.
    #[must_use]
    pub fn of(contents: &Contents, documents: &[&Document]) -> Self {
        let mut parts = Self::default();
        let asked = question(contents);
        if let Some(system) = &contents.system {
            parts.add(Portion::System, system, documents);
        }
        for tool in &contents.tools {
            parts.0[Portion::System as usize] += chars(tool.as_str());
        }
        for (index, message) in contents.messages.iter().enumerate() {
            for part in &message.parts {
                let portion = match part {
                    MessagePart::ToolResult { .. } => Portion::ToolResults,
                    _ if matches!(message.role.as_str(), "tool" | "function") => Portion::ToolResults,
                    _ if matches!(message.role.as_str(), "system" | "developer") => Portion::System,
                    _ if asked == Some(index) => Portion::Question,
                    _ => Portion::History,
                };
                match part {
                    MessagePart::Text { text } | MessagePart::Reasoning { text } => parts.add(portion, text, documents),
                    MessagePart::ToolCall { name, arguments, .. } => {
                        parts.0[portion as usize] += chars(name) + chars(arguments.as_str());
                    }
                    MessagePart::ToolResult { content, .. } => parts.add(portion, content.as_str(), documents),
                    // Its bytes are not in the log; what it takes of the window is unknown.
                    MessagePart::Media { .. } => {}
                }
            }
        }
        parts
    }

    /// Characters of one portion.
    #[must_use]
    pub const fn chars(&self, portion: Portion) -> u64 {
        self.0[portion as usize]
    }

    /// Characters of the whole prompt.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// What is there, with its share of the whole.
    pub fn shares(&self) -> impl Iterator<Item = (Portion, f64)> + '_ {
        let total = self.total();
        Portion::ALL
            .into_iter()
            .filter(|portion| self.chars(*portion) > 0)
            .map(move |portion| (portion, self.chars(portion) as f64 / total as f64))
    }

    /// What there is more (or less) of than in the call before, the largest change first.
    #[must_use]
    pub fn since(&self, before: &Self) -> Vec<(Portion, i64)> {
        let change = |portion| {
            let (now, then) = (self.chars(portion), before.chars(portion));
            i64::try_from(now).unwrap_or(i64::MAX) - i64::try_from(then).unwrap_or(i64::MAX)
        };
        let mut changes: Vec<_> = Portion::ALL.map(|portion| (portion, change(portion))).into_iter().collect();
        changes.retain(|(_, change)| *change != 0);
        changes.sort_by_key(|(portion, change)| (std::cmp::Reverse(change.abs()), *portion));
        changes
    }

    /// Text of a portion, but for the documents that stand in it.
    fn add(&mut self, portion: Portion, text: &str, documents: &[&Document]) {
        let all = chars(text);
        let quoted: u64 = documents
            .iter()
            .filter_map(|document| document.content.as_deref())
            .filter(|body| !body.is_empty() && text.contains(*body))
            .map(chars)
            .sum();
        let quoted = quoted.min(all);
        self.0[Portion::Documents as usize] += quoted;
        self.0[portion as usize] += all - quoted;
    }
}

fn chars(text: &str) -> u64 {
    text.chars().count() as u64
}

/// The place of the message that holds what the user asked last.
fn question(contents: &Contents) -> Option<usize> {
    let says = |message: &Message| {
        message
            .parts
            .iter()
            .any(|part| matches!(part, MessagePart::Text { text } if !text.is_empty()))
    };
    contents
        .messages
        .iter()
        .rposition(|message| message.role == "user" && says(message))
}

/// What the user asked last, as one text.
#[must_use]
pub fn asked(contents: &Contents) -> Option<String> {
    let texts: Vec<&str> = contents.messages[question(contents)?]
        .parts
        .iter()
        .filter_map(|part| match part {
            MessagePart::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    Some(texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::Json;

    fn say(role: &str, text: &str) -> Message {
        Message {
            role: role.into(),
            parts: vec![MessagePart::Text { text: text.into() }],
        }
    }

    #[test]
    fn levels_are_strict() {
        let level = |used, window| Gauge { used, window }.level();
        for (used, expected) in [
            (800, Level::Fine),
            (801, Level::NearlyFull),
            (900, Level::NearlyFull),
            (901, Level::Full),
            (5_000, Level::Full),
        ] {
            assert_eq!(level(used, Some(1_000)), expected, "{used}");
        }
        assert_eq!(level(u64::MAX, None), Level::Fine, "an unknown window is not judged");
        assert_eq!(level(7, Some(0)), Level::Fine);
        let gauge = Gauge {
            used: 1_371,
            window: Some(1_000_000),
        };
        assert_eq!(gauge.percent().as_deref(), Some("0.1%"));
    }

    #[test]
    fn a_prompt_is_taken_apart() {
        let result = Message {
            role: "user".into(),
            parts: vec![MessagePart::ToolResult {
                id: None,
                content: Json::string("ok"),
                is_error: false,
            }],
        };
        let contents = Contents {
            system: Some("Be kind. Documents: [a] twelve words".into()),
            messages: vec![say("user", "Hi"), say("assistant", "Hello"), say("user", "When?"), result],
            ..Contents::default()
        };
        let document = Document {
            content: Some("twelve words".into()),
            ..Document::default()
        };
        let absent = Document {
            content: Some("nowhere".into()),
            ..Document::default()
        };
        let parts = Composition::of(&contents, &[&document, &absent]);
        let of = |portion| parts.chars(portion);
        assert_eq!((of(Portion::System), of(Portion::Documents)), (24, 12));
        assert_eq!((of(Portion::History), of(Portion::Question), of(Portion::ToolResults)), (7, 5, 4));
        assert_eq!(parts.total(), 52);
        assert!((parts.shares().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(asked(&contents).as_deref(), Some("When?"));
        let before = Composition::of(
            &Contents {
                system: contents.system.clone(),
                messages: contents.messages[..1].to_vec(),
                ..Contents::default()
            },
            &[&document],
        );
        assert_eq!(
            parts.since(&before),
            [(Portion::History, 7), (Portion::ToolResults, 4), (Portion::Question, 3)]
        );
        assert_eq!(parts.since(&parts), []);
    }
}
