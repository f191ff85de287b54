//! A model of HEAD: three writers, a store that may lose an answer, hold a request back for any
//! time, and be told one twice; writers that are killed. Every state that can be reached is looked
//! at.

use std::collections::HashSet;

use super::*;

/// A request that the store has yet to take, of a writer that no longer waits for it: None.
type Held = (Head, Condition);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Client {
    Does(Writer, Action),
    /// What it told its user.
    Ended(Action),
    Killed,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    /// All that ever was HEAD, in order.
    heads: Vec<Head>,
    clients: Vec<Client>,
    /// Requests whose sender has given up waiting.
    held: Vec<Held>,
    losses: u32,
    kills: u32,
}

fn name(index: usize) -> Head {
    Head::new(
        String::new(),
        0,
        String::new(),
        0,
        format!("writer {index}"),
    )
}

impl World {
    fn new(overwrite: &[bool]) -> Self {
        let client = |(index, &overwrite): (usize, &bool)| {
            let writer = Writer::new(name(index), overwrite, true);
            let action = writer.start();
            Client::Does(writer, action)
        };
        World {
            heads: Vec::new(),
            clients: overwrite.iter().enumerate().map(client).collect(),
            held: Vec::new(),
            losses: 2,
            kills: 1,
        }
    }

    /// The store takes a request to write.
    fn take(&mut self, (head, condition): &Held) -> bool {
        let holds = match condition {
            Condition::Absent => self.heads.is_empty(),
            Condition::Tag(tag) => *tag == self.tag(),
            Condition::Nothing => true,
        };
        if holds {
            self.heads.push(head.clone());
        }
        holds
    }

    /// As a store makes it of the content: what is written again has it again.
    fn tag(&self) -> String {
        self.heads
            .last()
            .map_or(String::new(), |head| format!("{head:?}"))
    }

    fn told(&self, index: usize, event: Event) -> Self {
        let mut world = self.clone();
        if let Client::Does(writer, _) = &mut world.clients[index] {
            let mut writer = writer.clone();
            let action = writer.next(event);
            world.clients[index] = match action {
                Action::Read | Action::Write(..) => Client::Does(writer, action),
                ended => Client::Ended(ended),
            };
        }
        world
    }

    /// All that can happen next.
    fn successors(&self) -> Vec<World> {
        let mut worlds = Vec::new();
        for at in 0..self.held.len() {
            let mut world = self.clone();
            let held = world.held.remove(at);
            world.take(&held);
            worlds.push(world);
        }
        for (index, client) in self.clients.iter().enumerate() {
            let Client::Does(_, action) = client else {
                continue;
            };
            if self.kills > 0 {
                let mut world = self.clone();
                world.kills -= 1;
                world.clients[index] = Client::Killed;
                if let Action::Write(head, condition) = action {
                    let mut later = world.clone();
                    later.held.push((head.clone(), condition.clone()));
                    worlds.push(later);
                }
                worlds.push(world);
            }
            match action {
                Action::Write(head, condition) => {
                    self.write(index, (head.clone(), condition.clone()), &mut worlds);
                }
                _ => {
                    let now = self.heads.last().map(|head| (head.clone(), self.tag()));
                    worlds.push(self.told(index, Event::Read(now)));
                }
            }
        }
        worlds
    }

    fn write(&self, index: usize, request: Held, worlds: &mut Vec<World>) {
        // It arrives, and so does the answer.
        let mut world = self.clone();
        let event = if world.take(&request) {
            Event::Written
        } else {
            Event::Refused
        };
        worlds.push(world.told(index, event));
        // The store says that others are at it.
        worlds.push(self.told(index, Event::Conflict));
        if self.losses == 0 {
            return;
        }
        let mut losing = self.clone();
        losing.losses -= 1;
        // Something on the way sends it two times, and the second answer is told.
        let mut twice = losing.clone();
        twice.take(&request);
        let event = if twice.take(&request) {
            Event::Written
        } else {
            Event::Refused
        };
        worlds.push(twice.told(index, event));
        // The request is lost.
        worlds.push(losing.told(index, Event::Unclear));
        // The answer is lost.
        let mut taken = losing.clone();
        taken.take(&request);
        worlds.push(taken.told(index, Event::Unclear));
        // The answer is lost, and something on the way sends the request a second time.
        taken.held.push(request.clone());
        worlds.push(taken.told(index, Event::Unclear));
        // The request arrives at some time.
        losing.held.push(request);
        worlds.push(losing.told(index, Event::Unclear));
    }

    fn check(&self, overwrite: &[bool]) {
        // Nothing took the place of what its writer had not seen.
        for (at, head) in self.heads.iter().enumerate() {
            assert_eq!(head.sequence, at as u64 + 1);
            let before = at.checked_sub(1).map(|at| &self.heads[at]);
            assert_eq!(head.before.first(), before.map(|before| &before.nonce));
            assert_eq!(head.first, self.heads[0].nonce);
        }
        for (index, client) in self.clients.iter().enumerate() {
            let nonce = name(index).nonce;
            let places: Vec<_> = (0..self.heads.len())
                .filter(|&at| self.heads[at].nonce == nonce)
                .collect();
            // A writer that may not replace a backup never did.
            if !overwrite[index] {
                assert!(
                    places.iter().all(|&at| at == 0),
                    "{index} replaced a backup"
                );
            }
            match client {
                Client::Ended(Action::Published) => assert!(!places.is_empty(), "{index}: lost"),
                Client::Ended(Action::Exists) => {
                    assert!(!overwrite[index]);
                    assert!(places.is_empty(), "{index} was told that it had lost");
                    // What was refused can be removed: nothing on its way can name it any more.
                    let late = self.held.iter().filter(|held| held.0.nonce == nonce);
                    let mut world = self.clone();
                    late.for_each(|held| assert!(!world.take(held), "{index} comes back"));
                }
                Client::Ended(other) => panic!("{index}: {other:?}"),
                Client::Does(..) | Client::Killed => {}
            }
        }
    }
}

fn explore(overwrite: &[bool]) -> usize {
    let mut seen = HashSet::new();
    let mut waiting = vec![World::new(overwrite)];
    while let Some(world) = waiting.pop() {
        world.check(overwrite);
        // Writers that go on replacing each other have shown what there is to see.
        if world.heads.len() > 5 {
            continue;
        }
        for next in world.successors() {
            if seen.insert(next.clone()) {
                waiting.push(next);
            }
        }
    }
    seen.len()
}

#[test]
fn nothing_is_lost_or_replaced_unseen_in_any_order() {
    for overwrite in [
        [false, false, false],
        [false, false, true],
        [false, true, true],
    ] {
        let states = explore(&overwrite);
        println!("{states} states of writers that may overwrite: {overwrite:?}");
        assert!(states > 500, "{states}");
    }
}

#[test]
fn without_conditions_there_is_no_refusing() {
    let mut strict = Writer::new(name(0), false, true);
    assert_eq!(strict.start(), Action::Read);
    assert_eq!(strict.next(Event::Unsupported), Action::Unable);
    assert_eq!(Writer::new(name(0), false, false).start(), Action::Unable);
    let mut free = Writer::new(name(0), true, true);
    assert_eq!(free.next(Event::Unsupported), Action::Read);
    let there = name(1).following(None);
    let action = free.next(Event::Read(Some((there.clone(), "tag".to_owned()))));
    let new = name(0).following(Some(&there));
    assert_eq!(action, Action::Write(new, Condition::Nothing));
}
