//! No two files, and no two folders beside each other, name each other in a circle.
//!
//! The arrows are the paths in the code: `use` declarations, and paths that are written out. A name
//! that a `mod.rs` passes on counts as an arrow to the file that it comes from. `mod.rs` is its
//! folder's front door and holds what the files of the folder share, so the files may name it.

use std::collections::{BTreeMap, BTreeSet};

use super::tidy::{production, sources};

/// The modules from the root to a file: `["normalizer", "forms", "json"]`.
type ModulePath = Vec<String>;

/// A name that a `use` declaration brings into a module.
#[derive(Debug, PartialEq)]
struct Import {
    name: String,
    path: Vec<String>,
    is_passed_on: bool,
}

/// The paths in the code of a module.
#[derive(Default)]
struct Module {
    imports: Vec<Import>,
    written_out: Vec<Vec<String>>,
}

struct Modules(BTreeMap<ModulePath, Module>);

#[test]
fn files_name_each_other_in_no_circle() {
    let modules = Modules::of_program();
    assert!(modules.0.len() > 100, "these are the sources");
    let circles = modules.circles();
    assert!(
        circles.is_empty(),
        "These name each other in a circle. Move what both need into a file of its own:\n{}",
        circles.join("\n")
    );
}

#[test]
fn circles_are_found_through_every_form_of_path() {
    let lib = "mod a;\nmod b;\nmod c;";
    for (a, b, is_circle) in [
        ("use super::b::B;", "use crate::a::{self, A};", true),
        (
            "use crate::b::{x::{Y, Z}, B as C};",
            "use super::a::A;",
            true,
        ),
        ("fn f() { super::b::g(); }", "use super::a;", true),
        ("use super::b;", "use super::{a::A, c};", true),
        ("use super::b;", "use super::*;", false),
        (
            "use super::b;",
            "// use super::a;\nconst B: &str = \"crate::a\";",
            false,
        ),
        ("use super::b;", "fn f() { other::a::g('\"'); }", false),
        (
            "use super::b;",
            "#[cfg(test)]\nmod tests { use super::super::a; }",
            false,
        ),
    ] {
        let files = [("", lib), ("a", a), ("b", b), ("c", "")];
        let modules = Modules::read(files.map(|(path, text)| (module_path(path), text.to_owned())));
        let has_circle = modules.circles().iter().any(|circle| circle.contains('b'));
        assert_eq!(has_circle, is_circle, "{a} / {b}");
    }
}

#[test]
fn a_name_that_a_folder_passes_on_comes_from_its_file() {
    for (named, is_circle) in [("Y", true), ("Own", false)] {
        let files = [
            ("", "mod a;".to_owned()),
            (
                "a",
                "mod x;\nmod y;\npub(crate) use self::y::Y;\nstruct Own;".to_owned(),
            ),
            ("a/x", format!("use super::{named};")),
            ("a/y", "use super::x::X;".to_owned()),
        ];
        let modules = Modules::read(files.map(|(path, text)| (module_path(path), text)));
        assert_eq!(!modules.circles().is_empty(), is_circle, "{named}");
    }
}

#[test]
fn circles_of_folders_are_found() {
    let files = [
        ("", "mod a;\nmod b;"),
        ("a", "mod x;\nmod y;"),
        ("a/x", "use super::shared;\nuse crate::b::z::Z;"),
        ("a/y", ""),
        ("b", "mod z;"),
        ("b/z", "use crate::a::y::Y;"),
    ];
    let modules = Modules::read(files.map(|(path, text)| (module_path(path), text.to_owned())));
    assert_eq!(
        modules.circles(),
        ["src: a -> b (a/x names b/z), b -> a (b/z names a/y)"]
    );
}

