//! Logs: to stderr or the journal, and to a rotated file where one is configured.
//!
//! - `format`: the text of an event;
//! - `writer`: the queue of lines, and the thread that writes them;
//! - `sink`: the places that it writes to; `rotated_file`: one of them.
//!
//! By hand on purpose, instead of tracing-subscriber's formats, tracing-appender, file-rotate and tracing-journald:
//!
//! - tracing-subscriber's text leaves line breaks in a message, and its JSON leaves C1 control characters and those that change
//!   the direction of text. So a client or a source could write lines of its own, or hide what a line says.
//! - tracing-appender limits its queue to a number of lines, of any length. Here the limit is in bytes.
//! - tracing-journald writes to the journal on the thread that answers a request.
//! - A line of the access log costs a request 600 ns here, and 6400 ns with `json` and tracing-appender.
//!
//! They bring five crates: 1.5 s of compiler work.

mod format;
mod lines;
mod rotated_file;
mod sink;
mod writer;

pub(crate) use writer::dropped;

use anyhow::{Context, Result};
use format::{Format, Line};
use image_service_config::regular_file;
use image_service_config::{Level, Log, LogFormat};
use rotated_file::RotatedFile;
use rustix::fs::Access;
use sink::{Journal, Sink, Stderr};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::Path;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{self, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use writer::{Closing, Writer};

/// Writes all queued lines when it is dropped, at the end of the program.
#[must_use]
pub struct Logs(#[expect(dead_code, reason = "it is there to be dropped")] Vec<Closing>);

/// The crates of this program begin so.
const OWN: &str = "image_service";

/// What is logged at this level: at `DEBUG`, what this program says. Others, such as wasmtime, explain themselves to their own authors,
/// and say everything at `TRACE` only.
fn targets(level: Level) -> Targets {
    let of_others = if level == Level::TRACE { level } else { level.min(Level::INFO) };
    // h2 warns of each client that misbehaves, without its address, as often as the client likes.
    let of_h2 = if level == Level::TRACE { LevelFilter::TRACE } else { LevelFilter::ERROR };
    Targets::new().with_default(of_others).with_target(OWN, level).with_target("h2", of_h2)
}

/// Begins logging, once in the life of the program.
///
/// # Errors
///
/// When the program can't reach journald. A log file that can't be written is a warning, in the log that there is. Later failures have
/// no place to be reported.
pub fn start(config: &Log) -> Result<Logs> {
    let (format, sink) = format_and_sink(config.format)?;
    let mut closings = Vec::new();
    let mut lines = |format, sink| -> Result<LineLayer> {
        let (writer, closing) = Writer::start(sink).context("starting the thread that writes the log")?;
        closings.push(closing);
        Ok(LineLayer { format, writer })
    };
    let to_stderr = lines(format, sink)?.with_filter(targets(config.level));
    let mut unwritable = None;
    let opened = config.file.as_ref().and_then(|file| match RotatedFile::open(file) {
        Ok(sink) => Some((file, sink?)),
        Err(error) => {
            unwritable = Some(error);
            None
        }
    });
    let to_file = match opened {
        None => None,
        Some((file, sink)) => {
            // People read log files, as they did with the Flask service, unless the configuration asks for JSON.
            let format = if config.format == LogFormat::Json { Format::Json } else { Format::Human { colours: false } };
            Some(lines(format, Box::new(sink))?.with_filter(targets(file.level)))
        }
    };
    tracing_subscriber::registry().with(to_stderr).with(to_file).init();
    if let Some(error) = unwritable {
        tracing::warn!("{error:#}; the log goes to stderr only");
    }
    Ok(Logs(closings))
}

/// The format and the sink that the configuration and stderr ask for.
fn format_and_sink(format: LogFormat) -> Result<(Format, Box<dyn Sink>)> {
    let terminal = std::io::stderr().is_terminal();
    let journal = || match Journal::open() {
        Ok(journal) => Ok((Format::Journald, Box::new(journal) as Box<dyn Sink>)),
        Err(error) => Err(error).context("app_config.log_format is journald, but no journal listens here"),
    };
    Ok(match format {
        LogFormat::Human => (Format::Human { colours: terminal }, Box::<Stderr>::default()),
        LogFormat::Json => (Format::Json, Box::<Stderr>::default()),
        LogFormat::Journald => journal()?,
        LogFormat::Auto if terminal => (Format::Human { colours: true }, Box::<Stderr>::default()),
        LogFormat::Auto if Journal::is_stderr() => journal().unwrap_or((Format::Json, Box::<Stderr>::default())),
        LogFormat::Auto => (Format::Json, Box::<Stderr>::default()),
    })
}

/// The longest line, in bytes, whose memory the next line uses again.
const MAX_REUSED_LINE: usize = 16 * 1024;

/// The layer that formats events as lines.
struct LineLayer {
    format: Format,
    writer: Writer,
}

impl<S: Subscriber> Layer<S> for LineLayer {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        thread_local! {
            static LINE: RefCell<Line> = RefCell::default();
        }
        LINE.with(|line| {
            // The line is borrowed already when formatting a value logs an event itself. That event is dropped.
            let Ok(mut line) = line.try_borrow_mut() else { return };
            self.format.write(event, &mut line);
            self.writer.write(line.text.as_bytes());
            if line.text.len() > MAX_REUSED_LINE {
                *line = Line::default();
            }
        });
    }
}

/// Why the log file can't be written, without making it; `None` where it can, or there is none.
pub fn file_problem(config: &Log) -> Option<String> {
    let path = config.file.as_ref()?.path.clone();
    let error = regular_file::within_limit(&path, {
        let path = path.clone();
        move || may_write(&path)
    });
    error.err().map(|error| format!("app_config.log_file {} can't be written ({error})", path.display()))
}

fn may_write(path: &Path) -> std::io::Result<()> {
    // The file itself, or the folder in which it or its folders would be made.
    let Some(place) = path.ancestors().find(|place| place.exists()) else { return Ok(()) };
    if place == path {
        regular_file::check(&std::fs::metadata(path)?)?;
    } else if !place.is_dir() {
        return Err(std::io::Error::other(format!("{} is no folder", place.display())));
    }
    Ok(rustix::fs::access(place, Access::WRITE_OK)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    struct Recorder(Arc<Mutex<Vec<u8>>>);

    impl Sink for Recorder {
        fn write(&mut self, lines: &lines::Lines) -> Result<(), lines::Loss> {
            self.0.lock().unwrap().extend_from_slice(&lines.bytes);
            Ok(())
        }

        fn name(&self) -> String {
            "a test".to_owned()
        }
    }

    /// The text of an event.
    fn logged(format: Format, event: impl FnOnce()) -> String {
        let kept = Arc::default();
        let (writer, closing) = Writer::start(Box::new(Recorder(Arc::clone(&kept)))).unwrap();
        let subscriber = tracing_subscriber::registry().with(LineLayer { format, writer });
        tracing::subscriber::with_default(subscriber, event);
        drop(closing);
        String::from_utf8(kept.lock().unwrap().clone()).unwrap()
    }

    fn event() {
        let path = "/a\n{\"b\":1}\x1b[31m\u{85}\u{202e}";
        tracing::info!(path, status = 200_u64, seconds = 0.25, whole = true, "answered {:?}", "x y");
    }

    #[test]
    fn an_event_is_one_line_for_people_whatever_it_holds() {
        let line = logged(Format::Human { colours: false }, event);
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.len() == "2026-11-24T19:36:00.123456Z".len(), "{line}");
        assert_eq!(
            rest,
            " INFO image_service_telemetry::log::tests: answered \"x y\" path=\"/a\\n{\\\"b\\\":1}\\u001b[31m\\u0085\\u202e\" \
             status=200 seconds=0.25 whole=true\n"
        );
    }

    #[test]
    fn an_event_is_one_json_object_with_numbers_as_numbers() {
        let line = logged(Format::Json, event);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], "answered \"x y\"");
        assert_eq!(value["path"], "/a\n{\"b\":1}\x1b[31m\u{85}\u{202e}");
        assert_eq!((&value["status"], &value["seconds"], &value["whole"]), (&200.into(), &0.25.into(), &true.into()));
        assert_eq!((value["level"].as_str(), value["target"].as_str()), (Some("INFO"), Some(module_path!())));
    }

    #[test]
    fn a_journal_record_has_one_field_a_line_and_all_fields_in_its_message() {
        let record = logged(Format::Journald, || tracing::warn!(path = "/a\nPRIORITY=0", "no\ngood"));
        assert_eq!(
            record,
            "PRIORITY=4\nSYSLOG_IDENTIFIER=image-service\nTARGET=image_service_telemetry::log::tests\n\
             MESSAGE=no\\ngood path=/a\\nPRIORITY=0\nIMAGE_SERVICE_PATH=/a\\nPRIORITY=0\n"
        );
    }

    #[test]
    fn debug_is_what_this_program_says_and_trace_is_everything() {
        let others = |level| targets(level).would_enable("wasmtime", &tracing::Level::DEBUG);
        let own = |level| targets(level).would_enable("image_service_http::cache", &tracing::Level::DEBUG);
        assert!(!others(Level::DEBUG) && own(Level::DEBUG));
        assert!(others(Level::TRACE) && own(Level::TRACE));
        assert!(!own(Level::INFO) && !targets(Level::ERROR).would_enable("hyper", &tracing::Level::WARN));
    }

    #[test]
    fn a_journal_record_fits_a_datagram() {
        let record = logged(Format::Journald, || tracing::warn!("{}", "ä".repeat(1024 * 1024)));
        assert!(record.len() < 64 * 1024 && record.ends_with("ä\n"), "{}", record.len());
    }
}
