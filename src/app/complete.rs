//! What may stand at the cursor of a filter: fields, and values seen in the store.

use crate::model::filter::{ANOMALY, Field, Had, Reach, Shape};

/// What is being typed at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A field's name, or text.
    Word(String),
    /// The value of a text field, as far as it goes.
    Value(Field, String),
    /// What `has:` asks for.
    Had(String),
    /// The name of an attribute, behind `attr.`.
    Attribute(String),
    /// A time.
    Moment(String),
    /// Nothing that could be completed.
    Nothing,
}

/// What is being typed, and where it begins, in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first character.
    pub start: usize,
    /// What it is.
    pub what: What,
}

/// A completion: what takes the place of what is being typed, and a word about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// How often it was seen, or what it means.
    pub note: String,
}

/// What is being typed in a filter whose cursor stands behind so many characters.
#[must_use]
pub fn place(text: &str, cursor: usize) -> Place {
    let typed: Vec<char> = text.chars().take(cursor).collect();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in typed.iter().enumerate() {
        match c {
            '"' if at == 0 || typed[at - 1] != '\\' => quoted = !quoted,
            '(' | ')' if !quoted => start = at + 1,
            c if c.is_whitespace() && !quoted => start = at + 1,
            _ => {}
        }
    }
    while typed.get(start) == Some(&'-') {
        start += 1;
    }
    let word: String = typed[start..].iter().collect();
    let nothing = Place {
        start,
        what: What::Nothing,
    };
    let Some(operator) = word.find([':', '=', '<', '>']) else {
        return if word.starts_with('"') {
            nothing
        } else if let Some((prefix, name)) = word
            .split_at_checked("attr.".len())
            .filter(|(prefix, _)| prefix.eq_ignore_ascii_case("attr."))
        {
            Place {
                start: start + prefix.len(),
                what: What::Attribute(name.to_owned()),
            }
        } else {
            Place {
                start,
                what: What::Word(word),
            }
        };
    };
    let (name, value) = (word[..operator].to_ascii_lowercase(), &word[operator + 1..]);
    let value_at = start + word[..=operator].chars().count();
    let value = value.strip_prefix('"').unwrap_or(value).to_owned();
    let what = match Field::ALL.iter().copied().find(|field| field.name() == name) {
        Some(field) if field.shape() == Shape::Text => What::Value(field, value),
        Some(Field::At) => What::Moment(value),
        None if name == "has" => What::Had(value),
        None if matches!(name.as_str(), "since" | "until") => What::Moment(value),
        Some(_) | None => What::Nothing,
    };
    Place { start: value_at, what }
}

/// Names that begin with what was typed, then those that hold it.
fn ranked<T>(all: impl Iterator<Item = T>, typed: &str, name: impl Fn(&T) -> &str) -> Vec<T> {
    let typed = typed.to_ascii_lowercase();
    let (first, rest): (Vec<T>, Vec<T>) = all
        .filter(|one| name(one).contains(&typed))
        .partition(|one| name(one).starts_with(&typed));
    first.into_iter().chain(rest).collect()
}

