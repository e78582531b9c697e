//! The trace that a request belongs to (W3C Trace Context): the client's, or one that begins here. Requests to Harbor
//! carry it on.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

/// The header of the trace and the span.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header with data of other tracing systems.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of `tracestate`, in bytes, that a program must pass on (section 3.3.1.5). A longer value is dropped.
const MAX_STATE_BYTES: usize = 512;
const SAMPLED: u8 = 1;

/// The id of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A request's place in its trace.
#[derive(Clone, Debug)]
pub struct TraceContext {
    /// The id of the trace.
    pub id: TraceId,
    /// The client's span, where it sent one.
    pub parent: Option<u64>,
    /// The span of the request.
    pub span: u64,
    flags: u8,
    /// Whether this program sends its spans to a collector.
    recorded: bool,
    state: Option<HeaderValue>,
}

impl TraceContext {
    /// The trace that the client named, else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(TRACEPARENT).iter();
        let parent = given.next().filter(|_| given.next().is_none()).and_then(|value| parse(value.as_bytes()));
        match parent {
            None => Self::root(),
            Some((id, parent, flags)) => Self {
                id,
                parent: Some(parent),
                span: fastrand::u64(1..),
                flags: flags & SAMPLED,
                recorded: false,
                state: state(headers),
            },
        }
    }

    /// A trace that begins here.
    pub fn root() -> Self {
        let id = u128::from(fastrand::u64(1..)) << 64 | u128::from(fastrand::u64(1..));
        Self { id: TraceId(id), parent: None, span: fastrand::u64(1..), flags: 0, recorded: false, state: None }
    }

    /// Whether the program that began the trace records it.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Sets whether this program records it. Later programs in the trace see the decision.
    pub fn record(&mut self, recorded: bool) {
        self.recorded = recorded;
        self.flags = if recorded { SAMPLED } else { 0 };
    }

    /// Whether this program sends its spans to a collector.
    pub fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// The value of `tracestate`.
    pub fn state(&self) -> Option<String> {
        self.state.as_ref()?.to_str().ok().map(str::to_owned)
    }

    /// Adds the trace to the headers of an outgoing request. `span` is the span of that request, where it is recorded.
    /// Otherwise the client's span goes on, so that the trace has no gap.
    pub fn propagate(&self, headers: &mut HeaderMap, span: Option<u64>) {
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
        let parent = span.or(self.parent).unwrap_or(self.span);
        let text = format!("00-{}-{parent:016x}-{:02x}", self.id, self.flags);
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(state) = &self.state {
            headers.insert(TRACESTATE, state.clone());
        }
    }
}

/// `version-traceid-parentid-flags`, in hexadecimal digits; later versions may have more after these.
fn parse(text: &[u8]) -> Option<(TraceId, u64, u8)> {
    let fields: [&[u8]; 4] = [text.get(..2)?, text.get(3..35)?, text.get(36..52)?, text.get(53..55)?];
    let digits = |text: &[u8]| text.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
    let [version, id, parent, flags] = fields;
    let end = match version {
        b"00" => text.len() == 55,
        b"ff" => false,
        _ => matches!(text.get(55), None | Some(b'-')),
    };
    if !(dashes && end && fields.iter().all(|field| digits(field))) {
        return None;
    }
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let id = u128::from_str_radix(text(id)?, 16).ok().filter(|id| *id != 0)?;
    let parent = u64::from_str_radix(text(parent)?, 16).ok().filter(|parent| *parent != 0)?;
    Some((TraceId(id), parent, u8::from_str_radix(text(flags)?, 16).ok()?))
}

/// The data of other tracing systems, in one line.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(TRACESTATE).iter();
    let first = values.next()?;
    let rest: Vec<&HeaderValue> = values.collect();
    if rest.is_empty() {
        return Some(first.clone()).filter(|value| value.len() <= MAX_STATE_BYTES);
    }
    let all = std::iter::once(first).chain(rest).map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b","[..]);
    HeaderValue::from_bytes(&all).ok().filter(|value| value.len() <= MAX_STATE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn propagated(trace: &TraceContext, span: Option<u64>) -> (String, Option<String>) {
        let mut headers = headers(&[(TRACEPARENT, "a component's own")]);
        trace.propagate(&mut headers, span);
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (text(TRACEPARENT).unwrap(), text(TRACESTATE))
    }

    #[test]
    fn a_clients_trace_is_passed_on_with_its_state() {
        let trace = TraceContext::of(&headers(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1")]));
        assert_eq!(propagated(&trace, None), (PARENT.to_owned(), Some("a=1".to_owned())));
        assert_eq!(propagated(&trace, Some(0x1234)).0, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000001234-01");
        assert!(trace.is_sampled());
    }

    #[test]
    fn state_of_two_fields_is_one_list() {
        let mut fields = headers(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1")]);
        fields.append(TRACESTATE, HeaderValue::from_static("b=2"));
        assert_eq!(propagated(&TraceContext::of(&fields), None).1.as_deref(), Some("a=1,b=2"));
        fields.append(TRACESTATE, HeaderValue::from_str(&"c".repeat(512)).unwrap());
        assert_eq!(propagated(&TraceContext::of(&fields), None).1, None);
    }

    #[test]
    fn an_invalid_traceparent_begins_a_new_trace_without_state() {
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        ] {
            let trace = TraceContext::of(&headers(&[(TRACEPARENT, wrong), (TRACESTATE, "a=1")]));
            assert_eq!((trace.parent, trace.state.is_none()), (None, true), "{wrong}");
            assert_ne!(trace.id, TraceContext::of(&HeaderMap::new()).id);
        }
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-will-be";
        assert!(TraceContext::of(&headers(&[(TRACEPARENT, later)])).parent.is_some());
    }
}
