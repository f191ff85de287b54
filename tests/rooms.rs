//! The rooms of the source: which may use which, and that neither rooms nor files form a circle.
//!
//! Reads every path into the crate, `use` declarations with their groups as well as paths in the
//! code, and resolves re-exports to the file that defines what is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the top: a room uses rooms of lower floors only, and of its own floor those
/// that are named with it. `store`, `license`, `archive` and `target` do not know each other.
const FLOORS: &[&[&str]] = &[
    &["lib", "fuzzing", "pieces"],
    &["ffi"],
    &["registry"],
    &["queue"],
    &["restorer"],
    &[
        "backup",
        "restore",
        "verify",
        "enumerate",
        "generations",
        "compare",
    ],
    &["choice", "rights"],
    &["store", "license", "archive", "target"],
    &["pipeline"],
    &["operation"],
    &["name", "device", "scratch"],
    &["props"],
    &["keep"],
    &["status", "flags"],
    &["secret", "panics"],
    &["error"],
    &["hresult"],
    &["sys", "sync"],
];

/// Arrows between rooms of one floor that are meant: from, to.
const SIDEWAYS: &[(&str, &str)] = &[("sys", "sync"), ("sync", "sys")];

/// A module: the file it is in, and what it re-exports.
#[derive(Default)]
struct Module {
    file: PathBuf,
    /// Name here, and the path of what it stands for.
    exports: BTreeMap<String, Vec<String>>,
    /// Modules all of whose items are here too.
    globs: Vec<Vec<String>>,
}

/// A path that is used somewhere, as its segments from the crate's root.
struct Use {
    from: Vec<String>,
    to: Vec<String>,
    is_export: bool,
}

#[test]
fn arrows_point_down_and_nothing_goes_round() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let house = House::read(&source);
    let mut wrong = Vec::new();
    let arrows = house.arrows();
    for ((from, to), example) in house.rooms(&arrows) {
        if !is_allowed(&from, &to) {
            wrong.push(format!("{from} uses {to}: {example}"));
        }
    }
    for circle in circles(&arrows) {
        wrong.push(format!("a circle of files: {}", circle.join(", ")));
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn is_allowed(from: &str, to: &str) -> bool {
    let floor = |room: &str| {
        let found = FLOORS.iter().position(|floor| floor.contains(&room));
        found.unwrap_or_else(|| panic!("the room {room} has no place in the table"))
    };
    from == to || floor(from) < floor(to) || SIDEWAYS.contains(&(from, to))
}

struct House {
    modules: BTreeMap<Vec<String>, Module>,
    uses: Vec<Use>,
}

impl House {
    fn read(source: &Path) -> Self {
        let mut house = House {
            modules: BTreeMap::new(),
            uses: Vec::new(),
        };
        let mut files = Vec::new();
        list(source, &mut files);
        for file in &files {
            let module = module_of(source, file);
            let entry = house.modules.entry(module).or_default();
            entry.file = file.strip_prefix(source).unwrap().to_owned();
        }
        for file in &files {
            let module = module_of(source, file);
            let text = without_comments_and_tests(&fs::read_to_string(file).unwrap());
            for (path, is_export, alias) in paths(&text) {
                house.note(&module, path, is_export, alias);
            }
        }
        house
    }

    fn note(&mut self, from: &[String], path: Vec<String>, is_export: bool, alias: Option<String>) {
        let Some(to) = self.absolute(from, &path) else {
            return;
        };
        if is_export {
            let name = alias.or_else(|| path.last().cloned()).unwrap();
            let module = self.modules.get_mut(from).unwrap();
            if name == "*" {
                module.globs.push(to[..to.len() - 1].to_vec());
            } else {
                module.exports.insert(name, to.clone());
            }
        }
        self.uses.push(Use {
            from: from.to_vec(),
            to,
            is_export,
        });
    }

    /// The path from the crate's root; None for one that leads out of the crate.
    fn absolute(&self, from: &[String], path: &[String]) -> Option<Vec<String>> {
        let mut base = from.to_vec();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
            }
            child => {
                base.push(child.to_owned());
                let known = self.modules.contains_key(&base);
                return known.then(|| [from, path].concat());
            }
        }
        rest = &rest[1..];
        while rest.first().is_some_and(|segment| segment == "super") {
            base.pop();
            rest = &rest[1..];
        }
        Some([&base, rest].concat())
    }

    /// The file that defines what a path names; None for a whole module that has only others in
    /// it, as a name to go on from.
    fn defining(&self, path: &[String], depth: usize) -> Option<&Path> {
        let mut end = path.len();
        while end > 0 && !self.modules.contains_key(&path[..end]) {
            end -= 1;
        }
        let module = &self.modules[&path[..end]];
        let Some(item) = path.get(end) else {
            return Some(&module.file);
        };
        if depth < 8 {
            if let Some(target) = module.exports.get(item) {
                return self.defining(target, depth + 1);
            }
            for glob in &module.globs {
                let file = &self.modules.get(glob)?.file;
                let text = fs::read_to_string(
                    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file),
                );
                if text.is_ok_and(|text| defines(&text, item)) {
                    return Some(file);
                }
            }
        }
        Some(&module.file)
    }

    /// Which files use which; what only passes on a name uses nothing.
    fn arrows(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let mut arrows = BTreeMap::<PathBuf, BTreeSet<PathBuf>>::new();
        for Use {
            from,
            to,
            is_export,
        } in &self.uses
        {
            let file = &self.modules[from].file;
            // A re-export of a child is no use of it.
            if *is_export && to.starts_with(from) {
                continue;
            }
            // The crate's root has nothing in it but rooms.
            if let Some(target) = self.defining(to, 0)
                && target != file
                && target != Path::new("lib.rs")
            {
                let targets = arrows.entry(file.clone()).or_default();
                targets.insert(target.to_owned());
            }
        }
        arrows
    }

    fn rooms(
        &self,
        arrows: &BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    ) -> BTreeMap<(String, String), String> {
        let mut rooms = BTreeMap::new();
        for (from, targets) in arrows {
            for to in targets {
                let example = format!("{} -> {}", from.display(), to.display());
                rooms.insert((room_of(from), room_of(to)), example);
            }
        }
        rooms
    }
}

