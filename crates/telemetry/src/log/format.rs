//! The text of an event: a line for people, a line of JSON, or a record of the journal. One event is one line, whatever a
//! client or a source sent: all formats escape control characters.

use image_model::visible::{is_invisible, write_json_escape};
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{self, FormatTime};

/// The format of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A line for people, with colours on a terminal.
    Human { colours: bool },
    /// A JSON object a line.
    Json,
    /// The fields of journald.
    Journald,
}

/// A line and its parts. The next event on this thread uses the same memory.
#[derive(Default)]
pub(super) struct Line {
    pub(super) text: String,
    message: String,
    fields: String,
    clock: Clock,
}

/// The largest record, in bytes, that journald always takes as one datagram; a longer record is cut.
const MAX_RECORD: usize = 48 * 1024;

impl Format {
    /// Formats an event into `line`, with its line end.
    pub(super) fn write(self, event: &Event<'_>, line: &mut Line) {
        let Line { text: out, message, fields, clock } = line;
        out.clear();
        message.clear();
        fields.clear();
        let mut parts = Parts { format: self, message, fields, target: None };
        event.record(&mut parts);
        let level = *event.metadata().level();
        let target = parts.target.as_deref().unwrap_or(event.metadata().target());
        match self {
            Self::Human { colours } => {
                let (dim, colour, end) = if colours { ("\x1b[2m", colour(level), "\x1b[0m") } else { ("", "", "") };
                out.push_str(dim);
                clock.write(out);
                let _ = write!(out, "{end} {colour}{level:>5}{end} {dim}{target}:{end} ");
                out.push_str(parts.message);
                out.push_str(parts.fields);
                out.push('\n');
            }
            Self::Json => {
                out.push_str("{\"timestamp\":\"");
                clock.write(out);
                let _ = write!(out, "\",\"level\":\"{level}\",\"target\":\"");
                escape(target, Escapes::Json, out);
                out.push_str("\",\"message\":\"");
                out.push_str(parts.message);
                out.push('"');
                out.push_str(parts.fields);
                out.push_str("}\n");
            }
            Self::Journald => {
                let _ = write!(out, "PRIORITY={}\nSYSLOG_IDENTIFIER=image-service\nTARGET=", priority(level));
                escape(target, Escapes::Text, out);
                out.push_str("\nMESSAGE=");
                out.push_str(parts.message);
                // The message repeats the fields for people, because journalctl shows only the message by default.
                for field in parts.fields.lines() {
                    if let Some((name, value)) = field.split_once('=') {
                        out.push(' ');
                        out.push_str(&name["IMAGE_SERVICE_".len()..].to_ascii_lowercase());
                        out.push('=');
                        out.push_str(value);
                    }
                }
                out.push('\n');
                out.push_str(parts.fields);
                if out.len() > MAX_RECORD {
                    let end = (0..=MAX_RECORD).rev().find(|end| out.is_char_boundary(*end)).unwrap_or_default();
                    out.truncate(end);
                    out.push('\n');
                }
            }
        }
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

/// syslog's numbers.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Formats the time. It keeps the text down to the second, because formatting that is slow and a second may have thousands of
/// lines.
#[derive(Default)]
struct Clock {
    /// The second, since 1970, of the text.
    second: Option<u64>,
    text: String,
}

impl Clock {
    /// The number of bytes before the fraction of the second, in a time such as 2026-11-24T19:36:00.123456Z.
    const PREFIX_BYTES: usize = 20;

    fn write(&mut self, out: &mut String) {
        let now = Self::now();
        let second = now.as_secs();
        if self.second == Some(second)
            && let Some(begin) = self.text.get(..Self::PREFIX_BYTES)
        {
            out.push_str(begin);
            let mut rest = now.subsec_micros();
            let mut digits = [b'0'; 6];
            for digit in digits.iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            out.extend(digits.map(char::from));
            out.push('Z');
            return;
        }
        self.text.clear();
        // Writing to a string never fails.
        let _ = time::SystemTime.format_time(&mut Writer::new(&mut self.text));
        out.push_str(&self.text);
        // The formatter reads the clock again, so the second may have changed.
        self.second = Some(second).filter(|second| Self::now().as_secs() == *second);
    }

    fn now() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// The characters to escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// Control characters.
    Text,
    /// Control characters, quotes and backslashes (RFC 8259, section 7).
    Json,
}

/// Writes a text with escapes for characters that break a line or control a terminal.
fn escape(text: &str, escapes: Escapes, out: &mut String) {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && (escapes == Escapes::Text || !matches!(byte, b'"' | b'\\'));
    if text.as_bytes().iter().all(plain) {
        return out.push_str(text);
    }
    let mut begin = 0;
    for (at, c) in text.char_indices() {
        let short = match c {
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '"' if escapes == Escapes::Json => "\\\"",
            '\\' if escapes == Escapes::Json => "\\\\",
            // They control a terminal, break a line, or change its direction in some viewers.
            c if is_invisible(c) => "",
            _ => continue,
        };
        out.push_str(&text[begin..at]);
        match short {
            "" => write_json_escape(out, c),
            short => out.push_str(short),
        }
        begin = at + c.len_utf8();
    }
    out.push_str(&text[begin..]);
}

/// Escapes the text that is formatted into it.
struct Escaped<'a>(Escapes, &'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0, self.1);
        Ok(())
    }
}