/// Completions that need no store: names of fields and groups, words that are ours.
#[must_use]
pub fn known(what: &What) -> Vec<Completion> {
    let completion = |(text, note): (String, &str)| Completion {
        text,
        note: note.to_owned(),
    };
    match what {
        What::Word(typed) => {
            let fields = Field::ALL.iter().map(|field| {
                let operator = match field.shape() {
                    Shape::Text => ":",
                    Shape::Number(_) if *field == Field::At => ":",
                    Shape::Number(_) => ">",
                };
                (format!("{}{operator}", field.name()), field.meaning())
            });
            let others = [
                ("has:", "it was logged: has:prompt, -has:user"),
                ("since:", "not before: since:2h"),
                ("until:", "before: until:15:00"),
                ("attr.", "a logged attribute: attr.http.route:/chat"),
            ];
            let groups = Reach::ALL.map(|reach| {
                let note = match reach {
                    Reach::Span => "all of it about one span: span(kind:tool took>5s)",
                    Reach::Child => "a span below another: child(status:error)",
                    Reach::Parent => "a span above another: parent(kind:agent)",
                };
                (format!("{}(", reach.name()), note)
            });
            let all = fields.chain(others.map(|(text, note)| (text.to_owned(), note))).chain(groups);
            ranked(all, typed, |(text, _)| text).into_iter().map(completion).collect()
        }
        What::Had(typed) => ranked(Had::all(), typed, |had| had.name())
            .into_iter()
            .map(|had| completion((format!("{} ", had.name()), "")))
            .collect(),
        What::Value(field @ Field::Finding, typed) => ranked(field.known().into_iter(), typed, |name| name)
            .into_iter()
            .map(|name| completion((format!("{name} "), "")))
            .collect(),
        What::Moment(typed) => {
            let moments = [
                ("15:00 ", "the last time it was so late"),
                ("\"yesterday 15:00\" ", "yesterday so late"),
                ("yesterday ", "at its beginning"),
                ("today ", "at its beginning"),
                ("2h ", "two hours ago; 30m, 7d"),
            ];
            let typed = typed.to_ascii_lowercase();
            let fits = |(text, _): &(&str, &str)| text.trim_start_matches('"').starts_with(&typed);
            let all = moments.into_iter().filter(fits);
            all.map(|(text, note)| completion((text.to_owned(), note))).collect()
        }
        What::Value(..) | What::Attribute(_) | What::Nothing => Vec::new(),
    }
}

/// All findings that begin with what was typed or hold it, with how many interactions have each; those seen come first.
#[must_use]
pub fn findings(typed: &str, values: Vec<(String, u64)>) -> Vec<Completion> {
    let (mut seen, mut rest) = (Vec::new(), Vec::new());
    for one in known(&What::Value(Field::Finding, typed.to_owned())) {
        let name = one.text.trim_end();
        match values.iter().find(|(value, _)| value == name) {
            Some((_, count)) => seen.push((*count, one)),
            // Which ones are dear is judged where they are asked for.
            None if name == ANOMALY => rest.push(Completion {
                note: "dearer than its feature's usual".to_owned(),
                ..one
            }),
            None => rest.push(Completion {
                note: "0".to_owned(),
                ..one
            }),
        }
    }
    seen.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let seen = seen.into_iter().map(|(count, one)| Completion {
        note: count.to_string(),
        ..one
    });
    seen.chain(rest).collect()
}

/// Whether the values of this field are asked of the store.
#[must_use]
pub const fn is_asked(field: Field) -> bool {
    matches!(
        field,
        Field::Feature
            | Field::User
            | Field::Session
            | Field::Service
            | Field::Model
            | Field::Status
            | Field::Kind
            | Field::Name
            | Field::Tool
            | Field::Stop
            | Field::Finding
            | Field::Doc
            | Field::Prompt
    )
}

/// Names of attributes as completions, those that can be written behind `attr.`. They were counted in a part of the records.
#[must_use]
pub fn named(names: Vec<(String, u64)>) -> Vec<Completion> {
    let plain = |name: &str| !name.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')' | ':' | '=' | '<' | '>'));
    let completion = |(name, count): (String, u64)| Completion {
        text: format!("{name}:"),
        note: format!("≥{count}"),
    };
    names.into_iter().filter(|(name, _)| plain(name)).map(completion).collect()
}

