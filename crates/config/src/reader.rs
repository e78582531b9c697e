//! Reads sections from the tree of config.json and the environment: which value counts, and what is wrong with it, in words.
//!
//! By hand on purpose: serde's errors name Rust's types (`u16`, `unit variant`), and figment and the config crate pass them on. Nor do
//! these forgive quotes, name unknown keys, or wipe secrets.

mod deserializer;
mod error;
mod scalar;

pub(crate) use error::Problem;

use crate::environment::Environment;
use crate::setting::{Origin, Setting};
use crate::tree::Tree;
use scalar::Scalar;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// The name by which a type tells that its value is a secret, to `deserialize_newtype_struct`.
pub(crate) const SECRET: &str = "secret";

/// The name by which a type tells that its value is a number of seconds.
pub(crate) const SECONDS: &str = "seconds";

/// Second names of keys, with the section.
const SYNONYMS: [(&str, &str, &str); 1] = [("harbor_config", "username", "user")];

/// What is noted on the way.
#[derive(Default)]
pub(crate) struct Notes {
    /// Sentences about the file.
    pub(crate) of_file: Vec<String>,
    /// Sentences about variables.
    pub(crate) of_environment: Vec<String>,
    /// The values that count.
    pub(crate) settings: Vec<Setting>,
    /// All keys of the sections that were read.
    pub(crate) keys: BTreeSet<String>,
}

/// Where a value comes from.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// It is not there, but keys of this section may be in the environment.
    Nowhere,
    File(&'a Tree),
    /// A variable, with its name and text.
    Variable(&'a str, &'a str),
}

