//! The columns of a table, by the words that it was made with
//! (<https://www.sqlite.org/lang_createtable.html>).

/// A piece of SQL.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A name or a word, without the quotes around it.
    Word(Vec<u8>),
    /// The same, with quotes: none of the language's own words.
    Quoted(Vec<u8>),
    Sign(u8),
}

/// What a part of a table's definition begins with that is none of a column.
const OTHER_PARTS: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

/// The names of the columns of an ordinary table, in the order in which its rows have them; None
/// for any other: one that is made by a module, that computes columns, or that has no row numbers.
pub fn columns(sql: &[u8]) -> Option<Vec<Vec<u8>>> {
    let tokens = tokens(sql)?;
    let is = |token: &Token, word: &str| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word.as_bytes()));
    let opens = tokens
        .iter()
        .position(|token| *token == Token::Sign(b'('))?;
    let (head, rest) = tokens.split_at(opens);
    let plain = head.len() >= 3
        && is(&head[0], "CREATE")
        && is(&head[1], "TABLE")
        && !head.iter().any(|token| is(token, "AS"));
    if !plain {
        return None;
    }
    let mut columns = Vec::new();
    let (mut depth, mut begins, mut others) = (0, false, false);
    for token in rest {
        match token {
            Token::Sign(b'(') => {
                depth += 1;
                begins = depth == 1;
                continue;
            }
            Token::Sign(b')') => depth -= 1,
            Token::Sign(b',') if depth == 1 && !begins => {
                begins = true;
                continue;
            }
            // After the columns: WITHOUT ROWID, or STRICT.
            token if depth == 0 && is(token, "WITHOUT") => return None,
            token if depth == 1 && begins => match token {
                token if OTHER_PARTS.iter().any(|part| is(token, part)) => others = true,
                Token::Word(name) | Token::Quoted(name) if !others => columns.push(name.clone()),
                _ => return None,
            },
            token if depth == 1 && (is(token, "GENERATED") || is(token, "AS")) => return None,
            _ => {}
        }
        begins = false;
    }
    (depth == 0).then_some(columns)
}

/// None when something does not end.
fn tokens(sql: &[u8]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = sql.get(at) {
        let rest = &sql[at..];
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0C => at += 1,
            b'-' if rest.starts_with(b"--") => {
                at += rest
                    .iter()
                    .position(|&byte| byte == b'\n')
                    .unwrap_or(rest.len());
            }
            b'/' if rest.starts_with(b"/*") => {
                at += 4 + rest[2..].windows(2).position(|two| two == b"*/")?;
            }
            b'"' | b'`' | b'\'' | b'[' => {
                let (name, length) = quoted(rest)?;
                tokens.push(Token::Quoted(name));
                at += length;
            }
            byte if is_word(byte) => {
                let length = rest.iter().position(|&byte| !is_word(byte));
                let word = &rest[..length.unwrap_or(rest.len())];
                tokens.push(Token::Word(word.to_vec()));
                at += word.len();
            }
            sign => {
                tokens.push(Token::Sign(sign));
                at += 1;
            }
        }
    }
    Some(tokens)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// What is in the quotes that this begins with, and how long it is with them.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let close = if text[0] == b'[' { b']' } else { text[0] };
    let mut name = Vec::new();
    let mut at = 1;
    loop {
        match (*text.get(at)? == close, text.get(at + 1)) {
            // Two of them are one that belongs to the name.
            (true, Some(&next)) if next == close && close != b']' => at += 1,
            (true, _) => return Some((name, at + 1)),
            _ => {}
        }
        name.push(text[at]);
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_tables() {
        for (sql, expected) in [
            ("CREATE TABLE t(a, b, c)", Some("a b c")),
            (
                "create table if not exists \"t\" (\n a TEXT NOT NULL,\n [b] INT)",
                Some("a b"),
            ),
            (
                "CREATE TABLE main.'t'(`a``b` x, \"c\"\"d\", 'e''f')",
                Some("a`b c\"d e'f"),
            ),
            (
                "CREATE TABLE t(a DEFAULT (1, 2), b CHECK (b IN (1, 2)), PRIMARY KEY(a, b))",
                Some("a b"),
            ),
            (
                "CREATE TABLE t(a -- one, two\n, /* c, */ b DECIMAL(10,5))",
                Some("a b"),
            ),
            (
                "CREATE TABLE t(a, \"primary\", b, constraint c unique(a), foreign key (a) references u(b))",
                Some("a primary b"),
            ),
            ("CREATE TABLE t(a) STRICT", Some("a")),
            ("CREATE TABLE t(a DEFAULT 'it''s )', é)", Some("a é")),
            // None of an ordinary table.
            ("CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID", None),
            ("CREATE TABLE t(a, b AS (a + 1))", None),
            (
                "CREATE TABLE t(a, b INT GENERATED ALWAYS AS (a) VIRTUAL)",
                None,
            ),
            ("CREATE VIRTUAL TABLE t USING fts5(a, b)", None),
            ("CREATE VIEW t(a, b) AS SELECT 1, 2", None),
            ("CREATE TABLE t AS SELECT (1)", None),
            // No end, or no beginning.
            ("CREATE TABLE t(a, b", None),
            ("CREATE TABLE t(a, 'b)", None),
            ("CREATE TABLE t(a /* b)", None),
            ("CREATE TABLE t(a, , b)", None),
            ("CREATE TABLE t(a))", None),
            ("TABLE t(a)", None),
            ("CREATE TABLE (a)", None),
            ("", None),
        ] {
            let found = columns(sql.as_bytes()).map(|columns| columns.join(&b' '));
            let found = found.map(|joined| String::from_utf8(joined).expect("no text"));
            assert_eq!(found.as_deref(), expected, "{sql}");
        }
    }
}
