//! Keys → actions, from TOML: the embedded `assets/keymap.toml`, and over it the user's own.
//!
//! A conflict is an error with its line, never a silent winner: a key that does something else than the help says is
//! worse than a program that does not start.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::Deserialize;
use strum::IntoEnumIterator;
use toml::Spanned;

use crate::app::{Action, Mode};

/// The default keymap.
pub const DEFAULT: &str = include_str!("../assets/keymap.toml");

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// This.
    Action(Action),
    /// The beginning of a longer sequence.
    Pending,
    /// Nothing.
    Unbound,
}

/// Why a keymap cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct KeymapError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong; for a conflict it names both actions.
    pub message: String,
}

/// All bindings.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

/// A key without the noise of how terminals report shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

#[derive(Clone, Debug)]
struct Binding {
    /// `None` is everywhere.
    mode: Option<Mode>,
    keys: Vec<Key>,
    action: Action,
}

type Table = BTreeMap<String, Spanned<Vec<Spanned<String>>>>;

/// The settings, of which only the keys are read here.
#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    keys: File,
}

/// A keymap as written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    unbound: Vec<Spanned<String>>,
    everywhere: Table,
    list: Table,
    inspector: Table,
    costs: Table,
    timeline: Table,
    sources: Table,
    rejects: Table,
    diagnosis: Table,
    comparison: Table,
    health: Table,
    sessions: Table,
    sheet: Table,
    help: Table,
    sort: Table,
    columns: Table,
    copy: Table,
    prompt: Table,
}

impl File {
    fn tables(&self) -> [(Option<Mode>, &Table); 17] {
        [
            (None, &self.everywhere),
            (Some(Mode::List), &self.list),
            (Some(Mode::Inspector), &self.inspector),
            (Some(Mode::Costs), &self.costs),
            (Some(Mode::Timeline), &self.timeline),
            (Some(Mode::Sources), &self.sources),
            (Some(Mode::Rejects), &self.rejects),
            (Some(Mode::Diagnosis), &self.diagnosis),
            (Some(Mode::Comparison), &self.comparison),
            (Some(Mode::Health), &self.health),
            (Some(Mode::Sessions), &self.sessions),
            (Some(Mode::Sheet), &self.sheet),
            (Some(Mode::Help), &self.help),
            (Some(Mode::Sort), &self.sort),
            (Some(Mode::Columns), &self.columns),
            (Some(Mode::Copy), &self.copy),
            (Some(Mode::Prompt), &self.prompt),
        ]
    }
}

impl Keymap {
    /// The defaults with the `[keys]` of the user's settings over them. Lines of errors are those of the settings.
    pub fn load(settings: Option<&str>) -> Result<Self, KeymapError> {
        let mut keymap = Self { bindings: Vec::new() };
        let listed = keymap.lay(read(DEFAULT)?, DEFAULT, "")?;
        for action in Action::iter() {
            if !listed.contains(&action) && !keymap.bindings.iter().any(|binding| binding.action == action) {
                return Err(KeymapError {
                    line: 1,
                    message: format!("`{}` is neither bound nor listed as unbound", action.name()),
                });
            }
        }
        if let Some(text) = settings {
            keymap.lay(read::<Settings>(text)?.keys, text, "keys.")?;
        }
        Ok(keymap)
    }

    /// Lays a file over what is there: each action it names loses its keys in that table and takes the new ones. Its tables stand in the
    /// text, their names behind this prefix.
    fn lay(&mut self, file: File, text: &str, prefix: &str) -> Result<Vec<Action>, KeymapError> {
        let line = |offset: usize| line_of(text, offset);
        for (mode, table) in file.tables() {
            for (name, keys) in table {
                let action = action_named(name, line(keys.span().start))?;
                self.bindings.retain(|binding| binding.mode != mode || binding.action != action);
            }
        }
        for (mode, table) in file.tables() {
            for (name, keys) in table {
                let action = action_named(name, line(keys.span().start))?;
                for written in keys.get_ref() {
                    let line = line(written.span().start);
                    let keys = sequence(written.get_ref()).map_err(|message| KeymapError { line, message })?;
                    if let Some(other) = self.conflict(mode, &keys) {
                        let table = mode.map_or("everywhere", Mode::name);
                        let (written, name, other) = (written.get_ref(), action.name(), other.name());
                        return Err(KeymapError {
                            line,
                            message: format!("in [{prefix}{table}] {written:?} is both `{name}` and `{other}`"),
                        });
                    }
                    self.bindings.push(Binding { mode, keys, action });
                }
            }
        }
        let mut unbound = Vec::new();
        for name in &file.unbound {
            let action = action_named(name.get_ref(), line(name.span().start))?;
            self.bindings.retain(|binding| binding.action != action);
            unbound.push(action);
        }
        Ok(unbound)
    }

