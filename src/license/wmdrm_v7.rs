//! WMDRM licenses in XML: those of version 7, and the responses in which licenses of any version
//! come.
//!
//! Versions and the response: MS-DRM 2.2.3.2, and the SDK's page on building an XMR license.
//! That LID and KID are children of DATA is in the schema there; that the action Backup is
//! granted by an ONACTION of DATA, with its condition in a child, is a guess of our sources.
//! That an action which is not there is not granted follows from the documented default of
//! AllowBackupRestore, which is false.

use quick_xml::events::{BytesStart, Event};

use super::xml::{Elements, Result, Stop, attribute, is};
use super::{Content, Extent, Memory, Reader, Right, Statement, encoded, fast_path, usual};

pub const READER: Reader = Reader {
    name: c"wmdrm-v7",
    recognizes: |content| content.text.starts_with(b"<"),
    read,
    can_deny: true,
    ..Reader::USUAL
};

fn read(
    content: &Content<'_>,
    memory: &mut Memory,
    statement: &mut Statement,
) -> crate::error::Result<bool> {
    if content.extent == Extent::Denial && fast_path::grants_backup(content.text) {
        statement.right = Right::Allowed;
        return Ok(true);
    }
    if content.extent == Extent::Everything {
        if usual::read(content.text, statement) {
            return Ok(true);
        }
        statement.begin(statement.reader);
    }
    read_xml(content, memory, statement)
}

pub(super) fn read_xml(
    content: &Content<'_>,
    memory: &mut Memory,
    statement: &mut Statement,
) -> crate::error::Result<bool> {
    let mut document = Document {
        elements: Elements::new(content.text),
        memory,
        statement,
        extent: content.extent,
        licenses: 0,
        right: None,
    };
    let ended_early = match document.read() {
        Ok(()) => false,
        Err(Stop::Ended) if !content.excerpt.is_whole() => true,
        Err(Stop::Ended | Stop::Malformed) => return Ok(false),
        Err(Stop::Failed(error)) => return Err(error),
    };
    let Document {
        licenses, right, ..
    } = document;
    // Nobody could tell which of several licenses a date belongs to.
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
    Ok(licenses > 0)
}

struct Document<'a, 'b> {
    elements: Elements<'a>,
    memory: &'b mut Memory,
    statement: &'b mut Statement,
    extent: Extent,
    /// How many licenses of known formats were seen.
    licenses: usize,
    /// The strongest right that a license has stated.
    right: Option<Right>,
}

