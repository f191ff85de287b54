//! Licenses of binary formats that are stored as base64.

use super::{Content, Excerpt, Extent, Memory, READERS, Reader, Statement, text};
use crate::error::Result;

pub const READER: Reader = Reader {
    // Never seen: the reader of what is encoded takes over.
    name: c"opaque",
    recognizes: |content| text::begins_base64(content.text),
    read: |content, memory, statement| read(content.text, content.extent, memory, statement),
    can_deny: true,
    ..Reader::USUAL
};

/// Reads the license that a text encodes; false if there is none in it.
pub fn read(
    text: &[u8],
    extent: Extent,
    memory: &mut Memory,
    statement: &mut Statement,
) -> Result<bool> {
    // The reader may need memory, too.
    let mut base64 = std::mem::take(&mut memory.base64);
    let read = match base64.decode(text)? {
        Some(bytes) => read_binary(bytes, extent, memory, statement)?,
        None => false,
    };
    memory.base64 = base64;
    Ok(read)
}

fn read_binary(
    bytes: &[u8],
    extent: Extent,
    memory: &mut Memory,
    statement: &mut Statement,
) -> Result<bool> {
    let content = Content {
        bytes,
        text: &[],
        excerpt: Excerpt::whole(bytes),
        extent,
    };
    let binary = |reader: &&Reader| reader.is_binary && (reader.recognizes)(&content);
    let Some(reader) = READERS.iter().find(binary) else {
        return Ok(false);
    };
    statement.begin(Some(reader));
    (reader.read)(&content, memory, statement)
}
