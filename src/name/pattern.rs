//! Patterns of names: which licenses somebody wants, and between which names they can be.

use std::cmp::Ordering;

use super::order;

/// What licenses are chosen by: any of these.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    names: Vec<Pattern>,
    keys: Vec<String>,
    licenses: Vec<String>,
}

/// A pattern of names.
#[derive(Clone, Debug)]
struct Pattern {
    text: Vec<u8>,
    /// What every name begins with that matches.
    prefix: Vec<u8>,
    /// Only the prefix matches.
    is_plain: bool,
}

impl Patterns {
    /// One a line.
    pub fn parse(text: &str) -> Self {
        let mut patterns = Patterns::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.split_once(':') {
                Some(("key", id)) => patterns.keys.push(id.to_owned()),
                Some(("license", id)) => patterns.licenses.push(id.to_owned()),
                Some(("name", name)) => patterns.names.push(Pattern::new(name.as_bytes())),
                _ => patterns.names.push(Pattern::new(line.as_bytes())),
            }
        }
        patterns
    }

    /// There are none: every license is wanted.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.has_names_only()
    }

    pub fn has_names_only(&self) -> bool {
        self.keys.is_empty() && self.licenses.is_empty()
    }

    pub fn match_name(&self, name: &[u8]) -> bool {
        self.names.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether a license is wanted; `key_ids` has one a line.
    pub fn match_license(&self, name: &[u8], license_id: &str, key_ids: &str) -> bool {
        self.match_name(name)
            || self.licenses.iter().any(|id| id == license_id)
            || key_ids
                .lines()
                .any(|id| self.keys.iter().any(|it| it == id))
    }

    /// Whether a name can match that comes at or after `first`, and before `next`.
    pub fn can_match_between(&self, first: &[u8], next: Option<&[u8]>) -> bool {
        let is_before_next =
            |name: &[u8]| next.is_none_or(|next| order(name, next) == Ordering::Less);
        self.names.iter().any(|pattern| {
            let prefix = &pattern.prefix;
            let is_not_passed = match pattern.is_plain {
                true => order(prefix, first) != Ordering::Less,
                // What begins with it follows it, without anything else between.
                false => order(prefix, first) != Ordering::Less || first.starts_with(prefix),
            };
            is_not_passed && is_before_next(prefix)
        })
    }
}

impl Pattern {
    fn new(text: &[u8]) -> Self {
        let mut prefix = Vec::new();
        let mut rest = text;
        while let Some((token, after)) = Token::next(rest) {
            let Token::Byte(byte) = token else { break };
            prefix.push(byte);
            rest = after;
        }
        Pattern {
            text: text.to_owned(),
            prefix,
            is_plain: rest.is_empty(),
        }
    }

    fn matches(&self, name: &[u8]) -> bool {
        if self.is_plain {
            return self.prefix == name;
        }
        name.starts_with(&self.prefix) && matches(&self.text, name)
    }
}

/// A part of a pattern.
enum Token<'a> {
    Byte(u8),
    /// Any one byte.
    One,
    /// Any bytes, slashes too.
    Any,
    /// One of these bytes, or none of them.
    Of {
        set: &'a [u8],
        negated: bool,
    },
}

impl<'a> Token<'a> {
    /// The first part, and what follows it. What is not closed stands for itself.
    fn next(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&first, rest) = text.split_first()?;
        Some(match (first, rest) {
            (b'*', _) => (Token::Any, rest),
            (b'?', _) => (Token::One, rest),
            (b'\\', [byte, rest @ ..]) => (Token::Byte(*byte), rest),
            (b'[', _) => match Self::set(rest) {
                Some(set) => set,
                None => (Token::Byte(first), rest),
            },
            _ => (Token::Byte(first), rest),
        })
    }

    fn set(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let negated = matches!(text.first(), Some(b'!' | b'^'));
        let text = &text[usize::from(negated)..];
        // One that comes first is in the set.
        let end = 1 + text.get(1..)?.iter().position(|&byte| byte == b']')?;
        let set = &text[..end];
        Some((Token::Of { set, negated }, &text[end + 1..]))
    }

    fn takes(&self, byte: u8) -> bool {
        match self {
            Token::Byte(own) => *own == byte,
            Token::One | Token::Any => true,
            Token::Of { set, negated } => is_in(set, byte) != *negated,
        }
    }
}

