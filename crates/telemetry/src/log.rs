//! Logs: to stderr or the journal, and to a file that is rotated where one is configured.
//!
//! - `format`: how an event reads;
//! - `writer`: lines that wait to be written;
//! - `sink`: what they are written to.

mod format;
mod lines;
mod sink;
mod writer;

pub(crate) use writer::dropped;

use anyhow::{Context, Result};
use format::{Format, Line};
use image_service_config::{Log, LogFormat};
use sink::{File, Journal, Sink, Stderr};
use std::cell::RefCell;
use std::io::IsTerminal;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{self, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use writer::{Closing, Writer};

/// Has all lines written when it is dropped, at the end of the program.
#[must_use]
pub struct Logs(#[expect(dead_code, reason = "it is there to be dropped")] Vec<Closing>);

/// Begins logging, once in the life of the program.
///
/// # Errors
///
/// When the log file can't be written, or journald can't be told; said now, as later there is nowhere to say it.
pub fn start(config: &Log) -> Result<Logs> {
    let (format, sink) = chosen(config.format)?;
    let mut closings = Vec::new();
    let mut lines = |format, sink| -> Result<LineLayer> {
        let (writer, closing) = Writer::start(sink).context("beginning the thread that writes the log")?;
        closings.push(closing);
        Ok(LineLayer { format, writer })
    };
    let to_stderr = lines(format, sink)?.with_filter(config.level);
    let to_file = match &config.file {
        None => None,
        Some(file) => {
            // Files are read by people, as those of the Flask service were, unless JSON is asked for.
            let format = if config.format == LogFormat::Json { Format::Json } else { Format::Human { colours: false } };
            Some(lines(format, Box::new(File::open(file)?))?.with_filter(file.level))
        }
    };
    tracing_subscriber::registry().with(to_stderr).with(to_file).init();
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(Logs(closings))
}

/// How lines for stderr read, and where they go.
fn chosen(format: LogFormat) -> Result<(Format, Box<dyn Sink>)> {
    let terminal = std::io::stderr().is_terminal();
    let journal = || match Journal::open() {
        Ok(journal) => Ok((Format::Journald, Box::new(journal) as Box<dyn Sink>)),
        Err(error) => Err(error).context("app_config.log_format is journald, but no journal listens here"),
    };
    Ok(match format {
        LogFormat::Human => (Format::Human { colours: terminal }, Box::new(Stderr)),
        LogFormat::Json => (Format::Json, Box::new(Stderr)),
        LogFormat::Journald => journal()?,
        LogFormat::Auto if terminal => (Format::Human { colours: true }, Box::new(Stderr)),
        LogFormat::Auto if Journal::is_stderr() => journal().unwrap_or((Format::Json, Box::new(Stderr))),
        LogFormat::Auto => (Format::Json, Box::new(Stderr)),
    })
}

/// Bytes of a line whose memory is used again for the next one.
const MAX_KEPT: usize = 16 * 1024;

/// The layer that makes lines of events.
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
            // In use already where writing a value logs something itself, which is one line too many.
            let Ok(mut line) = line.try_borrow_mut() else { return };
            self.format.write(event, &mut line);
            self.writer.write(line.text.as_bytes());
            if line.text.len() > MAX_KEPT {
                *line = Line::default();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Sink for Kept {
        fn write(&mut self, lines: &lines::Lines) {
            self.0.lock().unwrap().extend_from_slice(&lines.bytes);
        }
    }

    /// What an event reads like.
    fn logged(format: Format, event: impl FnOnce()) -> String {
        let kept = Arc::default();
        let (writer, closing) = Writer::start(Box::new(Kept(Arc::clone(&kept)))).unwrap();
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
    fn people_get_a_line_whatever_is_in_it() {
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
    fn programs_get_an_object_a_line_with_numbers_as_numbers() {
        let line = logged(Format::Json, event);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], "answered \"x y\"");
        assert_eq!(value["path"], "/a\n{\"b\":1}\x1b[31m\u{85}\u{202e}");
        assert_eq!((&value["status"], &value["seconds"], &value["whole"]), (&200.into(), &0.25.into(), &true.into()));
        assert_eq!((value["level"].as_str(), value["target"].as_str()), (Some("INFO"), Some(module_path!())));
    }

    #[test]
    fn the_journal_gets_a_field_a_line_and_people_the_fields_in_the_message() {
        let record = logged(Format::Journald, || tracing::warn!(path = "/a\nPRIORITY=0", "no\ngood"));
        assert_eq!(
            record,
            "PRIORITY=4\nSYSLOG_IDENTIFIER=image-service\nTARGET=image_service_telemetry::log::tests\n\
             MESSAGE=no\\ngood path=/a\\nPRIORITY=0\nIMAGE_SERVICE_PATH=/a\\nPRIORITY=0\n"
        );
    }

    #[test]
    fn a_record_for_the_journal_fits_a_datagram() {
        let record = logged(Format::Journald, || tracing::warn!("{}", "ä".repeat(1024 * 1024)));
        assert!(record.len() < 64 * 1024 && record.ends_with("ä\n"), "{}", record.len());
    }
}
