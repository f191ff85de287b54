//! Licences of WMDRM in XML: those of version 7, and the responses that licences of any
//! version come in.
//!
//! Versions and the wrapper: MS-DRM 2.2.3.2, and the SDK's page on building an XMR licence.
//! That LID and KID are children of DATA is in the schema there; that the action Backup is
//! granted by an ONACTION of DATA, with its condition in a child, is a guess of our sources.
//! That an action which is not there is not granted follows from the documented default of
//! AllowBackupRestore, which is false.

use quick_xml::Reader;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};

use super::text::Base64;
use super::{Format, Right, Statement, read_binary};

/// Elements within elements, at the most.
const DEEPEST: usize = 64;

/// Why there is nothing more to read.
enum Stop {
    /// It is not XML, or not such as licences are.
    Malformed,
    /// The text ends, within an element.
    Ended,
}

type Result<T> = std::result::Result<T, Stop>;

/// What is used while a document is read, and kept for the next.
#[derive(Default)]
pub struct Memory {
    text: String,
    base64: Base64,
}

/// Reads a licence, or a response with several. `whole` is false when the text goes on.
pub fn read(
    content: &str,
    whole: bool,
    memory: &mut Memory,
    statement: &mut Statement,
) -> Option<Format> {
    let mut document = Document {
        elements: Elements::new(content),
        memory,
        statement,
        licenses: 0,
        format: None,
        right: None,
    };
    let ended_early = match document.read() {
        Ok(()) => false,
        Err(Stop::Ended) if !whole => true,
        Err(_) => return None,
    };
    let Document {
        licenses,
        format,
        right,
        ..
    } = document;
    // Which of several licences a date belongs to, nobody could tell.
    if licenses > 1 {
        statement.valid_from = None;
        statement.valid_until = None;
    }
    statement.right = match right {
        // What was not seen may still deny.
        Some(Right::Allowed) if ended_early => Right::NotStated,
        Some(right) => right,
        None => Right::NotStated,
    };
    format
}

struct Document<'a, 'b> {
    elements: Elements<'a>,
    memory: &'b mut Memory,
    statement: &'b mut Statement,
    licenses: usize,
    /// Of the first licence.
    format: Option<Format>,
    /// The strongest of all licences.
    right: Option<Right>,
}

impl Document<'_, '_> {
    fn read(&mut self) -> Result<()> {
        let Some(root) = self.elements.next_child()? else {
            return Err(Stop::Malformed);
        };
        match root.local_name().as_ref() {
            // What follows the licence's own data need not be read.
            "LICENSE" => self.read_license(&root),
            "LICENSERESPONSE" => {
                while let Some(child) = self.elements.next_child()? {
                    let within = self.elements.depth;
                    if child.local_name().as_ref() == "LICENSE" {
                        self.read_license(&child)?;
                    }
                    self.elements.leave(within)?;
                }
                Ok(())
            }
            _ => Err(Stop::Malformed),
        }
    }

    /// Reads a LICENSE up to the end of what says something.
    fn read_license(&mut self, element: &BytesStart<'_>) -> Result<()> {
        let version = attribute(element, "version")?;
        match version.as_ref().map(|version| &*version.value) {
            Some("2.0.0.0") => {
                self.begin_license(Format::WmdrmV7);
                let right = self.read_v7()?;
                self.right = self.right.max(Some(right));
                Ok(())
            }
            // Base64 of a licence of version 1, and of XMR.
            Some("0.1.0.0" | "3.0.0.0") => self.read_encoded(),
            _ => Ok(()),
        }
    }

    fn begin_license(&mut self, format: Format) {
        self.licenses += 1;
        self.format.get_or_insert(format);
    }

    /// The right that the licence states. Its DATA, when it is there at all, is in the clear;
    /// as services send it, it is encrypted, and then there is text in its place.
    fn read_v7(&mut self) -> Result<Right> {
        if !self.elements.enter("LICENSORINFO")? || !self.elements.enter("DATA")? {
            return Ok(Right::NotStated);
        }
        let mut backup = None;
        while let Some(child) = self.elements.next_child()? {
            let within = self.elements.depth;
            match child.local_name().as_ref() {
                "LID" => {
                    let plain = self.elements.read_text(&mut self.memory.text)?;
                    let id = self.memory.text.trim();
                    self.statement.set_license_id(if plain { id } else { "" });
                }
                "KID" => {
                    let plain = self.elements.read_text(&mut self.memory.text)?;
                    let id = self.memory.text.trim();
                    self.statement.add_key_id(if plain { id } else { "" });
                }
                "ONACTION" => {
                    let action = attribute(&child, "type")?;
                    if action.is_some_and(|action| action.value == "Backup") {
                        backup = backup.max(Some(self.read_action()?));
                    }
                }
                _ => {}
            }
            self.elements.leave(within)?;
        }
        Ok(backup.unwrap_or(Right::Denied))
    }