/// Values seen as completions, in quotes where they need them. Documents and system prompts are those of the newest records.
#[must_use]
pub fn seen(field: Field, values: Vec<(String, u64)>) -> Vec<Completion> {
    let about = if matches!(field, Field::Doc | Field::Prompt) { "≈" } else { "" };
    let completion = |(value, count): (String, u64)| {
        let bare = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')'));
        let text = if bare {
            format!("{value} ")
        } else {
            format!("\"{}\" ", value.replace('\\', "\\\\").replace('"', "\\\""))
        };
        Completion {
            text,
            note: format!("{about}{count}"),
        }
    };
    values.into_iter().map(completion).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_found_wherever_the_cursor_stands() {
        let word = |start, text: &str| Place {
            start,
            what: What::Word(text.to_owned()),
        };
        let value = |start, field, text: &str| Place {
            start,
            what: What::Value(field, text.to_owned()),
        };
        let nothing = |start| Place {
            start,
            what: What::Nothing,
        };
        let table = [
            ("", 0, word(0, "")),
            ("fea", 3, word(0, "fea")),
            ("fea", 1, word(0, "f")),
            ("cost>1 -us", 10, word(8, "us")),
            ("child(kin", 9, word(6, "kin")),
            ("feature:bi", 10, value(8, Field::Feature, "bi")),
            ("-user:é x", 7, value(6, Field::User, "é")),
            ("feature:\"two wo", 15, value(8, Field::Feature, "two wo")),
            ("feature:\"two words\" mo", 22, word(20, "mo")),
            ("cost>0.", 7, nothing(5)),
            (
                "since:\"yes",
                10,
                Place {
                    start: 6,
                    what: What::Moment("yes".to_owned()),
                },
            ),
            ("\"user", 5, nothing(0)),
            ("foo:ba", 6, nothing(4)),
            (
                "-attr.http.ro",
                13,
                Place {
                    start: 6,
                    what: What::Attribute("http.ro".to_owned()),
                },
            ),
            ("attr.http.route:/ch", 19, nothing(16)),
            (
                "has:pro",
                7,
                Place {
                    start: 4,
                    what: What::Had("pro".to_owned()),
                },
            ),
        ];
        for (text, cursor, meant) in table {
            assert_eq!(place(text, cursor), meant, "{text:?} at {cursor}");
        }
    }

    #[test]
    fn every_field_can_be_completed_and_what_is_completed_can_be_read() {
        let clock = crate::model::moment::Clock {
            now: 0,
            zone: jiff::tz::TimeZone::UTC,
        };
        let texts = |what: What| known(&what).into_iter().map(|one| one.text).collect::<Vec<_>>();
        let all = texts(What::Word(String::new()));
        for field in Field::ALL {
            assert!(all.iter().any(|text| text.starts_with(field.name())), "{field:?}");
        }
        assert_eq!(texts(What::Word("t".into()))[..3], ["trace:", "tool:", "tokens>"]);
        assert_eq!(texts(What::Had("pr".into())), ["prompt "]);
        assert_eq!(texts(What::Value(Field::Finding, "anom".into())), ["anomaly "]);
        let moments = texts(What::Moment(String::new()));
        assert!(moments.len() > 3 && texts(What::Moment("yes".into())).len() == 2);
        for (field, moment) in ["at:", "since:", "until:"]
            .into_iter()
            .flat_map(|field| moments.iter().map(move |moment| (field, moment)))
        {
            let text = format!("{field}{moment}");
            assert!(crate::model::filter::Filter::parse(&text, &clock).is_ok(), "{text}");
        }
        let told = findings("t", vec![("truncated".into(), 7), ("tool_error".into(), 9), ("gone".into(), 1)]);
        let told: Vec<_> = told.iter().map(|one| (one.text.trim_end(), one.note.as_str())).collect();
        assert_eq!(told[..3], [("tool_error", "9"), ("truncated", "7"), ("context_nearly_full", "0")]);
        let names = named(vec![("http.route".into(), 2), ("a b".into(), 9), ("é/~".into(), 1)]);
        assert_eq!(
            names.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(),
            ["http.route:", "é/~:"]
        );
        for one in names {
            let text = format!("attr.{}x", one.text);
            assert!(crate::model::filter::Filter::parse(&text, &clock).is_ok(), "{text}");
        }
        for one in seen(
            Field::User,
            vec![("two \"words\" \\".into(), 3), ("plain".into(), 1), (String::new(), 1)],
        ) {
            let text = format!("user:{}", one.text);
            assert!(crate::model::filter::Filter::parse(&text, &clock).is_ok(), "{text}");
        }
    }
}