fn module_path(path: &str) -> ModulePath {
    let names = path.split('/').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

impl Modules {
    /// Reads the program's own sources.
    fn of_program() -> Self {
        Self::read(sources().into_iter().filter_map(|source| {
            let path = source.path.with_extension("");
            let mut module = module_path(&path.to_string_lossy());
            module.pop_if(|last| *last == "mod" || *last == "lib");
            (module != ["main"]).then_some((module, source.production))
        }))
    }

    fn read(files: impl IntoIterator<Item = (ModulePath, String)>) -> Self {
        let module = |(path, text): (ModulePath, String)| (path, Module::of(production(&text)));
        Self(files.into_iter().map(module).collect())
    }

    /// Returns the circles among the files and folders of each folder.
    fn circles(&self) -> Vec<String> {
        let arrows: BTreeSet<_> = (self.0.keys())
            .flat_map(|from| self.named_by(from).into_iter().map(move |to| (from, to)))
            .collect();
        let folders: BTreeSet<_> = self.0.keys().flat_map(prefixes).collect();
        let mut circles = Vec::new();
        for folder in folders {
            // The arrows between the files and folders of this folder, each with an example.
            let mut inside: BTreeMap<(&str, &str), String> = BTreeMap::new();
            for (from, to) in &arrows {
                if let Some(one) = child(folder, from)
                    && let Some(other) = child(folder, to)
                    && one != other
                {
                    inside
                        .entry((one, other))
                        .or_insert_with(|| format!("{} names {}", from.join("/"), to.join("/")));
                }
            }
            let arrows: BTreeSet<_> = inside.keys().copied().collect();
            let in_circle = circular(&arrows);
            if !in_circle.is_empty() {
                let told = inside
                    .iter()
                    .filter(|(arrow, _)| in_circle.contains(*arrow))
                    .map(|((one, other), example)| format!("{one} -> {other} ({example})"));
                let folder = ["src"].into_iter().chain(folder.iter().map(String::as_str));
                let folder = folder.collect::<Vec<_>>().join("/");
                circles.push(format!("{folder}: {}", told.collect::<Vec<_>>().join(", ")));
            }
        }
        circles
    }

    /// Returns the files whose names a file uses.
    fn named_by(&self, from: &ModulePath) -> BTreeSet<ModulePath> {
        let Some(module) = self.0.get(from) else {
            return BTreeSet::new();
        };
        let imports = module.imports.iter().map(|import| &import.path);
        imports
            .chain(&module.written_out)
            .filter_map(|path| self.absolute(from, path))
            .map(|path| self.origin(&path))
            .filter(|to| to != from)
            .collect()
    }

    /// Returns a path of this crate from its root; `None` for a path of another crate.
    fn absolute(&self, from: &ModulePath, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut base = from.clone();
        match &**first {
            "crate" => return Some(rest.to_vec()),
            "self" => {}
            "super" => {
                base.pop();
                let mut rest = rest;
                while let Some((first, others)) = rest.split_first()
                    && first == "super"
                {
                    base.pop();
                    rest = others;
                }
                base.extend_from_slice(rest);
                return Some(base);
            }
            name => {
                let module = self.0.get(from)?;
                if let Some(import) = module.imports.iter().find(|import| import.name == name)
                    && import.path.first().is_none_or(|first| first != name)
                {
                    let mut whole = self.absolute(from, &import.path)?;
                    whole.extend_from_slice(rest);
                    return Some(whole);
                }
                base.push(name.to_owned());
                if !self.0.contains_key(&base) {
                    return None;
                }
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// Returns the file that a path comes from, through the files that pass its name on.
    fn origin(&self, path: &[String]) -> ModulePath {
        let file = (0..=path.len())
            .rev()
            .filter_map(|length| path.get(..length))
            .find(|start| self.0.contains_key(*start))
            .unwrap_or_default();
        let rest = path.get(file.len()..).unwrap_or_default();
        let passed_on = rest.split_first().and_then(|(name, rest)| {
            let imports = &self.0.get(file)?.imports;
            let import = imports
                .iter()
                .find(|import| import.is_passed_on && import.name == *name)?;
            let mut whole = self.absolute(&file.to_vec(), &import.path)?;
            whole.extend_from_slice(rest);
            (whole != path).then_some(whole)
        });
        match passed_on {
            Some(whole) => self.origin(&whole),
            None => file.to_vec(),
        }
    }
}

/// Returns all folders above a file.
fn prefixes(path: &ModulePath) -> impl Iterator<Item = &[String]> {
    (0..path.len()).filter_map(|length| path.get(..length))
}

/// Returns the file or folder directly in `folder` through which a path leads.
fn child<'p>(folder: &[String], path: &'p [String]) -> Option<&'p str> {
    path.strip_prefix(folder)?.first().map(String::as_str)
}

/// Returns the arrows that are part of a circle: whoever follows them comes back.
fn circular<'n>(arrows: &BTreeSet<(&'n str, &'n str)>) -> BTreeSet<(&'n str, &'n str)> {
    let reaches = |start: &str, goal: &str| {
        let mut seen = BTreeSet::from([start]);
        let mut waiting = vec![start];
        while let Some(at) = waiting.pop() {
            for (_, to) in arrows.iter().filter(|(from, _)| *from == at) {
                if *to == goal {
                    return true;
                }
                if seen.insert(to) {
                    waiting.push(to);
                }
            }
        }
        false
    };
    let is_circular = |(from, to): &&(&'n str, &'n str)| reaches(to, from);
    arrows.iter().filter(is_circular).copied().collect()
}

impl Module {
    fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let mut module = Self::default();
        let mut rest = &*tokens;
        let mut is_public = false;
        while let Some((token, others)) = rest.split_first() {
            rest = others;
            match &**token {
                "use" => {
                    let end = rest.iter().position(|token| token == ";");
                    let (mut tree, behind) = rest.split_at(end.unwrap_or(rest.len()));
                    read_tree(&mut tree, &[], is_public, &mut module.imports);
                    rest = behind;
                }
                name if is_name(name) => {
                    let mut path = vec![name.to_owned()];
                    while let [colons, next, behind @ ..] = rest
                        && colons == "::"
                        && is_name(next)
                    {
                        path.push(next.clone());
                        rest = behind;
                    }
                    if path.len() > 1 {
                        module.written_out.push(path);
                    }
                }
                _ => {}
            }
            // A name between `pub` and `use` is the room in `pub(crate)`.
            is_public = match &**token {
                "pub" => true,
                "(" | ")" | "crate" | "super" | "in" => is_public,
                _ => false,
            };
        }
        module
    }
}

