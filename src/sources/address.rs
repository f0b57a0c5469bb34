//! A place on another machine: `ssh://[user@]host[:port]/path`.
//!
//! It is written as a URL, so `%` and two hex digits stand for one byte: a path that is not UTF-8, or has a `%` or a line break in it,
//! can be named exactly. Everything else in a path, also `*`, `?` and `#`, means itself. `/~/` begins at the user's own directory there.

use std::fmt;

use super::SpecError;

/// A machine as the user named it: an alias of the ssh settings, a name or a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    user: Option<String>,
    name: String,
    port: Option<u16>,
}

/// A file, directory or glob on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The machine.
    pub host: Host,
    /// The path there, as bytes: absolute, or from the user's own directory when it begins with `./`.
    pub path: Vec<u8>,
}

/// What begins an address.
pub(super) const SCHEME: &str = "ssh://";

const SHAPE: &str = "write ssh://[user@]host[:port]/path";

impl Address {
    /// Reads an address as typed. Whatever ssh or a shell could take for something else is refused.
    pub(super) fn parse(text: &str) -> Result<Self, SpecError> {
        let wrong = |what: &str| SpecError::new(format!("{text}: {what}"), SHAPE);
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| wrong("no ssh address"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = Host::parse(authority).map_err(|what| wrong(&what))?;
        let mut path = decode(path).map_err(|what| wrong(&what))?;
        if path.contains(&0) {
            return Err(wrong("a path has no NUL"));
        }
        path.dedup_by(|later, earlier| *later == b'/' && *earlier == b'/');
        while path.ends_with(b"/") {
            path.pop();
        }
        let path = match path.strip_prefix(b"/~/") {
            Some(inner) => [b"./", inner].concat(),
            None if path == b"/~" => b".".to_vec(),
            None => path,
        };
        if path.is_empty() {
            return Err(wrong("no path: name a file, a directory or a glob on the host"));
        }
        Ok(Self { host, path })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.host.uri(&self.path))
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, String> {
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(plain(user)?), rest),
            None => (None, text),
        };
        let (name, port) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (name, after) = inner.split_once(']').ok_or("a [ without its ]")?;
                let port = match after.strip_prefix(':') {
                    Some(port) => Some(port),
                    None if after.is_empty() => None,
                    None => return Err("something stands between ] and the path".to_owned()),
                };
                (name, port)
            }
            None => match rest.split_once(':') {
                Some((name, port)) if !port.contains(':') => (name, Some(port)),
                Some(_) => return Err("an IPv6 address stands in brackets, as in ssh://[::1]/path".to_owned()),
                None => (rest, None),
            },
        };
        let port = match port {
            Some(digits) => Some(
                digits
                    .parse()
                    .ok()
                    .filter(|port| *port > 0 && digits.bytes().all(|digit| digit.is_ascii_digit()))
                    .ok_or_else(|| format!("`{digits}` is not a port"))?,
            ),
            None => None,
        };
        let host = Self {
            user,
            name: plain(name)?,
            port,
        };
        match (host.name.as_str(), host.user.as_deref()) {
            ("", _) => Err("no host".to_owned()),
            (_, Some("")) => Err("no user before the @".to_owned()),
            // ssh would take it for an option.
            (name, _) if name.starts_with('-') => Err("a host does not begin with -".to_owned()),
            (_, Some(user)) if user.starts_with('-') => Err("a user does not begin with -".to_owned()),
            (name, user) => match name.chars().chain(user.unwrap_or_default().chars()).find(|c| !is_harmless(*c)) {
                Some(odd) => Err(format!("`{}` stands in no host or user", odd.escape_default())),
                None => Ok(host),
            },
        }
    }

    /// What names a path on this machine, exactly: the uri of a source.
    pub(super) fn uri(&self, path: &[u8]) -> String {
        let mut uri = self.prefix();
        match path.strip_prefix(b"./") {
            Some(inner) => {
                uri.push_str("/~/");
                encode(inner, &mut uri);
            }
            None if path == b"." => uri.push_str("/~"),
            None => encode(path, &mut uri),
        }
        uri
    }

    /// What the uri of every source on this machine begins with, up to the path.
    fn prefix(&self) -> String {
        let mut text = SCHEME.to_owned();
        if let Some(user) = &self.user {
            encode(user.as_bytes(), &mut text);
            text.push('@');
        }
        if self.name.contains(':') {
            text.push('[');
            encode(self.name.as_bytes(), &mut text);
            text.push(']');
        } else {
            encode(self.name.as_bytes(), &mut text);
        }
        if let Some(port) = self.port {
            text.push_str(&format!(":{port}"));
        }
        text
    }

    /// Is it a source on this machine?
    #[cfg(any(feature = "store", test))]
    pub(super) fn has(&self, uri: &str) -> bool {
        uri.strip_prefix(&self.prefix()).is_some_and(|path| path.starts_with('/'))
    }

    /// How ssh is told the machine: nothing behind `--` is an option.
    #[cfg(feature = "store")]
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if let Some(user) = &self.user {
            arguments.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        arguments.extend(["--".to_owned(), self.name.clone()]);
        arguments
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.prefix())
    }
}

/// The user's own ssh settings may run commands with host and user in them: no character that a shell would read is let through.
fn is_harmless(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"'`\"$\\;&<>|(){}[]*?!#,/@".contains(c)
}