/// The parts of an event, in the format of the line.
struct Parts<'a> {
    format: Format,
    message: &'a mut String,
    fields: &'a mut String,
    /// The target of an event that came through the crate `log`.
    target: Option<String>,
}

/// The value of a field.
enum Value<'a> {
    Text(&'a str),
    /// A text that is not formatted yet.
    Formatted(fmt::Arguments<'a>),
    /// A number or a truth value, which JSON writes without quotes.
    Literal(fmt::Arguments<'a>),
}

impl Parts<'_> {
    fn add(&mut self, field: &Field, value: Value<'_>) {
        let escapes = if self.format == Format::Json { Escapes::Json } else { Escapes::Text };
        match field.name() {
            "message" => text(&value, escapes, self.message),
            "log.target" => {
                let target = self.target.insert(String::new());
                text(&value, Escapes::Text, target);
            }
            name if name.starts_with("log.") => {}
            name => {
                let out = &mut *self.fields;
                match self.format {
                    Format::Human { .. } => {
                        out.push(' ');
                        out.push_str(name);
                        out.push('=');
                        match value {
                            Value::Text(text) => quoted_if_needed(text, out),
                            Value::Formatted(arguments) => quoted_if_needed(&arguments.to_string(), out),
                            Value::Literal(_) => text(&value, escapes, out),
                        }
                    }
                    Format::Json => {
                        let quote = if matches!(value, Value::Literal(_)) { "" } else { "\"" };
                        out.push_str(",\"");
                        out.push_str(name);
                        out.push_str("\":");
                        out.push_str(quote);
                        text(&value, escapes, out);
                        out.push_str(quote);
                    }
                    Format::Journald => {
                        journal_name(name, out);
                        text(&value, escapes, out);
                        out.push('\n');
                    }
                }
            }
        }
    }
}

fn text(value: &Value<'_>, escapes: Escapes, out: &mut String) {
    match value {
        Value::Text(text) => escape(text, escapes, out),
        Value::Formatted(arguments) => drop(Escaped(escapes, out).write_fmt(*arguments)),
        Value::Literal(plain) => drop(out.write_fmt(*plain)),
    }
}

/// Writes a value, in quotes where a reader could not see its end otherwise.
fn quoted_if_needed(text: &str, out: &mut String) {
    if text.is_empty() || text.contains([' ', '"', '=']) {
        out.push('"');
        escape(text, Escapes::Json, out);
        out.push('"');
    } else {
        escape(text, Escapes::Text, out);
    }
}

/// Writes the name of a field. journald accepts capitals, digits and underscores.
fn journal_name(name: &str, out: &mut String) {
    out.push_str("IMAGE_SERVICE_");
    out.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }));
    out.push('=');
}

impl Visit for Parts<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Formatted(format_args!("{value:?}")));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Literal(format_args!("{value}")));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Literal(format_args!("{value}")));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Literal(format_args!("{value}")));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.add(field, Value::Literal(format_args!("{value}")));
        } else {
            self.add(field, Value::Formatted(format_args!("{value}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_formatted_as_the_library_formats_it_from_the_kept_text_too() {
        let mut clock = Clock::default();
        let (mut before, mut from_kept_text) = (String::new(), 0);
        for _ in 0..10_000 {
            from_kept_text += u32::from(clock.second == Some(Clock::now().as_secs()));
            let mut written = String::new();
            clock.write(&mut written);
            let mut after = String::new();
            time::SystemTime.format_time(&mut Writer::new(&mut after)).unwrap();
            assert!(before <= written && written <= after, "{before} {written} {after}");
            assert_eq!(written.len(), after.len());
            before = after;
        }
        assert!(from_kept_text > 0);
    }
}