/// Whether a byte is in a set such as `a-z_`.
fn is_in(mut set: &[u8], byte: u8) -> bool {
    loop {
        set = match set {
            [] => return false,
            [from, b'-', to, rest @ ..] => {
                if (*from..=*to).contains(&byte) {
                    return true;
                }
                rest
            }
            [own, rest @ ..] => {
                if *own == byte {
                    return true;
                }
                rest
            }
        };
    }
}

/// Whether a whole name matches: in the time of both lengths multiplied, at the most.
fn matches(mut pattern: &[u8], mut name: &[u8]) -> bool {
    // Where to go on after the last star, which takes one byte more each time.
    let mut star = None::<(&[u8], &[u8])>;
    loop {
        let step = match (Token::next(pattern), name.split_first()) {
            (Some((Token::Any, rest)), _) => {
                star = Some((rest, name));
                pattern = rest;
                continue;
            }
            (Some((token, rest)), Some((&byte, after))) if token.takes(byte) => Some((rest, after)),
            (None, None) => return true,
            _ => None,
        };
        (pattern, name) = match (step, star) {
            (Some(step), _) => step,
            (None, Some((after_star, [_, longer @ ..]))) => {
                star = Some((after_star, longer));
                (after_star, longer)
            }
            (None, _) => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns() {
        for (pattern, yes, no) in [
            ("a", &["a"][..], &["", "b", "aa", "a/b"][..]),
            ("*", &["", "a", "a/b"], &[]),
            ("a*", &["a", "ab", "a/b"], &["b", "ba"]),
            ("*.lic", &[".lic", "a.lic", "a/b.lic"], &["a.lic2", "lic"]),
            ("a?c", &["abc", "a/c"], &["ac", "abbc"]),
            ("a*b*c", &["abc", "axbxc", "abbcc"], &["acb", "ab"]),
            ("[a-c]x", &["ax", "bx", "cx"], &["dx", "x", "-x"]),
            ("[!a-c]x", &["dx"], &["ax", "x"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[a", &["[a"], &["a"]),
            (r"\*\[a]", &["*[a]"], &["xa", "*a"]),
            ("\\", &["\\"], &[""]),
            ("name:key:a", &["key:a"], &["a"]),
        ] {
            let patterns = Patterns::parse(pattern);
            assert!(
                patterns.has_names_only() && !patterns.is_empty(),
                "{pattern}"
            );
            for name in yes {
                assert!(patterns.match_name(name.as_bytes()), "{pattern} {name}");
            }
            for name in no {
                assert!(!patterns.match_name(name.as_bytes()), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn other_patterns() {
        assert!(Patterns::parse("\n\n").is_empty());
        let patterns = Patterns::parse("key:a/b==\nlicense:{1}\nname\r\n");
        assert!(!patterns.has_names_only());
        for (name, license, keys, wanted) in [
            (&b"name"[..], "", "", true),
            (b"x", "{1}", "", true),
            (b"x", "", "c\na/b==", true),
            (b"key:a/b==", "{2}", "a/b", false),
            (b"x", "", "", false),
        ] {
            assert_eq!(
                patterns.match_license(name, license, keys),
                wanted,
                "{name:?}"
            );
        }
    }

    #[test]
    fn where_names_can_be() {
        let names = ["a", "a/b", "a/b/c", "a/bc", "a!", "ab", "b", "b/a", "ba"];
        let mut names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        names.sort_by(|one, other| order(one, other));
        for pattern in [
            "a", "a/b", "a*", "a/*", "a/b*", "b*a", "*", "?", "c", "ab", "a[b]",
        ] {
            let patterns = Patterns::parse(pattern);
            for begin in 0..names.len() {
                for end in begin + 1..=names.len() {
                    let next = names.get(end).copied();
                    let any = names[begin..end]
                        .iter()
                        .any(|name| patterns.match_name(name));
                    let can = patterns.can_match_between(names[begin], next);
                    assert!(can || !any, "{pattern} {begin} {end}");
                }
            }
        }
        let exact = Patterns::parse("a/b");
        assert!(!exact.can_match_between(b"a/c", None));
        assert!(!exact.can_match_between(b"a", Some(b"a/b")));
        assert!(exact.can_match_between(b"a", Some(b"a/c")));
    }
}