    /// What the condition of an action says. None is evaluated but for the two literals.
    fn read_action(&mut self) -> Result<Right> {
        let mut right = None;
        while let Some(child) = self.elements.next_child()? {
            let within = self.elements.depth;
            if child.local_name().as_ref() == "CONDITION" {
                let plain = self.elements.read_text(&mut self.memory.text)?;
                let condition = self.memory.text.trim();
                right = right.max(Some(match plain {
                    true if condition.eq_ignore_ascii_case("true") => Right::Allowed,
                    true if condition.eq_ignore_ascii_case("false") => Right::Denied,
                    _ => Right::NotStated,
                }));
            }
            self.elements.leave(within)?;
        }
        Ok(right.unwrap_or(Right::Allowed))
    }

    fn read_encoded(&mut self) -> Result<()> {
        let Memory { text, base64 } = &mut *self.memory;
        if !self.elements.read_text(text)? {
            return Ok(());
        }
        let mut part = Statement::default();
        let bytes = base64.decode(text.as_bytes()).unwrap_or_default();
        if let Some(format) = read_binary(bytes, &mut part) {
            self.begin_license(format);
            self.statement.set_license_id(&part.license_id);
            part.key_ids
                .lines()
                .for_each(|id| self.statement.add_key_id(id));
            self.statement.valid_from = part.valid_from;
            self.statement.valid_until = part.valid_until;
            self.right = self.right.max(Some(part.right));
        }
        Ok(())
    }
}

fn attribute<'a>(element: &'a BytesStart<'_>, name: &str) -> Result<Option<Attribute<'a>>> {
    let found = element.try_get_attribute(name);
    found.map_err(|_| Stop::Malformed)
}

/// The elements of a document, without namespaces. There is no document type and no entity.
struct Elements<'a> {
    reader: Reader<&'a [u8]>,
    /// Elements that are open.
    depth: usize,
}

impl<'a> Elements<'a> {
    fn new(content: &'a str) -> Self {
        let mut reader = Reader::from_str(content);
        reader.config_mut().expand_empty_elements = true;
        Elements { reader, depth: 0 }
    }

    fn next(&mut self) -> Result<Event<'a>> {
        let event = self.reader.read_event().map_err(|error| match error {
            quick_xml::Error::Syntax(_) => Stop::Ended,
            _ => Stop::Malformed,
        })?;
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

    /// The next element in the one that is open; None when that ends.
    fn next_child(&mut self) -> Result<Option<BytesStart<'a>>> {
        loop {
            match self.next()? {
                Event::Start(element) => return Ok(Some(element)),
                Event::End(_) => return Ok(None),
                _ => {}
            }
        }
    }

    /// Goes on to the end of the element that was opened at this depth, unless it has ended.
    fn leave(&mut self, depth: usize) -> Result<()> {
        while self.depth >= depth {
            self.next()?;
        }
        Ok(())
    }

    /// Opens the first child of this name; false when there is none.
    fn enter(&mut self, name: &str) -> Result<bool> {
        while let Some(child) = self.next_child()? {
            if child.local_name().as_ref() == name {
                return Ok(true);
            }
            let within = self.depth;
            self.leave(within)?;
        }
        Ok(false)
    }

    /// The text of the element that is open, up to its end; false when there is more in it
    /// than text.
    fn read_text(&mut self, out: &mut String) -> Result<bool> {
        out.clear();
        let mut plain = true;
        let within = self.depth;
        while self.depth >= within {
            match self.next()? {
                Event::Text(text) => out.push_str(&text),
                Event::CData(text) => out.push_str(&text),
                Event::Start(_) | Event::GeneralRef(_) => plain = false,
                _ => {}
            }
        }
        Ok(plain)
    }
}
