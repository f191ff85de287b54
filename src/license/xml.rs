//! Licences of WMDRM in XML: those of version 7, and the responses that licences of any
//! version come in.
//!
//! Versions and the wrapper: MS-DRM 2.2.3.2, and the SDK's page on building an XMR licence.
//! That LID and KID are children of DATA is in the schema there; that the action Backup is
//! granted by an ONACTION of DATA, with its condition in a child, is a guess of our sources.
//! That an action which is not there is not granted follows from the documented default of
//! AllowBackupRestore, which is false.

use memchr::memmem;
use quick_xml::Reader;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};

use super::text::Base64;
use super::{Format, Right, Statement, read_binary};
use crate::error::{Error, reserve};

/// The action.
pub const BACKUP: &[u8] = b"Backup";

/// Elements within elements, at the most.
const DEEPEST: usize = 64;

/// Why there is nothing more to read.
enum Stop {
    /// It is not XML, or not such as licences are.
    Malformed,
    /// The text ends, within an element.
    Ended,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

type Result<T> = std::result::Result<T, Stop>;

/// What is used while a document is read, and kept for the next.
#[derive(Default)]
pub struct Memory {
    text: Vec<u8>,
    base64: Base64,
}

/// How much is to be read.
#[derive(Clone, Copy, PartialEq)]
pub enum Extent {
    Everything,
    /// Whether the licence denies backup, and nothing else.
    Denial,
}

/// Reads a licence, or a response with several. `whole` is false when the text goes on.
pub fn read(
    content: &[u8],
    whole: bool,
    extent: Extent,
    memory: &mut Memory,
    statement: &mut Statement,
) -> crate::error::Result<Option<Format>> {
    let mut document = Document {
        elements: Elements::new(content),
        memory,
        statement,
        extent,
        licenses: 0,
        format: None,
        right: None,
    };
    let ended_early = match document.read() {
        Ok(()) => false,
        Err(Stop::Ended) if !whole => true,
        Err(Stop::Ended | Stop::Malformed) => return Ok(None),
        Err(Stop::Failed(error)) => return Err(error),
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
    Ok(format)
}

struct Document<'a, 'b> {
    elements: Elements<'a>,
    memory: &'b mut Memory,
    statement: &'b mut Statement,
    extent: Extent,
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
        if is(&root, b"LICENSE") {
            // What follows the licence's own data need not be read.
            return self.read_license(&root);
        }
        if !is(&root, b"LICENSERESPONSE") {
            return Err(Stop::Malformed);
        }
        while let Some(child) = self.elements.next_child()? {
            let within = self.elements.depth;
            if is(&child, b"LICENSE") {
                self.read_license(&child)?;
            }
            self.elements.leave(within)?;
        }
        Ok(())
    }

    /// Reads a LICENSE up to the end of what says something.
    fn read_license(&mut self, element: &BytesStart<'_>) -> Result<()> {
        let version = attribute(element, "version")?;
        match version.as_ref().map(|version| &*version.value) {
            Some(b"2.0.0.0") => {
                self.begin_license(Format::WmdrmV7);
                let right = self.read_v7()?;
                self.right = self.right.max(Some(right));
                Ok(())
            }
            // Base64 of a licence of version 1, and of XMR.
            Some(b"0.1.0.0" | b"3.0.0.0") => self.read_encoded(),
            _ => {
                self.leave_unread();
                Ok(())
            }
        }
    }

    /// A licence that is not understood: it is not sure that those beside it say all.
    fn leave_unread(&mut self) {
        self.right = self.right.max(Some(Right::NotStated));
    }

    fn begin_license(&mut self, format: Format) {
        self.licenses += 1;
        self.format.get_or_insert(format);
    }

    /// The right that the licence states. Its DATA, when it is there at all, is in the clear;
    /// as services send it, it is encrypted, and then there is text in its place.
    fn read_v7(&mut self) -> Result<Right> {
        if !self.elements.enter(b"LICENSORINFO")? || !self.elements.enter(b"DATA")? {
            return Ok(Right::NotStated);
        }
        let mut backup = None;
        let mut clear = false;
        while let Some(child) = self.elements.next_child()? {
            clear = true;
            let within = self.elements.depth;
            let all = self.extent == Extent::Everything;
            if is(&child, b"ONACTION") {
                let action = attribute(&child, "type")?;
                if action.is_some_and(|action| *action.value == *BACKUP) {
                    backup = backup.max(Some(self.read_action()?));
                    let denied = backup == Some(Right::Denied);
                    if denied {
                        // It holds even if what follows is not seen.
                        self.right = backup;
                    }
                    // Nothing that follows can make it a denial.
                    if !all && (denied || !self.elements.rest_contains(BACKUP)) {
                        break;
                    }
                }
            } else if all && is(&child, b"LID") {
                let id = self.elements.read_id(&mut self.memory.text)?;
                self.statement.set_license_id(id);
            } else if all && is(&child, b"KID") {
                let id = self.elements.read_id(&mut self.memory.text)?;
                self.statement.add_key_id(id);
            }
            self.elements.leave(within)?;
        }
        // An action that is not there, where others may be, is not granted.
        Ok(backup.unwrap_or(match clear {
            true => Right::Denied,
            false => Right::NotStated,
        }))
    }

    /// What the condition of an action says. None is evaluated but for the two literals, and
    /// that their case does not matter is a guess. Where there is more than conditions and
    /// actions, nothing is sure.
    fn read_action(&mut self) -> Result<Right> {
        let mut right = None;
        let mut sure = true;
        loop {
            match self.elements.next()? {
                Event::Start(child) if is(&child, b"CONDITION") => {
                    let plain = self.elements.read_text(&mut self.memory.text)?;
                    let condition = self.memory.text.trim_ascii();
                    right = right.max(Some(match plain {
                        true if condition.eq_ignore_ascii_case(b"true") => Right::Allowed,
                        true if condition.eq_ignore_ascii_case(b"false") => Right::Denied,
                        _ => Right::NotStated,
                    }));
                }
                Event::Start(child) => {
                    sure &= is(&child, b"ACTION");
                    let within = self.elements.depth;
                    self.elements.leave(within)?;
                }
                Event::Text(text) => sure &= text.trim_ascii().is_empty(),
                Event::CData(_) | Event::GeneralRef(_) => sure = false,
                Event::End(_) => break,
                _ => {}
            }
        }
        let right = right.unwrap_or(Right::Allowed);
        Ok(match sure {
            true => right,
            false => right.max(Right::NotStated),
        })
    }

    fn read_encoded(&mut self) -> Result<()> {
        let Memory { text, base64 } = &mut *self.memory;
        if !self.elements.read_text(text)? {
            self.leave_unread();
            return Ok(());
        }
        let mut part = Statement::default();
        let bytes = base64.decode(text)?.unwrap_or_default();
        if let Some(format) = read_binary(bytes, &mut part) {
            self.begin_license(format);
            self.statement.set_license_id(&part.license_id);
            part.key_ids
                .lines()
                .for_each(|id| self.statement.add_key_id(id));
            self.statement.valid_from = part.valid_from;
            self.statement.valid_until = part.valid_until;
            self.right = self.right.max(Some(part.right));
        } else {
            self.leave_unread();
        }
        Ok(())
    }
}

fn append(out: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    reserve(out, text.len(), "a license")?;
    out.extend_from_slice(text);
    Ok(())
}

/// Whether the element has this name, with or without a prefix.
fn is(element: &BytesStart<'_>, name: &[u8]) -> bool {
    let found = element.name().into_inner();
    let prefix = found.strip_suffix(name);
    prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(b":"))
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
    fn new(content: &'a [u8]) -> Self {
        let mut reader = Reader::from_reader(content);
        reader.config_mut().expand_empty_elements = true;
        Elements { reader, depth: 0 }
    }

    fn next(&mut self) -> Result<Event<'a>> {
        let event = match self.reader.read_event() {
            Ok(event) => event,
            // Something was begun and is not ended, to the end of the text.
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

    /// Whether the text occurs in what was not read yet, wherever.
    fn rest_contains(&self, text: &[u8]) -> bool {
        memmem::find(self.reader.get_ref(), text).is_some()
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
    fn enter(&mut self, name: &[u8]) -> Result<bool> {
        while let Some(child) = self.next_child()? {
            if is(&child, name) {
                return Ok(true);
            }
            let within = self.depth;
            self.leave(within)?;
        }
        Ok(false)
    }

    /// The text of the element that is open, up to its end; false when there is more in it
    /// than text.
    fn read_text(&mut self, out: &mut Vec<u8>) -> Result<bool> {
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

    /// The text of the element that is open, as an ID; "" when it cannot be one.
    fn read_id<'t>(&mut self, out: &'t mut Vec<u8>) -> Result<&'t str> {
        let plain = self.read_text(out)?;
        let text = str::from_utf8(out.trim_ascii()).unwrap_or_default();
        Ok(if plain { text } else { "" })
    }
}