fn plain(text: &str) -> Result<String, String> {
    String::from_utf8(decode(text)?).map_err(|_| "a host and a user are UTF-8".to_owned())
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or("% stands before two hex digits; a percent sign is %25")?);
        rest = &rest[2..];
    }
    Ok(bytes)
}

/// The opposite of `decode`, and readable: only what would be read as something else is written in hex.
fn encode(mut bytes: &[u8], out: &mut String) {
    while !bytes.is_empty() {
        let (text, odd) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                (
                    std::str::from_utf8(valid).unwrap_or_default(),
                    &rest[..error.error_len().unwrap_or(rest.len())],
                )
            }
        };
        for c in text.chars() {
            if c == '%' || c.is_control() {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&format!("%{byte:02X}"));
                }
            } else {
                out.push(c);
            }
        }
        for byte in odd {
            out.push_str(&format!("%{byte:02X}"));
        }
        bytes = &bytes[text.len() + odd.len()..];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (Option<String>, String, Option<u16>, String) {
        let Address { host, path } = Address::parse(text).unwrap();
        (host.user, host.name, host.port, String::from_utf8(path).unwrap())
    }

    #[test]
    fn addresses_are_taken_apart() {
        let some = |text: &str| Some(text.to_owned());
        let table = [
            ("ssh://web/var/log/app.jsonl", (None, "web".to_owned(), None, "/var/log/app.jsonl")),
            ("ssh://me@web:2222/logs/", (some("me"), "web".to_owned(), Some(2222), "/logs")),
            ("ssh://[::1]/a", (None, "::1".to_owned(), None, "/a")),
            (
                "ssh://me@[fe80::1%25eth0]:22/a",
                (some("me"), "fe80::1%eth0".to_owned(), Some(22), "/a"),
            ),
            ("ssh://web/~/logs/*.jsonl", (None, "web".to_owned(), None, "./logs/*.jsonl")),
            ("ssh://web/~", (None, "web".to_owned(), None, ".")),
            ("ssh://web//a//b c#d?e", (None, "web".to_owned(), None, "/a/b c#d?e")),
            ("ssh://web/100%25/a%0Ab", (None, "web".to_owned(), None, "/100%/a\nb")),
            ("ssh://dom%5c%5c/a", (None, "x".to_owned(), None, "")),
        ];
        for (text, (user, name, port, path)) in &table[..8] {
            assert_eq!(parts(text), (user.clone(), name.clone(), *port, (*path).to_owned()), "{text}");
        }
        assert!(Address::parse(table[8].0).is_err(), "hex does not carry a backslash past the check");
    }

    #[test]
    fn what_is_no_address_is_said_with_its_reason() {
        for (text, why) in [
            ("ssh://", "no host"),
            ("ssh:///path", "no host"),
            ("ssh://web", "no path"),
            ("ssh://web/", "no path"),
            ("ssh://web:port/a", "`port` is not a port"),
            ("ssh://web:0/a", "`0` is not a port"),
            ("ssh://web:70000/a", "not a port"),
            ("ssh://web:/a", "`` is not a port"),
            ("ssh://::1/a", "brackets"),
            ("ssh://[::1/a", "without its ]"),
            ("ssh://[::1]x/a", "between ]"),
            ("ssh://@web/a", "no user"),
            ("ssh://-oProxyCommand=id/a", "does not begin with -"),
            ("ssh://%2doProxyCommand=id/a", "does not begin with -"),
            ("ssh://-l@web/a", "does not begin with -"),
            ("ssh://we b/a", "stands in no host"),
            ("ssh://web%0a/a", "`\\n` stands in no host"),
            ("ssh://$(id)/a", "`$` stands in no host"),
            ("ssh://a;b@web/a", "`;` stands in no host"),
            ("ssh://web\u{85}/a", "stands in no host"),
            ("ssh://web/50%", "%25"),
            ("ssh://web/a%zz", "%25"),
            ("ssh://web/a%00b", "NUL"),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.what.contains(why), "{text}: {error}");
            assert_eq!(error.hint, SHAPE);
        }
    }

    #[test]
    fn a_host_knows_its_own_sources_and_no_others() {
        let host = Address::parse("ssh://me@web:22/a").unwrap().host;
        assert!(host.has("ssh://me@web:22/b/c"));
        for other in [
            "/b/c",
            "-",
            "ssh://web/b",
            "ssh://me@web/b",
            "ssh://me@web:222/b",
            "ssh://me@web:22",
        ] {
            assert!(!host.has(other), "{other}");
        }
        assert_eq!(host.to_string(), "ssh://me@web:22");
    }

    proptest! {
        /// Whatever a path is made of, its uri leads back to it and holds nothing that a terminal or a line-based file would trip over.
        #[test]
        fn uris_lead_back(path in prop::collection::vec(prop_oneof![Just(b'/'), Just(b'%'), Just(b'\n'), Just(b'~'), Just(b'.'), 1_u8..=255], 1..20)) {
            let host = Host { user: Some("me".into()), name: "::1".into(), port: Some(1) };
            let address = Address::parse(&host.uri(&[b"/x", path.as_slice()].concat()));
            let uri = address.clone().unwrap().to_string();
            prop_assert!(!uri.contains(|c: char| c.is_control()));
            prop_assert!(host.has(&uri));
            prop_assert_eq!(Address::parse(&uri).unwrap(), address.unwrap());
        }
    }
}
