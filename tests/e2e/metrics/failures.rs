//! Each kind of failure of a source by a real cause: one program, whose sources fail in one way after the other.

use super::facts::Facts;
use image_service_tests::harbor::config_for;
use image_service_tests::{
    Authority, Direction, Fault, Harbor, Metrics, NetworkFault, Node, OtherServer, Program, Proxy, Version, fixture,
};
use serde_json::{Value, json};

/// A program that outlives the failures of its sources.
struct Failing {
    program: Program,
    harbor: Harbor,
}

/// How often each kind of failure of each source was counted.
fn failures(metrics: &Metrics) -> Vec<(&str, f64)> {
    metrics.iter().filter(|(sample, _)| sample.starts_with("image_service_source_errors_total{")).collect()
}

impl Failing {
    async fn new() -> Self {
        let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).start().await.unwrap();
        let refused = "echo 'connect: permission denied' >&2; exit 1";
        let few_tries = json!({"harbor_config": {"timeout": 2, "retries": 0}});
        let node = Node::builder().one_image().harbor(&harbor).config(few_tries).crictl_program(refused);
        Self { program: node.start().unwrap(), harbor }
    }

    /// Reads a new configuration: the keys of this section that are not named stay, `null` removes.
    async fn configure(&self, section: &str, values: Value) {
        self.program.node().configure(json!({section: values})).unwrap();
        self.program.reload().await.unwrap();
    }

    /// Asserts that one listing counts failures of this kind of this source, and no others.
    async fn assert_counts(&self, source: &str, kind: &str, cause: &str) {
        let before = self.program.metrics().await.unwrap();
        self.program.images().await.unwrap();
        let after = self.program.metrics().await.unwrap();
        let more = |(sample, count): &(&str, f64)| *count > before.get(sample).unwrap_or_default();
        let counted: Vec<_> = failures(&after).into_iter().filter(more).map(|(sample, _)| sample).collect();
        let expected = format!("image_service_source_errors_total{{kind=\"{kind}\",source=\"{source}\"}}");
        assert_eq!(counted, [expected.as_str()], "{cause}");
    }

    async fn harbor_goes_wrong(&self) {
        let other = OtherServer::new().unwrap();
        for (kind, fault) in [
            ("status_5xx", Fault::Status(500)),
            ("denied", Fault::Status(403)),
            ("status_4xx", Fault::Status(404)),
            ("throttled", Fault::Status(429)),
            ("timed_out", Fault::Silent),
            ("too_large", Fault::Huge),
            ("connection_broken", Fault::BrokenOff),
            ("redirect", Fault::RedirectTo(other.url().unwrap())),
            ("redirect", Fault::RedirectLoop),
            // The kind is that of the failure, whatever words stand in the address.
            ("redirect", Fault::RedirectTo("https://certificates.example".to_owned())),
        ] {
            let cause = format!("{fault:?}");
            self.harbor.set_fault(Some(("/artifacts", fault)));
            self.assert_counts("harbor", kind, &cause).await;
        }
        self.harbor.set_fault(None);
        assert!(!other.was_contacted().unwrap());
    }

    async fn the_way_to_harbor_is_barred(&self) {
        let authority = Authority::new().unwrap();
        let untrusted = Harbor::of(Version::V2_8).tls(authority.server(&["127.0.0.1"]).unwrap()).start().await.unwrap();
        let resetting = Harbor::of(Version::V2_8).fault("/", Fault::Reset).start().await.unwrap();
        // A firewall that lets a connection begin and then resets it: TLS never gets an answer.
        let firewall = Proxy::before(&self.harbor.url).await.unwrap();
        firewall.set(Direction::ToServer, NetworkFault::Reset(0));
        for (kind, url) in [
            ("connection_refused", "http://127.0.0.1:1".to_owned()),
            ("connection_broken", resetting.url.clone()),
            ("dns", "http://harbor.invalid".to_owned()),
            ("tls", untrusted.url.clone()),
            ("tls", self.harbor.url.replace("http:", "https:")),
            ("malformed", untrusted.url.replace("https:", "http:")),
            ("tls", firewall.url.replace("http:", "https:")),
            // No host has this address.
            ("other", "http://255.255.255.255:1".to_owned()),
        ] {
            self.configure("harbor_config", config_for(&url)).await;
            self.assert_counts("harbor", kind, &url).await;
        }
        self.configure("harbor_config", self.harbor.config()).await;
    }

    async fn the_node_goes_wrong(&self) {
        let command = |command: &[&str]| json!({"mode": "exec", "command": command});
        let mut out_of_time = command(&["sleep", "60"]);
        out_of_time["timeout"] = json!(0.1);
        for (kind, crictl_config) in [
            ("unavailable", json!({"mode": "cri", "endpoint": "unix:///nonexistent/node.sock"})),
            ("denied", json!({"mode": "exec"})),
            ("timed_out", out_of_time),
            ("malformed", command(&["echo", "{\"images\": 1}"])),
        ] {
            let cause = crictl_config.to_string();
            self.program.node().configure(json!({"crictl_config": null})).unwrap();
            self.configure("crictl_config", crictl_config).await;
            self.assert_counts("containerd", kind, &cause).await;
        }
        self.configure("crictl_config", command(&["cat", &fixture("one-image.json").to_string_lossy()])).await;
    }
}

/// The metrics of a program whose sources have failed in each way.
pub(super) async fn after_failures_of_each_kind() -> Facts {
    let failing = Failing::new().await;
    failing.harbor_goes_wrong().await;
    failing.the_way_to_harbor_is_barred().await;
    failing.the_node_goes_wrong().await;
    Facts::of(&failing.program.metrics().await.unwrap())
}
