//! Who won: how a writer makes its generation the newest, decided without any I/O.
//!
//! HEAD changes by conditional requests only, so that those of all writers stand in one order. An
//! answer that was lost is settled by the nonce in HEAD. What has the same answer and does
//! not mean the same is kept apart: 412, the condition did not hold; 409, somebody else was at it,
//! and nobody knows yet who won.

use crate::head::Head;

/// What a request to write HEAD depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// There is none.
    Absent,
    /// It is still the one of this tag.
    Tag(String),
    /// Nothing: the server knows no conditions.
    Nothing,
}

/// What a writer does next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Reads HEAD.
    Read,
    /// Writes HEAD.
    Write(Head, Condition),
    /// It has published.
    Published,
    /// There is a backup already, and nothing of this writer's was ever HEAD nor can become it.
    Exists,
    /// The server knows no conditions, without which there is no refusing.
    Unable,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// HEAD, with its tag; None: there is none.
    Read(Option<(Head, String)>),
    Written,
    /// The condition did not hold (412, and 404 of a tag).
    Refused,
    /// Another request was at the same object (409).
    Conflict,
    /// Nobody knows whether it was written.
    Unclear,
    /// The server does not take conditions (501).
    Unsupported,
}

/// A writer with a generation that is whole and lies in the store already.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    new: Head,
    overwrite: bool,
    conditions: bool,
}

impl Writer {
    /// `conditions`: false if the server is known to ignore them.
    pub fn new(new: Head, overwrite: bool, conditions: bool) -> Self {
        Writer {
            new,
            overwrite,
            conditions,
        }
    }

    pub fn start(&self) -> Action {
        if self.overwrite || self.conditions {
            Action::Read
        } else {
            Action::Unable
        }
    }

    pub fn next(&mut self, event: Event) -> Action {
        match event {
            Event::Written => Action::Published,
            Event::Read(now) => self.decide(now),
            Event::Refused | Event::Conflict | Event::Unclear => Action::Read,
            Event::Unsupported => {
                self.conditions = false;
                self.start()
            }
        }
    }

    fn decide(&self, now: Option<(Head, String)>) -> Action {
        let Some((head, tag)) = now else {
            let condition = if self.conditions {
                Condition::Absent
            } else {
                Condition::Nothing
            };
            return Action::Write(self.new.following(None), condition);
        };
        // Ours, or one that took its place since: a refusal may be of a request that something on
        // the way has sent twice.
        let nonce = &self.new.nonce;
        let is_ours = head.nonce == *nonce || head.first == *nonce || head.before.contains(nonce);
        if is_ours {
            return Action::Published;
        }
        if !self.overwrite {
            return Action::Exists;
        }
        let condition = if self.conditions {
            Condition::Tag(tag)
        } else {
            Condition::Nothing
        };
        Action::Write(self.new.following(Some(&head)), condition)
    }
}

#[cfg(test)]
mod tests;