/// Whether a file defines an item of this name.
fn defines(text: &str, item: &str) -> bool {
    let kinds = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "union",
    ];
    kinds.iter().any(|kind| {
        let definition = format!("{kind} {item}");
        text.match_indices(&definition).any(|(at, found)| {
            let next = text[at + found.len()..].chars().next();
            !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
        })
    })
}

fn room_of(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn module_of(source: &Path, file: &Path) -> Vec<String> {
    let below = file.strip_prefix(source).unwrap().with_extension("");
    let mut segments: Vec<_> = below
        .components()
        .map(|segment| segment.as_os_str().to_str().unwrap().to_owned())
        .collect();
    if matches!(segments.last().map(String::as_str), Some("mod" | "lib")) {
        segments.pop();
    }
    segments
}

/// The code of a file, up to its tests.
fn without_comments_and_tests(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().map(|line| match line.find("//") {
        Some(at) => &line[..at],
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

type Found = (Vec<String>, bool, Option<String>);

/// The paths that a file uses: segments, whether it is a re-export, and the name it is given.
fn paths(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let before = rest[..at].rsplit('\n').next().unwrap().trim();
        let (declaration, after) = match rest[at + 4..].split_once(';') {
            Some(split) => split,
            None => break,
        };
        if before.is_empty() || before.starts_with("pub") {
            tree(&[], declaration, before.starts_with("pub"), &mut found);
            rest = after;
        } else {
            rest = &rest[at + 4..];
        }
    }
    // Paths in the code itself.
    for (at, _) in text.match_indices("crate::") {
        let line_start = text[..at].rfind('\n').map_or(0, |at| at + 1);
        if text[line_start..at].contains("use ") {
            continue;
        }
        let path = &text[at..];
        let end = path.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        let path = path[..end.unwrap_or(path.len())].trim_end_matches(':');
        found.push((path.split("::").map(str::to_owned).collect(), false, None));
    }
    found
}

/// Takes a tree of `use` apart.
fn tree(prefix: &[String], text: &str, is_export: bool, found: &mut Vec<Found>) {
    let text = text.trim();
    if let Some(open) = text.find('{') {
        let mut prefix = prefix.to_vec();
        let path = text[..open].trim().trim_end_matches("::");
        prefix.extend(
            path.split("::")
                .filter(|it| !it.is_empty())
                .map(str::to_owned),
        );
        let inner = &text[open + 1..text.rfind('}').unwrap()];
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inner.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    tree(&prefix, &inner[start..at], is_export, found);
                    start = at + 1;
                }
                _ => {}
            }
        }
        tree(&prefix, &inner[start..], is_export, found);
        return;
    }
    if text.is_empty() {
        return;
    }
    let (path, alias) = match text.split_once(" as ") {
        Some((path, alias)) => (path.trim(), Some(alias.trim().to_owned())),
        None => (text, None),
    };
    let mut segments = prefix.to_vec();
    segments.extend(path.split("::").map(|segment| segment.trim().to_owned()));
    if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
        segments.pop();
    }
    found.push((segments, is_export, alias));
}

/// The sets of files that use each other in a circle.
fn circles(arrows: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<Vec<String>> {
    let reaches = |from: &Path| {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![from.to_owned()];
        while let Some(file) = waiting.pop() {
            for to in arrows.get(&file).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    waiting.push(to.clone());
                }
            }
        }
        seen
    };
    let all: BTreeMap<_, _> = arrows.keys().map(|file| (file, reaches(file))).collect();
    let mut found = BTreeSet::new();
    for (file, reached) in &all {
        if reached.contains(*file) {
            let circle = reached
                .iter()
                .filter(|other| all.get(other).is_some_and(|back| back.contains(*file)));
            found.insert(
                circle
                    .map(|file| file.display().to_string())
                    .collect::<Vec<_>>(),
            );
        }
    }
    found.into_iter().collect()
}
