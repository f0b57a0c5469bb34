//! Colours and emphasis by meaning. A pane asks for a role ("money", "error"); only this file knows what it looks like.
//!
//! Themes are TOML files (`assets/themes`), embedded. They are written in full colour and brought down here to what the
//! terminal can show. Without colour the theme `none` speaks in bold, underline and reverse; a glyph or a word always says
//! the same thing, so no role may carry meaning by colour alone.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use strum::{EnumCount, EnumIter, IntoEnumIterator, IntoStaticStr};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorSupport {
    /// None, or the user asked for none (`NO_COLOR`).
    None,
    /// The sixteen names.
    #[default]
    Ansi16,
    /// The cube of 256.
    Ansi256,
    /// 24 bits.
    True,
}

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumCount, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Less important text.
    Dim,
    /// Headings and names.
    Strong,
    /// Lines between panes.
    Border,
    /// Lines around the pane that has the focus.
    BorderFocused,
    /// The product's name, the active tab, what the eye should find.
    Accent,
    /// The row under the cursor, pane in focus.
    Selected,
    /// The row under the cursor, pane not in focus; its first cell is `Selected`.
    SelectedDim,
    /// Where the next letter goes, in a line being typed.
    Cursor,
    /// A match of the search.
    Match,
    /// A key in the footer and the help.
    Key,
    /// Fine: following, status ok.
    Good,
    /// Worth a look: findings, paused, lower bounds.
    Warn,
    /// Failed.
    Error,
    /// Money.
    Money,
    /// Tokens.
    Tokens,
    /// Times and durations.
    Time,
    /// A model call.
    Llm,
    /// A tool.
    Tool,
    /// A retrieval, an embedding, a re-ranking.
    Retrieval,
    /// Any other kind of span.
    OtherKind,
    /// A bar's filled part.
    Bar,
    /// A bar's empty part.
    BarEmpty,
    /// The role before a message (`system`, `user` …).
    Speaker,
    /// The name of a member of a JSON object.
    Field,
    /// Code inside of a text.
    Code,
    /// Words of a document that stand in the answer.
    Quoted,
    /// A code point made visible because it would not show, or would deceive.
    Hidden,
}

/// A complete set of styles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    styles: [Style; Role::COUNT],
}

/// Why a theme cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// No such theme.
    #[error("no theme named {0:?}; there are ansi, dark, light, high-contrast and none")]
    Unknown(String),
    /// The file cannot be read.
    #[error("theme {name}: {message}")]
    Broken {
        /// The theme.
        name: String,
        /// What is wrong.
        message: String,
    },
}

/// Names and texts of the embedded themes.
const THEMES: [(&str, &str); 5] = [
    ("ansi", include_str!("../../assets/themes/ansi.toml")),
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("high-contrast", include_str!("../../assets/themes/high-contrast.toml")),
    ("none", include_str!("../../assets/themes/none.toml")),
];

/// One role as the file states it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fg: Option<String>,
    bg: Option<String>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    dim: bool,
    #[serde(default)]
    italic: bool,
    #[serde(default)]
    underline: bool,
    #[serde(default)]
    reverse: bool,
}

impl Theme {
    /// The names of all themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        THEMES.iter().map(|(name, _)| *name)
    }

    /// A theme by name, as the terminal can show it. Without colours every name gives `none`.
    pub fn load(name: &str, colors: ColorSupport) -> Result<Self, ThemeError> {
        let (name, text) = THEMES
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| ThemeError::Unknown(name.to_owned()))?;
        let (name, text) = if colors == ColorSupport::None { THEMES[4] } else { (*name, *text) };
        Self::parse(text, colors).map_err(|message| ThemeError::Broken {
            name: name.to_owned(),
            message,
        })
    }

    fn parse(text: &str, colors: ColorSupport) -> Result<Self, String> {
        let mut entries: BTreeMap<String, Entry> = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut styles = [Style::new(); Role::COUNT];
        for role in Role::iter() {
            let name: &'static str = role.into();
            let entry = entries.remove(name).ok_or_else(|| format!("role {name:?} is missing"))?;
            styles[role as usize] = entry.style(colors)?;
        }
        match entries.keys().next() {
            Some(unknown) => Err(format!("unknown role {unknown:?}")),
            None => Ok(Self { styles }),
        }
    }

    /// What a role looks like.
    #[must_use]
    pub const fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }
}