/// Reads one value.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    environment: &'a Environment,
    notes: &'a RefCell<Notes>,
    /// The key with its section; empty for the whole file.
    key: String,
    source: Source<'a>,
    /// Whether the file has another value, which does not count.
    replaces: bool,
    /// Whether it is part of a value that is noted already.
    is_part: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(tree: &'a Tree, environment: &'a Environment, notes: &'a RefCell<Notes>) -> Self {
        Self { environment, notes, key: String::new(), source: Source::File(tree), replaces: false, is_part: false }
    }

    /// A part of this value.
    fn part(&self, name: &str, source: Source<'a>) -> Self {
        let key = if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) };
        Self { key, source, replaces: false, ..self.clone() }
    }

    fn problem(&self, what: impl std::fmt::Display) -> Problem {
        let place = match self.source {
            Source::Variable(name, _) => name,
            _ => &self.key,
        };
        if place.is_empty() { Problem::whole(what.to_string()) } else { Problem::whole(format!("{place}: {what}")) }
    }

    fn expected(&self, expected: &str) -> Problem {
        self.problem(format!("invalid type: {}, expected {expected}", self.shown()))
    }

    /// The value in words, for an error.
    fn shown(&self) -> String {
        match self.source {
            Source::Nowhere | Source::File(Tree::Null) => "null".to_owned(),
            Source::File(Tree::Bool(value)) => value.to_string(),
            Source::File(Tree::Number(number)) => format!("the number {number}"),
            // A text in the place of a whole section may be a misplaced secret.
            Source::File(Tree::Text(_)) if !self.key.contains('.') => "a text".to_owned(),
            Source::File(Tree::Text(text)) => format!("the text {text:?}"),
            Source::File(Tree::List(_)) => "a list".to_owned(),
            Source::File(Tree::Object(_)) => "an object".to_owned(),
            Source::Variable(_, text) => format!("the text {text:?}"),
        }
    }

    /// Notes that this value counts.
    fn note(&self, shown: impl FnOnce() -> String) {
        let from = match self.source {
            Source::Nowhere => return,
            Source::File(_) => Origin::File,
            Source::Variable(name, _) => Origin::Variable(name.to_owned()),
        };
        if !self.is_part {
            let setting = Setting { key: self.key.clone(), shown: shown(), from, replaces_file: self.replaces };
            self.notes.borrow_mut().settings.push(setting);
        }
    }

    /// Forgives quotes in the file, with a warning. In a variable there is no other way to write a value.
    fn unquoted(&self, text: &str, value: impl std::fmt::Display) {
        if matches!(self.source, Source::File(_)) {
            let warning = format!("{} is {text:?} in quotes, which counts as {value}; remove the quotes", self.key);
            self.notes.borrow_mut().of_file.push(warning);
        }
    }

    fn text(&self) -> Option<&'a str> {
        match self.source {
            Source::File(Tree::Text(text)) => Some(text),
            Source::Variable(_, text) => Some(text),
            _ => None,
        }
    }

    /// A number; `kind` says which ones there are.
    fn whole<T: Scalar>(&self, kind: &str) -> Result<T, Problem> {
        let text = self.text();
        let number = match (self.source, text) {
            (Source::File(Tree::Number(number)), _) => number.to_string(),
            (_, Some(text)) => text.trim().to_owned(),
            _ => return Err(self.expected(kind)),
        };
        let Some(value) = T::parse(&number) else {
            return Err(match text {
                None => self.problem(format!("invalid value: {number}, expected {kind}")),
                Some(_) => self.expected(kind),
            });
        };
        if let Some(text) = text {
            self.unquoted(text, &number);
        }
        self.note(|| number);
        Ok(value)
    }

    /// The members of an object: of the file, and `fields` of the environment.
    fn members(&self, fields: &'static [&'static str]) -> Result<Vec<(String, Reader<'a>)>, Problem> {
        let of_file: &[(String, Tree)] = match self.source {
            Source::Nowhere | Source::File(Tree::Null) => &[],
            Source::File(Tree::Object(members)) => members,
            _ => return Err(self.expected("an object")),
        };
        let mut members: Vec<(String, Reader<'a>)> = Vec::new();
        for (name, value) in of_file {
            let part = self.part(name, Source::File(value));
            if !fields.contains(&name.as_str()) {
                let known = closest(name, fields)
                    .map_or("is it spelled right?".to_owned(), |field| format!("is {field} meant?"));
                let warning = format!("the key {} is unknown and has no effect; {known}", part.key);
                self.notes.borrow_mut().of_file.push(warning);
            } else if members.iter().any(|(other, _)| other == name) {
                return Err(part.problem("the key is there twice; remove one of them"));
            } else if !matches!(value, Tree::Null) {
                members.push((name.clone(), part));
            }
        }
        for (section, synonym, key) in SYNONYMS {
            let has = |members: &[(String, Reader<'_>)], name| members.iter().any(|(other, _)| other == name);
            if self.key == section && has(&members, synonym) && has(&members, key) {
                return Err(
                    self.problem(format!("{key} and {synonym} are both set, and mean the same; remove one of them"))
                );
            }
            for (name, part) in members.iter_mut().filter(|(name, _)| self.key == section && name == synonym) {
                *part = self.part(key, part.source);
                key.clone_into(name);
            }
        }
        for field in fields {
            let own = self.part(field, Source::Nowhere);
            self.notes.borrow_mut().keys.insert(own.key.clone());
            let is_there = members.iter().position(|(name, _)| name == field);
            if let Some((name, value)) = self.environment.variable_of(&own.key) {
                let synonym = SYNONYMS.iter().find(|(section, synonym, _)| self.key == *section && field == synonym);
                let field = synonym.map_or(*field, |(_, _, key)| key);
                let text =
                    value.to_str().ok_or_else(|| Problem::whole(format!("the variable {name} is no UTF-8 text")))?;
                let is_there = members.iter().position(|(name, _)| name == field);
                let mut part = self.part(field, Source::Variable(name, text));
                let is_empty = |source| matches!(source, Source::File(Tree::Text(text)) if text.is_empty());
                part.replaces = is_there.is_some_and(|at| !is_empty(members[at].1.source));
                match is_there {
                    // The key itself comes before its second name.
                    Some(at) if matches!(members[at].1.source, Source::File(_)) => members[at].1 = part,
                    Some(_) => {}
                    None => members.push((field.to_owned(), part)),
                }
            } else if is_there.is_none()
                // The names of sections have a `_`.
                && (self.key.is_empty() && field.contains('_'))
                && self.environment.has_any_of(field)
            {
                members.push(((*field).to_owned(), own));
            }
        }
        Ok(members)
    }

    /// A list or an object that a variable holds as JSON.
    fn json(&self, name: &str, text: &str, expected: &str) -> Result<Tree, Problem> {
        Tree::read(text).map_err(|error| Problem::whole(format!("{name}: {error}; write {expected} as JSON")))
    }
}

/// The key that was likely meant.
fn closest(name: &str, fields: &'static [&'static str]) -> Option<&'static str> {
    let found = fields.iter().map(|field| (strsim::damerau_levenshtein(name, field), *field)).min();
    found.filter(|(distance, field)| *distance <= 2 && *distance * 2 < field.len()).map(|(_, field)| field)
}