/// Reads a tree of names in a `use` declaration: `a::{self, b::C as D}`.
fn read_tree(
    rest: &mut &[String],
    before: &[String],
    is_passed_on: bool,
    imports: &mut Vec<Import>,
) {
    let mut path = before.to_vec();
    let mut alias = None;
    while let Some((token, others)) = rest.split_first() {
        match &**token {
            "{" => {
                *rest = others;
                while rest.first().is_some_and(|token| token != "}") {
                    read_tree(rest, &path, is_passed_on, imports);
                    if rest.first().is_some_and(|token| token == ",") {
                        *rest = rest.get(1..).unwrap_or_default();
                    }
                }
                *rest = rest.get(1..).unwrap_or_default();
                return;
            }
            "}" | "," => break,
            "as" => alias = others.first().cloned(),
            // `a::{self}` is `a`, but `self::a` begins in this file.
            "self" if !path.is_empty() => {}
            name if is_name(name) && alias.is_none() => path.push(name.to_owned()),
            _ => {}
        }
        *rest = others;
    }
    let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
    imports.push(Import {
        name,
        path,
        is_passed_on,
    });
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Cuts code into names, `::` and single characters. Comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = quoted(rest) {
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else if is_name(rest) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let (name, _) = rest.split_at(end.unwrap_or(rest.len()));
            tokens.push(name.to_owned());
            name.len()
        } else {
            tokens.extend((!first.is_whitespace()).then(|| first.to_string()));
            first.len_utf8()
        };
        rest = rest.split_at(length).1;
    }
    tokens
}

/// Returns the length of the string or character at the start of the code.
fn quoted(text: &str) -> Option<usize> {
    let raw = text.trim_start_matches(['b', 'r']);
    let prefix = text.len() - raw.len();
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if prefix > 0 && text.get(..prefix)?.contains('r') && raw.get(hashes..)?.starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let start = prefix + hashes + 1;
        return Some(start + text.get(start..)?.find(&end)? + end.len());
    }
    let quote = raw
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    if prefix > 1 {
        return None;
    }
    let mut is_escaped = false;
    for (index, c) in raw.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return Some(prefix + index + 1);
        }
        // `'a` is a lifetime unless its third character ends it.
        if quote == '\'' && index > 1 && !raw.starts_with("'\\") {
            return None;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}