    /// Another binding of the same table that is the same sequence, or begins with it, or is its beginning.
    fn conflict(&self, mode: Option<Mode>, keys: &[Key]) -> Option<Action> {
        self.bindings
            .iter()
            .find(|other| other.mode == mode && (other.keys.starts_with(keys) || keys.starts_with(&other.keys)))
            .map(|other| other.action)
    }

    /// What `key` means after the keys in `pending`.
    #[must_use]
    pub fn lookup(&self, mode: Mode, pending: &[KeyEvent], key: KeyEvent) -> Lookup {
        let typed: Vec<Key> = pending.iter().chain([&key]).map(|event| Key::from(*event)).collect();
        for table in [Some(mode), None] {
            // What is typed at a prompt is text first.
            if table.is_none() && mode == Mode::Prompt {
                break;
            }
            let mut found = Lookup::Unbound;
            for binding in self.bindings.iter().filter(|binding| binding.mode == table) {
                if binding.keys == typed {
                    return Lookup::Action(binding.action);
                }
                if binding.keys.starts_with(&typed) {
                    found = Lookup::Pending;
                }
            }
            if found == Lookup::Pending {
                return found;
            }
        }
        Lookup::Unbound
    }

    /// What may follow these keys: the rest of each sequence and what it does. The pane's own come first.
    #[must_use]
    pub fn following(&self, mode: Mode, pending: &[KeyEvent]) -> Vec<(String, Action)> {
        let typed: Vec<Key> = pending.iter().map(|event| Key::from(*event)).collect();
        if typed.is_empty() {
            return Vec::new();
        }
        let table = |mode: Option<Mode>| {
            let bindings = self.bindings.iter().filter(move |binding| binding.mode == mode);
            bindings.filter(|binding| binding.keys.len() > typed.len() && binding.keys.starts_with(&typed))
        };
        table(Some(mode))
            .chain(table(None).filter(|_| mode != Mode::Prompt))
            .map(|binding| {
                let rest = binding.keys[typed.len()..].iter().map(Key::to_string).collect::<Vec<_>>();
                (rest.join(" "), binding.action)
            })
            .collect()
    }

    /// The keys of an action, as a person writes them. In several tables: each key once.
    #[must_use]
    pub fn keys_of(&self, action: Action) -> Vec<String> {
        let mut keys = Vec::new();
        for binding in self.bindings.iter().filter(|binding| binding.action == action) {
            let text = binding.keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ");
            if !keys.contains(&text) {
                keys.push(text);
            }
        }
        keys
    }

    /// The tables an action is bound in; `None` is everywhere.
    pub fn modes_of(&self, action: Action) -> impl Iterator<Item = Option<Mode>> {
        self.bindings
            .iter()
            .filter(move |binding| binding.action == action)
            .map(|binding| binding.mode)
    }

    /// Every action of a table with its keys, in the order of the actions. `None` is everywhere.
    #[must_use]
    pub fn table(&self, mode: Option<Mode>) -> Vec<(Action, Vec<String>)> {
        Action::iter()
            .filter(|action| self.modes_of(*action).any(|other| other == mode))
            .map(|action| (action, self.keys_of(action)))
            .collect()
    }
}

/// The line of a byte, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, KeymapError> {
    toml::from_str(text).map_err(|error| KeymapError {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })
}

