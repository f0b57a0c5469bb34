//! Markdown for reading: every character as logged, and what its marks mean told by tones. Nothing is taken away, moved or drawn anew, so that
//! what is searched for and what is copied are the text itself.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::super::viewer::{Page, Tone};

/// What ends further down in a page stays plain: that much is data rather than prose, and it is written anew whenever something of it changes.
const LONGEST: usize = 512 << 10;

/// A text and the end of its line; headings, strong words, code, marks of lists and of quotes and addresses of links stand out.
pub(super) fn write(page: &mut Page, text: &str) {
    let marked = if page.text.len() + text.len() > LONGEST {
        Vec::new()
    } else {
        stretches(text)
    };
    let mut at = 0;
    for (tone, stretch) in marked {
        // What stands inside of another is told as that.
        if stretch.start >= at {
            page.push(Tone::Text, &text[at..stretch.start]).push(tone, &text[stretch.clone()]);
            at = stretch.end;
        }
    }
    page.push(Tone::Text, &text[at..]);
    if !text.ends_with('\n') {
        page.line(Tone::Text, "");
    }
}

/// What stands out of a text, from its beginning on; a stretch inside of another comes after that.
fn stretches(text: &str) -> Vec<(Tone, Range<usize>)> {
    let mut found = Vec::new();
    // Where the last quote ends: one inside of it is told by the marks it begins with.
    let mut quoted = 0;
    for (event, at) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let written = &text[at.clone()];
        match event {
            // A line under a paragraph makes a heading of it, too; logs draw lines for other reasons.
            Event::Start(Tag::Heading { .. }) if written.starts_with('#') => found.push((Tone::Heading, at)),
            Event::Start(Tag::Strong) => found.push((Tone::Heading, at)),
            // Prompts are often indented; only fences mean code.
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) | Event::Code(_) => found.push((Tone::Code, at)),
            Event::Start(Tag::BlockQuote(_)) if at.start >= quoted => {
                quoted = at.end;
                let mut start = at.start;
                for line in written.split_inclusive('\n') {
                    let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
                    let words = line.find(|c| !matches!(c, '>' | ' ' | '\t')).unwrap_or(line.len());
                    let marks = line[..words].trim_end().len();
                    if marks > blank {
                        found.push((Tone::Number, start + blank..start + marks));
                    }
                    start += line.len();
                }
            }
            Event::Rule => found.push((Tone::Dim, at)),
            Event::Start(Tag::Item) => {
                let mark = written.find([' ', '\t', '\n']).unwrap_or(written.len());
                found.push((Tone::Number, at.start..at.start + mark));
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => {
                if let Some(address) = written.rfind("](") {
                    found.push((Tone::Dim, at.start + address..at.end));
                }
            }
            _ => {}
        }
    }
    found.sort_by_key(|(_, stretch)| (stretch.start, std::cmp::Reverse(stretch.end)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> Page {
        let mut page = Page::default();
        write(&mut page, text);
        page
    }

    /// The stretches of a tone.
    fn of(page: &Page, tone: Tone) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let (mut tones, mut inside) = (page.tones_from(0), false);
        for (at, c) in page.text.char_indices() {
            let is = tones.at(at) == tone;
            if is && !inside {
                found.push(String::new());
            }
            if let Some(last) = found.last_mut().filter(|_| is) {
                last.push(c);
            }
            inside = is;
        }
        found
    }

    #[test]
    fn what_marks_mean_is_told_and_the_text_stays() {
        let text = "# Refunds\n\nA *yearly* plan is **paid back**, see `refund_days` and [the page](https://example.com/p).\n\n\
                    - first\n- **second** one\n\n1. numbered\n\n> said\n>> again\ngoes > on\n\n```json\n{\"a\": 1}\n```\n\n    indented words\n\nnot a heading\n---\n\n***\nend";
        let page = written(text);
        assert_eq!(page.text, format!("{text}\n"));
        assert_eq!(of(&page, Tone::Heading), ["# Refunds\n", "**paid back**", "**second**"]);
        assert_eq!(of(&page, Tone::Code), ["`refund_days`", "```json\n{\"a\": 1}\n```"]);
        assert_eq!(of(&page, Tone::Number), ["-", "-", "1.", ">", ">>"]);
        assert_eq!(of(&page, Tone::Dim), ["](https://example.com/p)", "***\n"]);
    }

    #[test]
    fn plain_words_and_great_texts_stay_plain() {
        for text in [
            "Can I still cancel?",
            "2 * 3 * 4 and snake_case_words",
            "",
            &"# x\n".repeat(LONGEST / 4 + 1),
        ] {
            let page = written(text);
            assert_eq!(of(&page, Tone::Text).concat(), page.text);
        }
    }

    /// Marks without end, as nobody writes them but to do harm.
    #[test]
    fn hostile_marks_are_read_in_their_length() {
        for mark in [
            "[", "*a ", "`", "``` ", "> ", "- ", "![[](", "<a ", "_*", "\n1. ", "|a", "&", "# [a](b",
        ] {
            let text = mark.repeat(LONGEST / mark.len());
            assert_eq!(written(&text).text.trim_end(), text.trim_end(), "{mark:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_it_is(text in r"([#*_`>\[\](){}!|~+-]|[a-z]|[ \n\t\r]|é|1\.|```|\PC){0,60}") {
            let page = written(&text);
            let expected = if text.ends_with('\n') { text } else { format!("{text}\n") };
            prop_assert_eq!(page.text, expected);
        }
    }
}