impl Entry {
    fn style(&self, colors: ColorSupport) -> Result<Style, String> {
        let mut style = Style::new();
        if let Some(fg) = &self.fg {
            style.fg = lowered(parse_color(fg)?, colors);
        }
        if let Some(bg) = &self.bg {
            style.bg = lowered(parse_color(bg)?, colors);
        }
        for (wanted, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.italic, Modifier::ITALIC),
            (self.underline, Modifier::UNDERLINED),
            (self.reverse, Modifier::REVERSED),
        ] {
            if wanted {
                style = style.add_modifier(modifier);
            }
        }
        Ok(style)
    }
}

fn parse_color(text: &str) -> Result<Color, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is no colour: write a name (`red`, `light-blue`) or `#rrggbb`"))
}

/// The nearest colour the terminal has.
fn lowered(color: Color, colors: ColorSupport) -> Option<Color> {
    let Color::Rgb(r, g, b) = color else {
        return (colors != ColorSupport::None).then_some(color);
    };
    match colors {
        ColorSupport::None => None,
        ColorSupport::True => Some(color),
        ColorSupport::Ansi256 => Some(Color::Indexed(cube(r, g, b))),
        ColorSupport::Ansi16 => Some(named(r, g, b)),
    }
}

/// The nearest of the 240 fixed colours: the 6×6×6 cube or the grey ramp.
fn cube(r: u8, g: u8, b: u8) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |v: u8| (0..6u8).min_by_key(|i| LEVELS[usize::from(*i)].abs_diff(v)).unwrap_or(0);
    let (ri, gi, bi) = (nearest(r), nearest(g), nearest(b));
    let in_cube = (LEVELS[usize::from(ri)], LEVELS[usize::from(gi)], LEVELS[usize::from(bi)]);
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let step = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = 8 + step * 10;
    if distance((r, g, b), (grey, grey, grey)) < distance((r, g, b), in_cube) {
        232 + step
    } else {
        16 + 36 * ri + 6 * gi + bi
    }
}

/// The nearest of the sixteen, by the values xterm gives them.
fn named(r: u8, g: u8, b: u8) -> Color {
    const NAMES: [((u8, u8, u8), Color); 16] = [
        ((0, 0, 0), Color::Black),
        ((205, 0, 0), Color::Red),
        ((0, 205, 0), Color::Green),
        ((205, 205, 0), Color::Yellow),
        ((0, 0, 238), Color::Blue),
        ((205, 0, 205), Color::Magenta),
        ((0, 205, 205), Color::Cyan),
        ((229, 229, 229), Color::Gray),
        ((127, 127, 127), Color::DarkGray),
        ((255, 0, 0), Color::LightRed),
        ((0, 255, 0), Color::LightGreen),
        ((255, 255, 0), Color::LightYellow),
        ((92, 92, 255), Color::LightBlue),
        ((255, 0, 255), Color::LightMagenta),
        ((0, 255, 255), Color::LightCyan),
        ((255, 255, 255), Color::White),
    ];
    NAMES
        .iter()
        .min_by_key(|(value, _)| distance((r, g, b), *value))
        .map_or(Color::Reset, |(_, color)| *color)
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_theme_is_complete_in_every_depth() {
        for name in Theme::names() {
            for colors in [ColorSupport::None, ColorSupport::Ansi16, ColorSupport::Ansi256, ColorSupport::True] {
                Theme::load(name, colors).unwrap();
            }
        }
    }

    #[test]
    fn without_colour_there_is_no_colour() {
        for name in Theme::names() {
            let theme = Theme::load(name, ColorSupport::None).unwrap();
            for role in Role::iter() {
                assert_eq!((theme.style(role).fg, theme.style(role).bg), (None, None), "{name} {role:?}");
            }
        }
    }

    #[test]
    fn the_selected_row_stands_out_without_colour() {
        let theme = Theme::load("none", ColorSupport::None).unwrap();
        assert_ne!(theme.style(Role::Selected), theme.style(Role::Text));
        assert_ne!(theme.style(Role::SelectedDim), theme.style(Role::Text));
        assert_ne!(theme.style(Role::Error), theme.style(Role::Text));
    }

    #[test]
    fn colours_come_down_to_the_nearest() {
        assert_eq!(lowered(Color::Rgb(255, 0, 0), ColorSupport::Ansi256), Some(Color::Indexed(196)));
        assert_eq!(lowered(Color::Rgb(250, 5, 5), ColorSupport::Ansi16), Some(Color::LightRed));
        assert_eq!(lowered(Color::Rgb(128, 128, 128), ColorSupport::Ansi256), Some(Color::Indexed(244)));
        assert_eq!(lowered(Color::Rgb(1, 2, 3), ColorSupport::None), None);
    }

    #[test]
    fn an_unknown_name_says_which_there_are() {
        assert!(
            Theme::load("solarized", ColorSupport::True)
                .unwrap_err()
                .to_string()
                .contains("high-contrast")
        );
    }
}
