//! What besides its tokens decides what a call costs: the service tier, its speed and place, and which of the tokens are sound. Logs state
//! all of it in passing, among a request's parameters and whatever had no field of its own.

use serde_json::Value;

use crate::model::json::Json;
use crate::model::span::Part;

/// The terms of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The service tier.
    pub tier: Tier,
    /// Tokens of the uncached input that are sound.
    pub audio_input: u64,
    /// Tokens of the output that are sound.
    pub audio_output: u64,
}

/// How a call was served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tier {
    /// At the usual rates, or nothing was logged.
    #[default]
    Standard,
    /// Otherwise: the word logged, in lower case, `batch` for all its spellings; then `fast` and where the model ran: `batch us`, `fast us`.
    Other(String),
}

impl Terms {
    /// What a span's record says. The answer's word on its tier counts before the request's.
    #[must_use]
    pub fn of(part: &Part) -> Self {
        let mut found = Found::default();
        for (json, asked) in [(&part.attributes, false), (&part.params, true)] {
            // Most records say nothing of the kind, and are not parsed.
            let Some(text) = json.as_ref().map(Json::as_str).filter(|text| is_telling(text)) else {
                continue;
            };
            if let Ok(value) = serde_json::from_str::<Value>(text) {
                found.look(&value, &mut String::new(), asked, 0);
            }
        }
        let mut words = Vec::new();
        if let Some(Tier::Other(word)) = found.tier.word().map(|word| Tier::of(&word)) {
            words.push(word);
        }
        words.extend(found.speed.word().filter(|word| word == "fast"));
        words.extend(
            found
                .place
                .word()
                .filter(|word| !matches!(&**word, "" | "global" | "not_available")),
        );
        let tier = if words.is_empty() {
            Tier::Standard
        } else {
            Tier::Other(words.join(" "))
        };
        Self {
            tier,
            audio_input: found.audio_input,
            audio_output: found.audio_output,
        }
    }
}

impl Tier {
    /// The tier a word names.
    #[must_use]
    pub fn of(word: &str) -> Self {
        let word = word.trim().to_ascii_lowercase();
        match word.strip_prefix("on_demand_").unwrap_or(&word) {
            "" | "auto" | "default" | "standard" | "standard_only" | "on_demand" | "traffic_type_unspecified" | "none" | "null" => {
                Self::Standard
            }
            "batch" | "batches" | "batch_api" => Self::Other("batch".to_owned()),
            other => Self::Other(other.to_owned()),
        }
    }
}

fn is_telling(text: &str) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(text.as_bytes(), word).is_some();
    has(b"tier") || has(b"Tier") || has(b"traffic") || has(b"audio") || has(b"Audio") || has(b"inference_geo") || has(b"speed")
}

/// A word that the answer states, or else the request.
#[derive(Default)]
struct Stated {
    answered: Option<String>,
    asked: Option<String>,
}

impl Stated {
    fn word(&self) -> Option<String> {
        let word = self.answered.as_ref().or(self.asked.as_ref())?;
        Some(word.trim().to_ascii_lowercase())
    }
}

#[derive(Default)]
struct Found {
    tier: Stated,
    /// Anthropic's fast mode.
    speed: Stated,
    /// Where Anthropic's models ran.
    place: Stated,
    audio_input: u64,
    audio_output: u64,
}

/// Nested deeper than this nothing is meant for us.
const DEEPEST: usize = 6;

impl Found {
    /// Walks an object; `path` is the keys above in lower case, joined by dots.
    fn look(&mut self, value: &Value, path: &mut String, asked: bool, depth: usize) {
        let Some(object) = value.as_object().filter(|_| depth < DEEPEST) else {
            return;
        };
        for (key, value) in object {
            let above = path.len();
            path.push('.');
            path.push_str(&key.to_ascii_lowercase());
            match value {
                Value::String(word) => self.word(path, word, asked),
                Value::Number(number) => {
                    if let Some(tokens) = number.as_u64() {
                        self.tokens(path, tokens);
                    }
                }
                Value::Object(_) => self.look(value, path, asked, depth + 1),
                Value::Array(_) | Value::Bool(_) | Value::Null => {}
            }
            path.truncate(above);
        }
    }

    fn word(&mut self, path: &str, word: &str, asked: bool) {
        let last = path.rsplit('.').next().unwrap_or_default();
        let stated = match last {
            "service_tier" | "servicetier" | "traffic_type" | "traffictype" => &mut self.tier,
            "speed" if path.contains("usage.") || path == ".speed" && asked => &mut self.speed,
            "inference_geo" => &mut self.place,
            _ => return,
        };
        let place = if asked || path.contains("request") {
            &mut stated.asked
        } else {
            &mut stated.answered
        };
        place.get_or_insert_with(|| word.to_owned());
    }

