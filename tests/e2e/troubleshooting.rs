//! docs/troubleshooting.md has each message of a failing source: the text of messages in the code is compared with the page.

use image_service_tests::repository;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where messages of sources are written, as files and folders.
const PLACES: [&str; 10] = [
    "host/src/sources/harbor.rs",
    "host/src/sources/harbor",
    "host/src/sources/crictl.rs",
    "host/src/sources/crictl",
    "components/lib/harbor-api/src",
    "components/lib/http-get/src",
    "components/lib/image-model/src/crictl",
    "components/harbor/src",
    "components/crictl-remote/src",
    "components/stale-if-error/src/lib.rs",
];

/// Texts there that are no messages of a failing source, each as a part of it.
const OTHERS: [&str; 32] = [
    // Reasons of attributes, and generated code.
    "generated from",
    "components have one thread",
    "Service was not ready",
    // Lines of the log.
    "Harbor fails with",
    "Harbor is much slower than usual",
    "Harbor answers well",
    "of a request to Harbor failed",
    "refused to a component",
    "asked Harbor",
    // What serde expects, and what sudo and nginx say.
    "a string or null",
    "a word that this version does not know",
    "a list of",
    "may not run",
    "a password for",
    "no new privileges",
    "must have a tty",
    "command not found",
    "have the setuid bit set",
    "is owned by uid 65534, should be 0",
    ", should be 0",
    "is world writable",
    "is required",
    "not in the sudoers file",
    "not allowed to",
    "i'm afraid i can't do that",
    "sent to HTTPS port",
    "HTTP request to an HTTPS server",
    // Parts that say nothing by themselves.
    "(which holds an @)",
    "as it speaks https",
    "crictl_config.timeout sets it",
    "the program reads",
    "the start of {}",
];

/// How a remedy begins. It stands behind the message that needs it, whose row has it.
const REMEDIES: [&str; 26] = [
    "; ",
    "add ",
    "allow ",
    "begin ",
    "change ",
    "check ",
    "correct ",
    "do ",
    "does ",
    "enable ",
    "have ",
    "if ",
    "install ",
    "is the ",
    "only … may; have",
    "raise ",
    "remove ",
    "run ",
    "see ",
    "set ",
    "take ",
    "the host has to know",
    "this program needs",
    "use ",
    "write ",
    "without a reason",
];

/// The Rust files below a path, without tests.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let is_test = |path: &PathBuf| path.file_stem().is_some_and(|name| name == "tests");
    let mut files: Vec<_> = entries.filter(|entry| !is_test(entry)).flat_map(|entry| files(&entry)).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "rs"));
    files
}

/// The strings of Rust code, without those of its comments and of the tests at its end.
fn strings(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let (mut found, mut rest) = (Vec::new(), code);
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let here = &rest[at..];
        if here.starts_with("//") {
            rest = here.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(text) = here.strip_prefix('"') {
            let hashes = rest[..at].chars().rev().take_while(|c| *c == '#').count();
            let is_raw = rest[..at - hashes].ends_with('r');
            let end =
                if is_raw { text.find(&format!("\"{}", "#".repeat(hashes))) } else { end_of_string(text) }.unwrap();
            found.push(if is_raw { text[..end].to_owned() } else { unescaped(&text[..end]) });
            rest = &text[end + 1..];
        } else if here.starts_with("'\"'") || here.starts_with("'/'") {
            rest = &here[3..];
        } else if let Some(after) = here.strip_prefix("'\\") {
            rest = &after[after.chars().next().map_or(0, char::len_utf8)..];
        } else {
            rest = &here[1..];
        }
    }
    found
}

fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, character)| {
        let ends = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// A string without its escapes: a backslash at the end of a line takes the spaces after it, too.
fn unescaped(text: &str) -> String {
    let lines: Vec<&str> =
        text.split("\\\n").enumerate().map(|(n, line)| if n > 0 { line.trim_start() } else { line }).collect();
    lines.concat().replace("\\\"", "\"").replace("\\n", " ").replace("\\\\", "\\")
}

/// A message with `…` for what differs, and without code marks.
fn normal(message: &str) -> String {
    let (mut text, mut depth) = (String::new(), 0);
    for character in message.chars() {
        match character {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                text.push('…');
            }
            '`' => {}
            other if depth == 0 => text.push(other),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The part of a message by which it is known: the longest without anything that differs.
fn core(message: &str) -> &str {
    message.split('…').map(str::trim).max_by_key(|part| part.len()).unwrap_or_default()
}

/// Whether this is a sentence, and no key or name.
fn is_message(text: &str) -> bool {
    let is_remedy = REMEDIES.iter().any(|begin| text.starts_with(begin));
    core(text).split_whitespace().count() >= 3 && !is_remedy && !OTHERS.iter().any(|other| text.contains(other))
}

fn messages() -> Vec<(String, String)> {
    let files = PLACES.iter().flat_map(|place| files(&repository(place)));
    let of_file = |file: PathBuf| {
        let code = std::fs::read_to_string(&file).unwrap();
        let name = file.display().to_string();
        strings(&code).into_iter().map(move |text| (name.clone(), normal(&text))).collect::<Vec<_>>()
    };
    files.flat_map(of_file).filter(|(_, text)| is_message(text)).collect()
}

/// The words of the page's first cells by which a message is known: three or more in a row.
fn entries() -> Vec<String> {
    let page = std::fs::read_to_string(repository("docs/troubleshooting.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")).filter(|line| !line.starts_with("message "));
    let known = rows.flat_map(|line| {
        let mut cells = line.trim_end_matches(" |").split(" | ");
        let [message, cause, remedy] = [(); 3].map(|()| cells.next().unwrap_or_default());
        assert!(!cause.is_empty() && !remedy.is_empty() && cells.next().is_none(), "three cells: {line}");
        let message = normal(&without_numbers(&message.replace("`, `", "…")));
        message.split('…').map(|part| part.trim().to_owned()).collect::<Vec<_>>()
    });
    known.filter(|part| part.split_whitespace().count() >= 3).collect()
}

/// The text with `…` for numbers, which a page may have as an example.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match character.is_ascii_digit() {
            true if shown.ends_with('…') => {}
            true => shown.push('…'),
            false => shown.push(character),
        }
    }
    shown
}

#[test]
fn each_message_of_a_failing_source_has_an_entry() {
    let (messages, entries) = (messages(), entries());
    assert!(messages.len() > 80, "the messages were not found: {messages:#?}");
    let is_told = |message: &str| {
        let message = without_numbers(message);
        entries.iter().any(|entry| message.contains(entry.as_str()) || entry.contains(core(&message)))
    };
    let missing: Vec<_> = messages.iter().filter(|(_, message)| !is_told(message)).collect();
    assert!(missing.is_empty(), "docs/troubleshooting.md needs a row for each of these: {missing:#?}");
}

/// Where messages are written that foreign hosts print, too.
const ON_FOREIGN_HOSTS: [&str; 8] = [
    "components/harbor/src",
    "components/crictl-remote/src",
    "components/filter/src",
    "components/handler/src",
    "components/lister/src",
    "components/lib/harbor-api/src",
    "components/lib/http-get/src",
    "components/lib/verdicts/src",
];

#[test]
fn no_message_of_foreign_hosts_names_a_key_of_config_json() {
    let keys: BTreeSet<String> = std::fs::read_to_string(repository("README.md"))
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(key, _)| key.to_owned()))
        .filter(|key| key.contains("_config."))
        .flat_map(|key| key.split('.').map(str::to_owned).collect::<Vec<_>>())
        .filter(|name| name.contains('_'))
        .collect();
    assert!(keys.contains("max_concurrency") && keys.contains("harbor_config"), "{keys:?}");
    let messages = ON_FOREIGN_HOSTS.iter().flat_map(|place| files(&repository(place))).flat_map(|file| {
        let strings = strings(&std::fs::read_to_string(&file).unwrap());
        strings.into_iter().map(move |text| (file.display().to_string(), text)).collect::<Vec<_>>()
    });
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map(str::to_owned).collect()
    };
    let found: Vec<_> = messages
        .filter(|(_, text)| normal(text).split_whitespace().count() > 1)
        // Of the other node, on which the native program runs.
        .filter(|(_, text)| !text.contains("node_api.token_file"))
        .filter(|(_, text)| words(&normal(text)).iter().any(|word| keys.contains(word)))
        .collect();
    assert!(found.is_empty(), "image_model::setting::here writes a key as its environment does: {found:#?}");
}

#[test]
fn strings_of_code_are_found_as_people_read_them() {
    let code = "// \"no\"\nlet a = '\"'; let b = '\\''; f(\"one \\\n    two {x:?}\", r#\"a \"b\" c\"#, \"q \\\"d\\\"\");\n#[cfg(test)]\nmod tests {\n\"e\"}";
    assert_eq!(strings(code), ["one two {x:?}", "a \"b\" c", "q \"d\""]);
    assert_eq!(normal("one two {x:?} `y`"), "one two … y");
}
