//! The variables of the OpenTelemetry specification that this program reads.

use anyhow::{Context, Result, bail};
use http::{HeaderName, HeaderValue, Uri};
use image_service_config::duration;
use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use std::time::Duration;

/// Variables that only concern a push of metrics.
const METRICS_PUSH: [&str; 4] = [
    "OTEL_METRICS_EXPORTER",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_METRIC_EXPORT_INTERVAL",
];

/// The collector's address where the variables ask for an export but name no address.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// The largest queue of spans.
const MAX_QUEUE: u64 = 1024 * 1024;

/// The settings of the export.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) traces: Target,
    pub(super) resource: Vec<(String, String)>,
    pub(super) sampler: Sampler,
    /// Most spans in the queue.
    pub(super) max_queue: usize,
    /// How long a batch waits for more spans.
    pub(super) delay: Duration,
}

/// The collector of traces.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: Uri,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) timeout: Duration,
    pub(super) ca_file: Option<PathBuf>,
}

/// Decides which traces to record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampler {
    /// Whether the sampler follows a client's decision.
    parent: bool,
    /// The share of the other traces, 0 to 1.
    ratio: f64,
}

impl Sampler {
    /// Whether to record this trace. `parent` is the decision of its client.
    pub(super) fn samples(self, id: u128, parent: Option<bool>) -> bool {
        match parent {
            Some(sampled) if self.parent => sampled,
            // The last 56 bits are random (W3C Trace Context, level 2), so all programs that see the trace decide the same.
            _ => ((id & ((1 << 56) - 1)) as f64) < self.ratio * (1_u64 << 56) as f64,
        }
    }
}

impl Settings {
    /// Reads the variables; `None` where they name no collector of traces.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let get = getter(&variable);
        if get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let Some(traces) = target(&get)? else { return Ok(None) };
        Ok(Some(Self {
            traces,
            resource: resource(&get),
            sampler: sampler(&get)?,
            max_queue: number(&get, "OTEL_BSP_MAX_QUEUE_SIZE", 2048)?.clamp(1, MAX_QUEUE) as usize,
            delay: milliseconds(&get, "OTEL_BSP_SCHEDULE_DELAY", 5_000)?,
        }))
    }
}

/// The set variables that ask for a push of metrics, which this program does not do.
pub(super) fn metrics_push(variable: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    let get = getter(&variable);
    if let Some("none" | "prometheus") = get("OTEL_METRICS_EXPORTER").as_deref() {
        return Vec::new();
    }
    METRICS_PUSH.into_iter().filter(|name| get(name).is_some()).collect()
}