fn action_named(name: &str, line: usize) -> Result<Action, KeymapError> {
    name.parse().map_err(|_| KeymapError {
        line,
        message: format!("there is no action `{name}`; `spanscope keys` lists them"),
    })
}

/// `"g g"`, `"ctrl-d"`, `"space"`.
fn sequence(text: &str) -> Result<Vec<Key>, String> {
    let keys = text.split_whitespace().map(parse_key).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err("an empty key; a blank is written \"space\"".to_owned());
    }
    Ok(keys)
}

const NAMED: [(&str, KeyCode, &str); 16] = [
    ("enter", KeyCode::Enter, "Enter"),
    ("esc", KeyCode::Esc, "Esc"),
    ("space", KeyCode::Char(' '), "Space"),
    ("tab", KeyCode::Tab, "Tab"),
    ("shift-tab", KeyCode::BackTab, "Shift-Tab"),
    ("up", KeyCode::Up, "↑"),
    ("down", KeyCode::Down, "↓"),
    ("left", KeyCode::Left, "←"),
    ("right", KeyCode::Right, "→"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
    ("page-up", KeyCode::PageUp, "PgUp"),
    ("page-down", KeyCode::PageDown, "PgDn"),
    ("backspace", KeyCode::Backspace, "Backspace"),
    ("delete", KeyCode::Delete, "Del"),
    ("insert", KeyCode::Insert, "Ins"),
];

fn parse_key(text: &str) -> Result<Key, String> {
    let (mut rest, mut modifiers) = (text, KeyModifiers::NONE);
    loop {
        if let Some(after) = rest.strip_prefix("ctrl-").filter(|after| !after.is_empty()) {
            modifiers |= KeyModifiers::CONTROL;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("alt-").filter(|after| !after.is_empty()) {
            modifiers |= KeyModifiers::ALT;
            rest = after;
        } else {
            break;
        }
    }
    let mut characters = rest.chars();
    let code = match (characters.next(), characters.next()) {
        (Some(one), None) => KeyCode::Char(one),
        _ => match NAMED.iter().find(|(name, ..)| *name == rest) {
            Some((_, code, _)) => *code,
            None => match rest.strip_prefix('f').and_then(|number| number.parse::<u8>().ok()) {
                Some(number @ 1..=12) => KeyCode::F(number),
                _ => return Err(format!("{text:?} is no key")),
            },
        },
    };
    Ok(Key { code, modifiers })
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let mut modifiers = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        let code = match event.code {
            // Some terminals report the shifted character, some the plain one with shift held.
            KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::SHIFT) && modifiers.is_empty() => {
                KeyCode::Char(c.to_ascii_uppercase())
            }
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => KeyCode::Char(c.to_ascii_lowercase()),
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            KeyCode::BackTab => {
                modifiers = KeyModifiers::NONE;
                KeyCode::BackTab
            }
            code => code,
        };
        Self { code, modifiers }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("Ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("Alt-")?;
        }
        match self.code {
            KeyCode::F(number) => write!(f, "F{number}"),
            code => match NAMED.iter().find(|(_, named, _)| *named == code) {
                Some((.., shown)) => f.write_str(shown),
                None => match code {
                    KeyCode::Char(c) => f.write_char(c),
                    other => write!(f, "{other}"),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }
    fn plain(c: char) -> KeyEvent {
        press(KeyCode::Char(c), KeyModifiers::NONE)
    }

    #[test]
    fn every_action_has_a_help_text_and_is_bound_or_listed() {
        let keymap = Keymap::load(None).unwrap();
        for action in Action::iter() {
            assert!(!action.help().is_empty(), "{action:?} needs a doc comment");
            assert!(!keymap.keys_of(action).is_empty(), "{action:?} has no key");
        }
    }

    #[test]
    fn the_panes_own_table_goes_before_everywhere_and_a_prompt_knows_only_its_own() {
        let keymap = Keymap::load(None).unwrap();
        assert_eq!(keymap.lookup(Mode::Sort, &[], plain('k')), Lookup::Action(Action::SortByTokens));
        assert_eq!(keymap.lookup(Mode::List, &[], plain('k')), Lookup::Action(Action::Up));
        assert_eq!(keymap.lookup(Mode::Prompt, &[], plain('k')), Lookup::Unbound);
        assert_eq!(
            keymap.lookup(Mode::Prompt, &[], press(KeyCode::Enter, KeyModifiers::NONE)),
            Lookup::Action(Action::Accept)
        );
    }

    #[test]
    fn shift_is_reported_in_two_ways() {
        let keymap = Keymap::load(None).unwrap();
        for event in [
            press(KeyCode::Char('G'), KeyModifiers::SHIFT),
            plain('G'),
            press(KeyCode::Char('g'), KeyModifiers::SHIFT),
        ] {
            assert_eq!(keymap.lookup(Mode::List, &[], event), Lookup::Action(Action::Bottom));
        }
        for event in [
            press(KeyCode::BackTab, KeyModifiers::SHIFT),
            press(KeyCode::Tab, KeyModifiers::SHIFT),
        ] {
            assert_eq!(keymap.lookup(Mode::List, &[], event), Lookup::Action(Action::PreviousPane));
        }
    }

    #[test]
    fn a_conflict_names_both_actions_and_the_line() {
        let error = Keymap::load(Some("theme = \"dark\"\n[keys.list]\n\nopen = [\"enter\", \"h\"]\n")).unwrap_err();
        assert_eq!(error.to_string(), "line 4: in [keys.list] \"h\" is both `open` and `collapse`");
    }

    #[test]
    fn a_beginning_of_a_sequence_conflicts_too() {
        let error = Keymap::load(Some("[keys.everywhere]\nbottom = [\"g e\"]\n")).unwrap_err();
        assert!(error.message.contains("`top`"), "{error}");
    }

    #[test]
    fn sequences_wait_for_their_end() {
        let keymap = Keymap::load(Some("[keys.everywhere]\ntop = [\"g g\"]\nbottom = [\"g e\"]\n")).unwrap();
        assert_eq!(keymap.lookup(Mode::List, &[], plain('g')), Lookup::Pending);
        assert_eq!(keymap.lookup(Mode::List, &[plain('g')], plain('e')), Lookup::Action(Action::Bottom));
        assert_eq!(keymap.lookup(Mode::List, &[plain('g')], plain('x')), Lookup::Unbound);
        assert_eq!(keymap.keys_of(Action::Top), ["g g"]);
        let following = keymap.following(Mode::List, &[plain('g')]);
        assert_eq!(following, [("e".to_owned(), Action::Bottom), ("g".to_owned(), Action::Top)]);
        assert!(keymap.following(Mode::List, &[]).is_empty() && keymap.following(Mode::List, &[plain('x')]).is_empty());
    }

    #[test]
    fn a_user_may_swap_two_keys() {
        let keymap = Keymap::load(Some("[keys.everywhere]\nup = [\"j\"]\ndown = [\"k\"]\n")).unwrap();
        assert_eq!(keymap.lookup(Mode::List, &[], plain('j')), Lookup::Action(Action::Up));
    }

    #[test]
    fn mistakes_are_errors_with_their_line() {
        for (text, line, needle) in [
            ("[keys.everywhere]\nfly = [\"x\"]\n", 2, "fly"),
            ("\n\n[keys.nowhere]\n", 3, "nowhere"),
            ("[keys.everywhere]\nup = [\"hyper-x\"]\n", 2, "hyper-x"),
            ("[keys.everywhere]\nup = [\"\"]\n", 2, "empty"),
            ("[keys.everywhere\n", 1, ""),
        ] {
            let error = Keymap::load(Some(text)).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.message.contains(needle), "{text:?}: {error}");
        }
    }

    #[test]
    fn keys_are_shown_as_people_write_them() {
        let keymap = Keymap::load(None).unwrap();
        assert_eq!(keymap.keys_of(Action::Down), ["j", "↓"]);
        assert_eq!(keymap.keys_of(Action::HalfDown), ["Ctrl-d"]);
        assert_eq!(keymap.keys_of(Action::PageDown), ["PgDn", "Space"]);
    }
}