impl Document<'_, '_> {
    fn read(&mut self) -> Result<()> {
        let Some(root) = self.elements.next_child()? else {
            return Err(Stop::Malformed);
        };
        if is(&root, b"LICENSE") {
            // What follows the license's own data need not be read.
            return self.read_license(&root);
        }
        if !is(&root, b"LICENSERESPONSE") {
            return Err(Stop::Malformed);
        }
        while let Some(child) = self.elements.next_child()? {
            let within = self.elements.depth();
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
                self.licenses += 1;
                let right = self.read_v7()?;
                self.right = self.right.max(Some(right));
                Ok(())
            }
            // Base64 of a license of version 1, and of XMR.
            Some(b"0.1.0.0" | b"3.0.0.0") => self.read_encoded(),
            _ => {
                self.leave_unread();
                Ok(())
            }
        }
    }

    /// Passes over a license that is not understood. It may deny what those beside it allow.
    fn leave_unread(&mut self) {
        self.right = self.right.max(Some(Right::NotStated));
    }

    /// The right that the license states. If it has DATA at all, that is in the clear: as services
    /// send a license it is encrypted, and there is text in its place.
    fn read_v7(&mut self) -> Result<Right> {
        if !self.elements.enter(b"LICENSORINFO")? || !self.elements.enter(b"DATA")? {
            return Ok(Right::NotStated);
        }
        let mut backup = None;
        let mut is_clear = false;
        while let Some(child) = self.elements.next_child()? {
            is_clear = true;
            let within = self.elements.depth();
            if is(&child, b"ONACTION") {
                backup = backup.max(self.read_action(&child)?);
                if backup == Some(Right::Denied) {
                    // It holds even if what follows is not seen.
                    self.right = backup;
                }
                if self.extent == Extent::Denial && self.is_settled(backup) {
                    break;
                }
            } else if self.extent == Extent::Everything {
                self.read_ids(&child)?;
            }
            self.elements.leave(within)?;
        }
        // An action that is not there, where others may be, is not granted.
        let unless_named = if is_clear {
            Right::Denied
        } else {
            Right::NotStated
        };
        Ok(backup.unwrap_or(unless_named))
    }

    /// Whether nothing that follows can make the license deny backup, or stop denying it.
    fn is_settled(&self, backup: Option<Right>) -> bool {
        backup == Some(Right::Denied)
            || (backup.is_some() && !self.elements.rest_contains(fast_path::BACKUP))
    }

    fn read_ids(&mut self, child: &BytesStart<'_>) -> Result<()> {
        if is(child, b"LID") {
            let id = self.elements.read_id(&mut self.memory.text)?;
            self.statement.set_license_id(id);
        } else if is(child, b"KID") {
            let id = self.elements.read_id(&mut self.memory.text)?;
            self.statement.add_key_id(id);
        }
        Ok(())
    }

    /// What an ONACTION says about backup; None if it is about another action.
    fn read_action(&mut self, element: &BytesStart<'_>) -> Result<Option<Right>> {
        let action = attribute(element, "type")?;
        if action.is_none_or(|action| *action.value != *fast_path::BACKUP) {
            return Ok(None);
        }
        // Without a condition the action is granted.
        let mut right = None;
        let mut is_certain = true;
        loop {
            match self.elements.next()? {
                Event::Start(child) if is(&child, b"CONDITION") => {
                    right = right.max(Some(self.read_condition()?));
                }
                Event::Start(child) => {
                    is_certain &= is(&child, b"ACTION");
                    let within = self.elements.depth();
                    self.elements.leave(within)?;
                }
                Event::Text(text) => is_certain &= text.trim_ascii().is_empty(),
                Event::CData(_) | Event::GeneralRef(_) => is_certain = false,
                Event::End(_) => break,
                _ => {}
            }
        }
        let right = right.unwrap_or(Right::Allowed);
        // With more in it than conditions and actions, nothing is granted for certain.
        let at_least = if is_certain { right } else { Right::NotStated };
        Ok(Some(right.max(at_least)))
    }

    /// What a condition says. Only the two literals are evaluated; that their case does not matter
    /// is a guess.
    fn read_condition(&mut self) -> Result<Right> {
        let is_plain = self.elements.read_text(&mut self.memory.text)?;
        let condition = self.memory.text.trim_ascii();
        Ok(if is_plain && condition.eq_ignore_ascii_case(b"true") {
            Right::Allowed
        } else if is_plain && condition.eq_ignore_ascii_case(b"false") {
            Right::Denied
        } else {
            Right::NotStated
        })
    }

    fn read_encoded(&mut self) -> Result<()> {
        let mut text = std::mem::take(&mut self.memory.text);
        let is_plain = self.elements.read_text(&mut text)?;
        let mut part = Statement::default();
        let is_known = is_plain && encoded::read(&text, self.extent, self.memory, &mut part)?;
        self.memory.text = text;
        if !is_known {
            self.leave_unread();
            return Ok(());
        }
        self.licenses += 1;
        if self.licenses == 1 {
            self.statement.set_format_of(&part);
        }
        self.statement.set_license_id(&part.license_id);
        for id in part.key_ids.lines() {
            self.statement.add_key_id(id);
        }
        self.statement.valid_from = part.valid_from;
        self.statement.valid_until = part.valid_until;
        self.right = self.right.max(Some(part.right));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Excerpt, Inspector};
    use super::*;

    const ACTION_END: &str = "</ONACTION>";

    fn granted_if(condition: &str) -> String {
        format!(r#"<ONACTION type="Backup"><CONDITION>{condition}</CONDITION>{ACTION_END}"#)
    }

    fn license(data: &str) -> String {
        let data = format!("<LICENSORINFO><DATA>{data}</DATA></LICENSORINFO>");
        format!(r#"<LICENSE version="2.0.0.0">{data}</LICENSE>"#)
    }

    fn said(text: &str) -> Statement {
        let mut statement = Statement::default();
        let whole = Excerpt::whole(text.as_bytes());
        let mut inspector = Inspector::default();
        inspector.inspect(whole, &mut statement).unwrap();
        let mut other = Statement::default();
        let denied = inspector.inspect_denied(whole, &mut other).unwrap();
        assert_eq!(denied, statement.right == Right::Denied, "{text}");
        statement
    }

    #[test]
    fn rights() {
        let play = r#"<ONACTION type="Play"><CONDITION>FALSE</CONDITION></ONACTION>"#;
        let granted = granted_if("TRUE");
        let refused = granted_if("FALSE");
        let more = |more: &str| granted.replace(ACTION_END, &format!("{more}{ACTION_END}"));
        for (data, expected) in [
            (granted.clone(), Right::Allowed),
            (granted_if(" true\n"), Right::Allowed),
            (granted_if("<![CDATA[TRUE]]>"), Right::Allowed),
            (r#"<ONACTION type="Backup"/>"#.into(), Right::Allowed),
            (more("<ACTION>x = 1;</ACTION>"), Right::Allowed),
            (refused.clone(), Right::Denied),
            (play.into(), Right::Denied),
            ("<LID>x</LID>".into(), Right::Denied),
            (format!("<META>{granted}</META>"), Right::Denied),
            (format!("{granted}{refused}"), Right::Denied),
            (format!("{refused}{granted}"), Right::Denied),
            (granted_if("machine.datetime > 5"), Right::NotStated),
            (granted_if("&true;"), Right::NotStated),
            (granted_if("<A/>TRUE"), Right::NotStated),
            (granted_if(""), Right::NotStated),
            (more("but"), Right::NotStated),
            (more("<![CDATA[ ]]>"), Right::NotStated),
            (more("<UNLESS/>"), Right::NotStated),
            (more("<CONDITION>FALSE</CONDITION>"), Right::Denied),
            (more("<CONDITION>x</CONDITION>"), Right::NotStated),
            ("encrypted".into(), Right::NotStated),
            (String::new(), Right::NotStated),
        ] {
            let statement = said(&license(&data));
            assert_eq!(statement.format(), c"wmdrm-v7");
            assert_eq!(statement.right, expected, "{data}");
        }
    }

    #[test]
    fn ids() {
        let data = "<LID> l </LID><KID>a</KID><LID>m</LID><A><KID>x</KID></A><KID>b</KID>";
        let data = format!("{data}<KID>a</KID><KID>c<B/></KID><KID></KID>");
        let statement = said(&license(&data));
        assert_eq!((&*statement.license_id, &*statement.key_ids), ("l", "a\nb"));
    }

    #[test]
    fn responses() {
        let allowed = license(&granted_if("TRUE"));
        let denied = license(&granted_if("FALSE"));
        let response = |licenses: &str| format!("<LICENSERESPONSE>{licenses}</LICENSERESPONSE>");
        // Version and length of a license of version 1 that denies; the rest is zeros.
        let mut v1 = vec![0; 165];
        v1[..8].copy_from_slice(&[0, 1, 0, 0, 0x75, 0, 0, 0]);
        v1[153] = 4;
        use base64::Engine;
        let v1 = base64::engine::general_purpose::STANDARD.encode(v1);
        let v1 = format!(r#"<LICENSE version="0.1.0.0">{v1}</LICENSE>"#);
        let unknown = r#"<LICENSE version="9"/>"#;
        let opaque = (c"opaque", Right::NotStated);
        for (text, expected) in [
            (response(&allowed), (c"wmdrm-v7", Right::Allowed)),
            (
                response(&format!("{allowed}{denied}")),
                (c"wmdrm-v7", Right::Denied),
            ),
            (
                response(&format!("{allowed}{v1}")),
                (c"wmdrm-v7", Right::Denied),
            ),
            (
                response(&format!("{v1}{allowed}")),
                (c"wmdrm-v1", Right::Denied),
            ),
            (
                response(&format!("{allowed}{unknown}")),
                (c"wmdrm-v7", Right::NotStated),
            ),
            (
                response(&format!("<A>{denied}</A>{allowed}")),
                (c"wmdrm-v7", Right::Allowed),
            ),
            (v1.clone(), (c"wmdrm-v1", Right::Denied)),
            (format!("<!-- --> {allowed}"), (c"wmdrm-v7", Right::Allowed)),
            (format!("<!DOCTYPE a>{denied}"), opaque),
            (response(unknown), opaque),
            (response(""), opaque),
            (unknown.into(), opaque),
            (v1.replace("AAEA", "AA<A/>EA"), opaque),
            (
                denied.replace("</LICENSORINFO></LICENSE>", ""),
                (c"wmdrm-v7", Right::Denied),
            ),
            (
                denied.replace("</DATA></LICENSORINFO></LICENSE>", ""),
                opaque,
            ),
            (format!("<A>{denied}</A>"), opaque),
            ("<".into(), opaque),
        ] {
            let statement = said(&text);
            assert_eq!((statement.format(), statement.right), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_may_deny() {
        let mut statement = Statement::default();
        for (data, expected) in [
            (granted_if("TRUE"), Right::NotStated),
            (granted_if("FALSE"), Right::Denied),
        ] {
            let text = license(&data);
            let cut = &text.as_bytes()[..text.len() - "</DATA></LICENSORINFO></LICENSE>".len()];
            let excerpt = Excerpt::large(cut, &[], text.len() as u64);
            let mut inspector = Inspector::default();
            inspector.inspect(excerpt, &mut statement).unwrap();
            assert_eq!(
                (statement.format(), statement.right),
                (c"wmdrm-v7", expected)
            );
        }
    }
}
