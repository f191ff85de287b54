//! XML as licenses are written in it: elements without namespaces, document types and entities.

use memchr::memmem;
use quick_xml::Reader;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};

use crate::error::{Error, reserve};

/// How deep elements may be nested.
const DEEPEST: usize = 64;

/// Why no more can be read.
#[derive(Debug)]
pub enum Stop {
    /// This is not XML, or not such as licenses are.
    Malformed,
    /// The text ends within an element.
    Ended,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

pub type Result<T> = std::result::Result<T, Stop>;

fn append(out: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    reserve(out, text.len(), "a license")?;
    out.extend_from_slice(text);
    Ok(())
}

/// Whether the element has this name, with or without a prefix.
pub fn is(element: &BytesStart<'_>, name: &[u8]) -> bool {
    let found = element.name().into_inner();
    let prefix = found.strip_suffix(name);
    prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(b":"))
}

/// The attribute of this name, if there is one.
pub fn attribute<'a>(element: &'a BytesStart<'_>, name: &str) -> Result<Option<Attribute<'a>>> {
    let found = element.try_get_attribute(name);
    found.map_err(|_| Stop::Malformed)
}

/// The elements of a document.
pub struct Elements<'a> {
    reader: Reader<&'a [u8]>,
    /// How many elements are open.
    depth: usize,
}

impl<'a> Elements<'a> {
    pub fn new(content: &'a [u8]) -> Self {
        let mut reader = Reader::from_reader(content);
        reader.config_mut().expand_empty_elements = true;
        Elements { reader, depth: 0 }
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The next part of the document.
    pub fn next(&mut self) -> Result<Event<'a>> {
        let event = match self.reader.read_event() {
            Ok(event) => event,
            // Something that was begun has no end in the text.
            Err(quick_xml::Error::Syntax(_)) => return Err(Stop::Ended),
            Err(_) if self.reader.get_ref().is_empty() => return Err(Stop::Ended),
            Err(_) => return Err(Stop::Malformed),
        };
        match event {
            Event::Start(_) if self.depth == DEEPEST => return Err(Stop::Malformed),
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth -= 1,
            Event::DocType(_) => return Err(Stop::Malformed),
            Event::Eof => return Err(Stop::Ended),
            _ => {}
        }
        Ok(event)
    }

    /// Whether the text occurs anywhere in what was not read yet.
    pub fn rest_contains(&self, text: &[u8]) -> bool {
        memmem::find(self.reader.get_ref(), text).is_some()
    }

    /// The next element in the one that is open; None at the end of that.
    pub fn next_child(&mut self) -> Result<Option<BytesStart<'a>>> {
        loop {
            match self.next()? {
                Event::Start(element) => return Ok(Some(element)),
                Event::End(_) => return Ok(None),
                _ => {}
            }
        }
    }

    /// Reads on to the end of the element that was opened at this depth, unless it has ended.
    pub fn leave(&mut self, depth: usize) -> Result<()> {
        while self.depth >= depth {
            self.next()?;
        }
        Ok(())
    }

    /// Opens the first child of this name; false if there is none.
    pub fn enter(&mut self, name: &[u8]) -> Result<bool> {
        while let Some(child) = self.next_child()? {
            if is(&child, name) {
                return Ok(true);
            }
            let within = self.depth;
            self.leave(within)?;
        }
        Ok(false)
    }

    /// The text of the element that is open, up to its end; false if not only text is in it.
    pub fn read_text(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        out.clear();
        let mut plain = true;
        let within = self.depth;
        while self.depth >= within {
            match self.next()? {
                Event::Text(text) => append(out, &text)?,
                Event::CData(text) => append(out, &text)?,
                Event::Start(_) | Event::GeneralRef(_) => plain = false,
                _ => {}
            }
        }
        Ok(plain)
    }

    /// The text of the element that is open, as an ID; "" if it cannot be one.
    pub fn read_id<'t>(&mut self, out: &'t mut Vec<u8>) -> Result<&'t str> {
        let plain = self.read_text(out)?;
        let text = str::from_utf8(out.trim_ascii()).unwrap_or_default();
        Ok(if plain { text } else { "" })
    }
}
