//! Harbor behind a proxy of the organisation: which one is used, with which login, and what it costs when it does not help.

use crate::listing::{assert_says, assert_whole, list, numbered, only_harbor_error, with};
use image_service_tests::harbor::config_for;
use image_service_tests::{
    Authority, ConnectProxy, ConnectProxyRules, Harbor, HarborBuilder, Node, NodeBuilder, Version, test_component,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The login of the proxy. Its password is written `p%40ss` in an address.
const LOGIN: &str = "meier:p@ss-m4rk3r";

fn harbor() -> HarborBuilder {
    Harbor::of(Version::V2_12).repository("a/b", 250).private("a")
}

/// A Harbor that speaks TLS as harbor.test, a name that only the proxy can resolve; and its configuration, without a proxy.
async fn https() -> (TempDir, Harbor, Value) {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new().unwrap());
    let ca_file = folder.path().join("ca.pem");
    authority.write(&ca_file).unwrap();
    let harbor = harbor().tls(authority.server(&["harbor.test"]).unwrap()).start().await.unwrap();
    let config = with(config_for("https://harbor.test:8443"), "ca_file", ca_file.to_str());
    (folder, harbor, with(config, "retries", 0))
}

async fn proxy(harbor: &Harbor, rules: ConnectProxyRules) -> ConnectProxy {
    ConnectProxy::before(&harbor.url, rules).await.unwrap()
}

fn node(config: Value) -> NodeBuilder {
    Node::builder().one_image().config(json!({"harbor_config": config}))
}

fn logged_in() -> ConnectProxyRules {
    ConnectProxyRules { login: Some(LOGIN), ..ConnectProxyRules::default() }
}