    /// `usage.prompt_tokens_details.audio_tokens`, `llm.token_count.completion_details.audio`, `usagedetails.input_audio_tokens` …
    fn tokens(&mut self, path: &str, tokens: u64) {
        let last = path.rsplit('.').next().unwrap_or_default();
        if !last.contains("audio") || !path.contains("token") || path.contains("cache") {
            return;
        }
        if path.contains("prompt") || path.contains("input") {
            self.audio_input = self.audio_input.max(tokens);
        } else if path.contains("completion") || path.contains("output") {
            self.audio_output = self.audio_output.max(tokens);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(attributes: &str, params: &str) -> Terms {
        Terms::of(&Part {
            attributes: Some(Json::trusted(attributes.to_owned())),
            params: Some(Json::trusted(params.to_owned())),
            ..Part::default()
        })
    }

    fn other(word: &str) -> Tier {
        Tier::Other(word.to_owned())
    }

    #[test]
    fn a_tier_is_found_wherever_it_is_logged_and_the_answer_counts_before_the_request() {
        for (attributes, params, tier, why) in [
            ("{}", "{}", Tier::Standard, "nothing logged"),
            ("{}", r#"{"service_tier":"flex"}"#, other("flex"), "asked for"),
            (
                r#"{"service_tier":"default"}"#,
                r#"{"service_tier":"flex"}"#,
                Tier::Standard,
                "asked for and not given",
            ),
            (r#"{"usage":{"service_tier":"batch"}}"#, "{}", other("batch"), "beside the tokens"),
            (
                r#"{"usage.service_tier":"Batches"}"#,
                "{}",
                other("batch"),
                "flattened, another spelling",
            ),
            (
                r#"{"gen_ai.openai.request.service_tier":"auto","gen_ai.openai.response.service_tier":"priority"}"#,
                "{}",
                other("priority"),
                "in both",
            ),
            (
                r#"{"usageMetadata":{"trafficType":"ON_DEMAND_PRIORITY"}}"#,
                "{}",
                other("priority"),
                "a word of Google's",
            ),
            (r#"{"usage":{"service_tier":null}}"#, "{}", Tier::Standard, "null"),
            (r#"{"pricing_tier":"gold"}"#, "{}", Tier::Standard, "another tier altogether"),
            (
                r#"{"message.usage.service_tier":"standard","message.usage.speed":"fast","message.usage.inference_geo":"us"}"#,
                "{}",
                other("fast us"),
                "fast, in the US",
            ),
            (
                r#"{"usage":{"service_tier":"batch","speed":"standard","inference_geo":"US"}}"#,
                r#"{"speed":"fast"}"#,
                other("batch us"),
                "asked to be fast and was not",
            ),
            (
                r#"{"usage.inference_geo":"not_available","usage.speed":null,"speed":"fast"}"#,
                "{}",
                Tier::Standard,
                "nowhere in particular, and another's speed",
            ),
            ("not json: tier", "{}", Tier::Standard, "no JSON"),
        ] {
            assert_eq!(terms(attributes, params).tier, tier, "{why}");
        }
    }

    #[test]
    fn tokens_of_sound_are_told_apart_by_direction_and_cached_ones_left_alone() {
        for (attributes, expected) in [
            (r#"{"usage":{"prompt_tokens_details":{"audio_tokens":7}}}"#, (7, 0)),
            (r#"{"usage":{"completion_tokens_details":{"audio_tokens":9}}}"#, (0, 9)),
            (
                r#"{"usage.prompt_tokens_details.audio_tokens":7,"usage.completion_tokens_details":{"audio_tokens":9}}"#,
                (7, 9),
            ),
            (
                r#"{"llm.token_count.prompt_details.audio":3,"llm.token_count.completion_details.audio":4}"#,
                (3, 4),
            ),
            (r#"{"usage":{"input_token_details":{"cached_audio_tokens":5}}}"#, (0, 0)),
            (r#"{"audio_seconds":5,"audio":{"input":3}}"#, (0, 0)),
            (r#"{"usage":{"prompt_tokens_details":{"audio_tokens":-1}}}"#, (0, 0)),
        ] {
            let terms = terms(attributes, "{}");
            assert_eq!((terms.audio_input, terms.audio_output), expected, "{attributes}");
        }
    }
}