/// Reads variables: trims them, and treats an empty one as unset.
fn getter(variable: &impl Fn(&str) -> Option<String>) -> impl Fn(&str) -> Option<String> {
    |name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn target(get: &impl Fn(&str) -> Option<String>) -> Result<Option<Target>> {
    let exporter = get("OTEL_TRACES_EXPORTER");
    match exporter.as_deref() {
        None | Some("otlp") => {}
        Some("none") => return Ok(None),
        Some(other) => bail!("OTEL_TRACES_EXPORTER is {other:?}; it can be otlp or none"),
    }
    // A variable for traces takes precedence over the variable for all signals.
    let own = |name: &str| get(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
    let either = |name: &str| own(name).or_else(|| get(&format!("OTEL_EXPORTER_OTLP_{name}")));
    let url = match (own("ENDPOINT"), get("OTEL_EXPORTER_OTLP_ENDPOINT")) {
        (Some(whole), _) => whole,
        (None, Some(base)) => format!("{}/v1/traces", base.trim_end_matches('/')),
        (None, None) if exporter.is_some() => format!("{DEFAULT_ENDPOINT}/v1/traces"),
        (None, None) => return Ok(None),
    };
    if let Some(protocol) = either("PROTOCOL").filter(|protocol| protocol != "http/protobuf") {
        bail!(
            "OTEL_EXPORTER_OTLP_PROTOCOL is {protocol:?}; this program speaks http/protobuf, on the collector's port 4318"
        );
    }
    if url.contains('@') {
        bail!("OTEL_EXPORTER_OTLP_ENDPOINT contains a login; put it into OTEL_EXPORTER_OTLP_HEADERS");
    }
    let named = || format!("OTEL_EXPORTER_OTLP_ENDPOINT {url:?}");
    let url: Uri = url.parse().with_context(named)?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        bail!("{} is no http:// or https:// address; write it as http://localhost:4318", named());
    }
    let headers = pairs(&either("HEADERS").unwrap_or_default()).into_iter().map(|(name, value)| {
        let mut value = HeaderValue::try_from(value)?;
        value.set_sensitive(true);
        anyhow::Ok((HeaderName::try_from(name)?, value))
    });
    Ok(Some(Target {
        url,
        // Values may be secrets, so the error does not repeat them.
        headers: headers.collect::<Result<_>>().context("OTEL_EXPORTER_OTLP_HEADERS is no list of name=value")?,
        timeout: match either("TIMEOUT") {
            None => Duration::from_secs(10),
            Some(_) => milliseconds(&|_: &str| either("TIMEOUT"), "OTEL_EXPORTER_OTLP_TIMEOUT", 0)?,
        },
        ca_file: either("CERTIFICATE").map(PathBuf::from),
    }))
}

fn resource(get: &impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let mut attributes = pairs(&get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
    if let Some(name) = get("OTEL_SERVICE_NAME") {
        attributes.retain(|(key, _)| key != "service.name");
        attributes.push(("service.name".to_owned(), name));
    }
    for (key, value) in [("service.name", crate::PROGRAM), ("service.version", env!("CARGO_PKG_VERSION"))] {
        if !attributes.iter().any(|(known, _)| known == key) {
            attributes.push((key.to_owned(), value.to_owned()));
        }
    }
    attributes
}

fn sampler(get: &impl Fn(&str) -> Option<String>) -> Result<Sampler> {
    let name = get("OTEL_TRACES_SAMPLER").unwrap_or_else(|| "parentbased_always_on".to_owned());
    let (parent, kind) = match name.strip_prefix("parentbased_") {
        Some(kind) => (true, kind),
        None => (false, name.as_str()),
    };
    let ratio = match kind {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => match get("OTEL_TRACES_SAMPLER_ARG").map(|value| value.parse::<f64>()) {
            None => 1.0,
            Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => ratio,
            Some(_) => bail!("OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1"),
        },
        _ => bail!(
            "OTEL_TRACES_SAMPLER is {name:?}; it can be always_on, always_off, traceidratio, or one of them after parentbased_"
        ),
    };
    Ok(Sampler { parent, ratio })
}

/// `name=value,name=value`, with values percent-encoded (W3C Baggage).
fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |value: &str| percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
    let items = text.split(',').filter_map(|item| item.split_once('='));
    items.map(|(name, value)| (name.trim().to_owned(), decoded(value))).filter(|(name, _)| !name.is_empty()).collect()
}

fn number(get: &impl Fn(&str) -> Option<String>, name: &str, default: u64) -> Result<u64> {
    get(name)
        .map_or(Ok(default), |value| value.parse().with_context(|| format!("{name} is {value:?}, which is no number")))
}

fn milliseconds(get: &impl Fn(&str) -> Option<String>, name: &str, default: u64) -> Result<Duration> {
    // 0 would mean no pause at all.
    Ok(duration::from_millis(number(get, name, default)?.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>> {
        Settings::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_a_collector_there_is_no_export() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap().is_none());
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
        assert!(read(&[endpoint, ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
        assert!(read(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]).unwrap().is_none());
    }

    #[test]
    fn variables_for_a_push_of_metrics_are_named() {
        let named = |variables: &[(&str, &str)]| {
            metrics_push(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(named(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")]), [""; 0]);
        assert_eq!(named(&[("OTEL_METRICS_EXPORTER", "none")]), [""; 0]);
        assert_eq!(named(&[("OTEL_METRICS_EXPORTER", "otlp")]), ["OTEL_METRICS_EXPORTER"]);
        let interval = ("OTEL_METRIC_EXPORT_INTERVAL", "1000");
        assert_eq!(named(&[interval]), ["OTEL_METRIC_EXPORT_INTERVAL"]);
        assert_eq!(named(&[interval, ("OTEL_METRICS_EXPORTER", "prometheus")]), [""; 0]);
    }

    #[test]
    fn the_general_endpoint_gets_a_path_and_the_endpoint_of_traces_does_not() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c/base/"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, a=b"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
        ]);
        let settings = settings.unwrap().unwrap();
        let traces = settings.traces;
        assert_eq!(traces.url, "https://c/base/v1/traces");
        let own =
            [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://d:1/mine"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")];
        assert_eq!(read(&own).unwrap().unwrap().traces.url, "http://d:1/mine");
        assert_eq!(traces.headers[0].1, "Bearer x");
        assert!(!format!("{traces:?}").contains("Bearer"), "{traces:?}");
        assert_eq!(traces.timeout, Duration::from_millis(250));
    }

    #[test]
    fn times_and_sizes_are_bounded() {
        let settings = |number: &str| {
            read(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", number),
                ("OTEL_BSP_SCHEDULE_DELAY", number),
                ("OTEL_BSP_MAX_QUEUE_SIZE", number),
            ])
        };
        let longest = settings("18446744073709551615").unwrap().unwrap();
        assert_eq!((longest.traces.timeout, longest.delay), (duration::LONGEST, duration::LONGEST));
        assert_eq!(longest.max_queue, 1024 * 1024);
        let shortest = settings("0").unwrap().unwrap();
        assert_eq!((shortest.traces.timeout, shortest.max_queue), (Duration::from_millis(1), 1));
        for nonsense in ["-1", "1e19", "NaN", "18446744073709551616"] {
            let error = settings(nonsense).unwrap_err().to_string();
            assert!(error.starts_with("OTEL_") && error.contains(nonsense), "{error}");
        }
    }

    #[test]
    fn the_resource_always_has_a_service_name() {
        let names = |variables: &[(&str, &str)]| {
            let value =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            let resource = resource(&value);
            resource.into_iter().filter(|(key, _)| key != "service.version").collect::<Vec<_>>()
        };
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(names(&[]), [pair("service.name", "image-service")]);
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,k8s.node.name=n%2C1");
        assert_eq!(names(&[attributes]), [pair("service.name", "a"), pair("k8s.node.name", "n,1")]);
        let named = names(&[attributes, ("OTEL_SERVICE_NAME", "b")]);
        assert_eq!(named, [pair("k8s.node.name", "n,1"), pair("service.name", "b")]);
    }

    #[test]
    fn samplers_decide_by_the_client_or_by_the_id() {
        let of = |name: &str, ratio: &str| {
            sampler(&|variable: &str| Some(if variable.ends_with("ARG") { ratio } else { name }.to_owned())).unwrap()
        };
        let all = of("parentbased_always_on", "");
        assert!(all.samples(1, None) && all.samples(1, Some(true)) && !all.samples(1, Some(false)));
        assert!(!of("always_off", "").samples(1, Some(true)));
        let half = of("traceidratio", "0.5");
        assert!(half.samples(1, None) && !half.samples((1 << 56) - 1, Some(true)));
        assert!(!of("parentbased_traceidratio", "0").samples(0, None));
    }

    #[test]
    fn an_invalid_value_is_refused_with_its_variable() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_BSP_SCHEDULE_DELAY", "often"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ] {
            let error = read(&[endpoint, (name, value)]).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")]).unwrap_err().to_string();
        assert!(error.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{error}");
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:s3cret@c")]).unwrap_err().to_string();
        assert!(error.contains("contains a login") && !error.contains("s3cret"), "{error}");
        let error = format!("{:#}", read(&[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "a=s3cret%0A")]).unwrap_err());
        assert!(error.contains("OTEL_EXPORTER_OTLP_HEADERS") && !error.contains("s3cret"), "{error}");
    }
}