#[tokio::test]
async fn a_harbor_of_https_is_asked_through_a_tunnel_with_the_proxys_login_which_shows_nowhere() {
    let (_folder, harbor, config) = https().await;
    let proxy = proxy(&harbor, logged_in()).await;
    let config = with(config, "proxy", format!("http://meier:p%40ss-m4rk3r@{}", proxy.address));
    let logs = json!({"app_config": {"log_level_app": "NOTSET"}});
    let node = node(config).config(logs).build().unwrap();
    let program = node.start().unwrap();
    assert_whole(&program.images().await.unwrap(), &numbered("a/b", 250));
    assert_eq!(proxy.seen(), ["CONNECT harbor.test:8443 HTTP/1.1"], "HTTP/2 needs one tunnel");
    let checked = node.run(&["check"]).await.unwrap();
    let said = format!(
        "ok       harbor       asked through the proxy http://{} of harbor_config.proxy, with a login",
        proxy.address
    );
    assert_says(&checked.stdout, &[&said, "250 rows"]);
    let shown = checked.stdout + &checked.stderr + &program.log();
    assert!(shown.contains("TRACE"));
    for secret in ["m4rk3r", "bWVpZXI6cEBzcy1tNHJrM3I"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
    let login = |name: &str| harbor.requests().iter().any(|request| request.header(name).is_some());
    assert!(login("authorization") && !login("proxy-authorization"), "each login goes to its own server");
}

#[tokio::test]
async fn a_harbor_of_plain_http_is_asked_by_whole_addresses() {
    let harbor = harbor().start().await.unwrap();
    let proxy = proxy(&harbor, logged_in()).await;
    let config = with(config_for("http://harbor.test"), "proxy", format!("meier:p%40ss-m4rk3r@{}", proxy.address));
    assert_whole(&list(config).await, &numbered("a/b", 250));
    let seen = proxy.seen();
    assert!(seen.iter().all(|line| line.starts_with("GET http://harbor.test/api/v2.0/")), "{seen:?}");
}

#[tokio::test]
async fn the_proxy_of_the_environment_counts_unless_no_proxy_names_harbor() {
    let harbor = harbor().start().await.unwrap();
    let proxy = proxy(&harbor, ConnectProxyRules::default()).await;
    // A label of more than 63 letters: no resolver asks for it.
    let name = format!("{}.invalid", "harbor".repeat(11));
    let node = node(config_for(&format!("http://{name}:8080"))).build().unwrap();
    let images = async |no_proxy: &str| {
        let launch = node.launch().variable("HTTP_PROXY", format!("http://{}", proxy.address));
        launch.variable("NO_PROXY", no_proxy).start().unwrap().images().await.unwrap()
    };
    assert_whole(&images("example.com,invalid:443").await, &numbered("a/b", 250));
    let through = proxy.seen().len();
    assert!(through > 0);
    for named in [name.as_str(), ".invalid", "10.0.0.0/8, invalid:8080", "*"] {
        assert_says(only_harbor_error(&images(named).await), &["the host name can't be resolved"]);
    }
    assert_eq!(proxy.seen().len(), through);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_one_error_that_says_why_and_harbor_is_not_asked_without_it() {
    let (_folder, harbor, config) = https().await;
    let refusing = |status| ConnectProxyRules { refusal: Some(status), ..ConnectProxyRules::default() };
    for (rules, login, parts) in [
        (logged_in(), "", ["wants a login (407)", "http://USER:PASSWORD@HOST:PORT"]),
        (logged_in(), "meier:wrong@", ["refused its login (407)", "check user and password in harbor_config.proxy"]),
        (refusing("403 Forbidden"), "", ["refused the connection to Harbor (403 Forbidden)", "NO_PROXY"]),
        (refusing("502 Bad Gateway"), "", ["can't reach Harbor (502 Bad Gateway)", "the proxy's log"]),
        (refusing("no status"), "", ["broke off before it answered", "Check harbor_config.proxy"]),
    ] {
        let proxy = proxy(&harbor, rules).await;
        let images = list(with(config.clone(), "proxy", format!("http://{login}{}", proxy.address))).await;
        assert_says(
            only_harbor_error(&images),
            &[&[&*format!("the proxy http://{}", proxy.address)], &parts[..]].concat(),
        );
    }
    assert_eq!(harbor.connections(), 0);
}

#[tokio::test]
async fn a_proxy_that_does_not_run_is_told_as_the_proxy_and_not_as_harbor() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead = format!("http://{}", socket.local_addr().unwrap());
    for url in ["https://harbor.test", "http://harbor.test"] {
        let config = with(with(config_for(url), "proxy", dead.clone()), "retries", 0);
        let error = format!("the proxy {dead} can't be reached");
        assert_says(only_harbor_error(&list(config).await), &[&error, "check harbor_config.proxy"]);
    }
}

#[tokio::test]
async fn a_407_of_a_proxy_before_plain_http_is_told_as_the_proxys() {
    let harbor = harbor().start().await.unwrap();
    let proxy = proxy(&harbor, logged_in()).await;
    let images = list(with(config_for("http://harbor.test"), "proxy", proxy.address.clone())).await;
    assert_says(only_harbor_error(&images), &["wants a login (407)", "harbor_config.proxy"]);
    assert_eq!(harbor.requests().len(), 0);
}

#[tokio::test]
async fn no_component_reaches_the_proxy_or_anything_but_harbor_behind_it() {
    let harbor = harbor().start().await.unwrap();
    let proxy = proxy(&harbor, ConnectProxyRules::default()).await;
    let config = with(config_for("http://harbor.test"), "proxy", proxy.address.clone());
    let node = Node::builder().composition(test_component("escapes")).config(json!({"harbor_config": config}));
    let program = node.start().unwrap();
    let asks = async |authority: &str| {
        let headers = [("ask-authority", authority)];
        program.request(http::Method::GET, "/ask", &headers).await.unwrap().text().await.unwrap()
    };
    for elsewhere in [proxy.address.as_str(), "other.test", "169.254.169.254", "harbor.test:81"] {
        assert!(asks(elsewhere).await.starts_with("refused: "), "{elsewhere}");
    }
    assert_eq!(proxy.seen(), [""; 0]);
    assert_eq!(asks("harbor.test").await, "answered 200");
}
