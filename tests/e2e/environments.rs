//! The compositions of other environments, under hosts of WASI 0.3 that know nothing of this project.

use crate::listing::{assert_says, errors, harbor_rows, node_rows, only_error};
use http::Request;
use http_body_util::{BodyExt, Empty};
use image_service_tests::harbor::{PASSWORD, USER};
use image_service_tests::{
    Containerd, Fault, ForeignHost, Harbor, Node, Program, StockHost, Version, composition, http2, oci, repository,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TOKEN: &str = "t0ken";

/// A node with real output of crictl and a node API, and a Harbor.
async fn inventory() -> (Program, Harbor) {
    let harbor = Harbor::of(Version::V2_12).repository("a/app", 120).repository("b/x/y", 3).start().await.unwrap();
    let recorded = repository("components/lib/image-model/testdata/crictl-1.36-images.json");
    let node = Node::builder().crictl(&["cat", &recorded.to_string_lossy()]).harbor(&harbor).node_api(TOKEN);
    (node.start().unwrap(), harbor)
}

/// The environment variables for this Harbor.
fn harbor_variables(harbor: &Harbor) -> Vec<(&'static str, &str)> {
    vec![("HARBOR_URL", &harbor.url), ("HARBOR_USER", USER), ("HARBOR_PASSWORD", PASSWORD)]
}

/// The environment variables for the node API of this program, with this token.
fn node_variables<'a>(program: &'a Program, token: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![("CRICTL_URL", &program.address), ("CRICTL_TOKEN", token)]
}

/// What the edge composition lists under the stock host.
async fn listed_by_edge(environment: &[(&str, &str)]) -> Value {
    let host = StockHost::start(&composition("edge"), environment).await.unwrap();
    serde_json::from_str(&host.images().await.unwrap()).unwrap()
}

#[tokio::test]
async fn demo_answers_the_same_bytes_under_any_host() {
    let native = Program::demo().unwrap().images_text().await.unwrap();
    for host in ForeignHost::each(&composition("demo"), &[]).await.unwrap() {
        assert_eq!(host.images().await.unwrap(), native, "{}", host.name);
        for path in ["/images", "/inventory"] {
            assert_eq!(summary_over_http_1(&host.address, path).await, "", "{} {path}", host.name);
            assert_eq!(summary_over_http_2(&host.address, path).await, [""; 0], "{} {path}", host.name);
        }
    }
}

#[tokio::test]
async fn the_summary_for_our_host_does_not_leave_it() {
    for lifetime in [0, 60] {
        let program = Node::builder().composition(composition("demo")).cache_lifetime(lifetime).start().unwrap();
        for path in ["/images", "/images", "/inventory"] {
            assert_eq!(summary_over_http_1(&program.address, path).await, "", "{path} {lifetime}");
            assert_eq!(summary_over_http_2(&program.address, path).await, [""; 0], "{path} {lifetime}");
        }
    }
}

/// What an answer to a client that takes trailers tells of the summary for our host.
async fn summary_over_http_1(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nte: trailers\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    answer.lines().filter(|line| line.contains("image-service-")).collect()
}

/// The same over HTTP/2, of which every host knows all trailers.
async fn summary_over_http_2(address: &str, path: &str) -> Vec<String> {
    let stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let (mut client, _connection) = http2(stream, 1 << 20).await.unwrap();
    let request = Request::get(format!("{address}{path}")).header("te", "trailers").body(Empty::new()).unwrap();
    let (head, body) = client.send_request(request).await.unwrap().into_parts();
    assert_eq!(head.status, 200);
    let trailers = body.collect().await.unwrap().trailers().cloned().unwrap_or_default();
    let names = head.headers.keys().chain(trailers.keys()).map(ToString::to_string);
    names.filter(|name| name.starts_with("image-service-")).collect()
}

#[tokio::test]
async fn edge_answers_the_bytes_of_the_native_program_for_the_same_node_and_harbor() {
    let (program, harbor) = inventory().await;
    let native = program.images_text().await.unwrap();
    let environment = [node_variables(&program, TOKEN), harbor_variables(&harbor)].concat();
    for host in ForeignHost::each(&composition("edge"), &environment).await.unwrap() {
        assert_eq!(host.images().await.unwrap(), native, "{}", host.name);
    }
    let images: Value = serde_json::from_str(&native).unwrap();
    assert_eq!((node_rows(&images).len(), harbor_rows(&images).len()), (10, 123));
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn edge_leaves_out_what_its_environment_says() {
    let (program, _harbor) = inventory().await;
    let ignored = ("IMAGES_TO_IGNORE", "20faf770514bd13c4041b33f2218046a836d658a9c5407a5e8841730a6a65171");
    let images = listed_by_edge(&[node_variables(&program, TOKEN), vec![ignored]].concat()).await;
    let rows = node_rows(&images);
    assert_eq!(rows.len(), 8, "the two tags of one image are left out");
    assert!(rows.iter().all(|row| row["image_id"] != "20faf770514bd"));
}

#[tokio::test]
async fn edge_with_a_wrong_token_is_one_error_beside_harbors_rows() {
    let (program, harbor) = inventory().await;
    let environment = [node_variables(&program, "wrong"), harbor_variables(&harbor)].concat();
    let images = listed_by_edge(&environment).await;
    assert_eq!(harbor_rows(&images).len(), 123);
    assert_says(only_error(&images), &["answered 401", "CRICTL_TOKEN has to be"]);
    assert!(!images.to_string().contains(TOKEN), "{images}");
}

#[tokio::test]
async fn edge_gives_a_node_that_never_answers_up_and_lists_harbor() {
    let (_program, harbor) = inventory().await;
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let node = vec![("CRICTL_URL", url.as_str()), ("CRICTL_TOKEN", TOKEN), ("CRICTL_TIMEOUT", "0.3")];
    let images = listed_by_edge(&[node, harbor_variables(&harbor)].concat()).await;
    assert_eq!(harbor_rows(&images).len(), 123);
    assert_says(only_error(&images), &["no answer within 0.3 s", "or CRICTL_TIMEOUT too short"]);
}

#[tokio::test]
async fn line_ends_around_secrets_do_not_count_and_an_address_without_scheme_is_told_in_words() {
    let (program, harbor) = inventory().await;
    let (url, user) = (format!("{}\n", program.address), format!("{USER}\n"));
    let (token, password) = (format!("{TOKEN}\r\n"), format!("\n{PASSWORD}\n"));
    let harbor_variables =
        vec![("HARBOR_URL", harbor.url.as_str()), ("HARBOR_USER", &user), ("HARBOR_PASSWORD", &password)];
    let node = |url| vec![("CRICTL_URL", url), ("CRICTL_TOKEN", token.as_str())];
    let images = listed_by_edge(&[node(url.as_str()), harbor_variables.clone()].concat()).await;
    assert_eq!((node_rows(&images).len(), harbor_rows(&images).len(), &images["errors"]), (10, 123, &json!([])));
    let images = listed_by_edge(&[node("node:5375"), harbor_variables].concat()).await;
    assert_says(only_error(&images), &["CRICTL_URL \"node:5375\" has no scheme; write it as http://node:5375"]);
}

#[tokio::test]
async fn messages_name_a_setting_as_their_environment_writes_it() {
    let harbor = Harbor::of(Version::V2_12).repository("a/app", 3).fault("/artifacts", Fault::Status(422));
    let harbor = harbor.start().await.unwrap();
    let program = Node::builder().one_image().harbor(&harbor).node_api(TOKEN).start().unwrap();
    assert_says(
        only_error(&program.images().await.unwrap()),
        &["answered 422", "check harbor_config.page_size, which"],
    );
    let images = listed_by_edge(&[node_variables(&program, TOKEN), harbor_variables(&harbor)].concat()).await;
    assert_says(only_error(&images), &["answered 422", "check HARBOR_PAGE_SIZE, which"]);
}

#[tokio::test]
async fn edge_without_settings_says_what_is_missing() {
    let images = listed_by_edge(&[]).await;
    let [(_, first), (_, second)] = errors(&images)[..] else { panic!("{images}") };
    assert!(first.starts_with("no node is configured; set CRICTL_URL"), "{first}");
    assert_eq!(second, "Harbor configuration incomplete");
}

#[tokio::test]
async fn spin_answers_the_bytes_of_the_native_program_for_the_same_node_and_harbor() {
    let (program, harbor) = inventory().await;
    let native = program.images_text().await.unwrap();
    let variables = [
        ("crictl_url", program.address.as_str()),
        ("crictl_token", TOKEN),
        ("harbor_url", harbor.url.as_str()),
        ("harbor_user", USER),
        ("harbor_password", PASSWORD),
    ];
    let Some(spin) = ForeignHost::spin(&variables).await.unwrap() else { return };
    assert_eq!(spin.images().await.unwrap(), native);
}

#[tokio::test]
async fn edge_lists_the_real_containerd_of_another_node() {
    let Some(containerd) = Containerd::start().await.unwrap() else { return };
    let image = oci::Image::new(b"one").unwrap();
    containerd
        .import(&[("registry.example.com:5000/team/app:v1", &image), ("docker.io/library/nginx:1", &image)])
        .unwrap();
    let program = Node::builder().runtime("cri", containerd.socket()).node_api(TOKEN).start().unwrap();
    let native = program.images_text().await.unwrap();
    assert!(native.contains("registry.example.com:5000/team/app"), "{native}");
    for host in ForeignHost::each(&composition("edge"), &node_variables(&program, TOKEN)).await.unwrap() {
        assert_eq!(host.images().await.unwrap(), native, "{}", host.name);
    }
}

#[tokio::test]
async fn harbor_only_lists_the_registry_and_asks_no_node() {
    let (_, harbor) = inventory().await;
    let empty_node = Node::builder().no_images().harbor(&harbor).start().unwrap();
    let native = empty_node.images_text().await.unwrap();
    for host in ForeignHost::each(&composition("harbor-only"), &harbor_variables(&harbor)).await.unwrap() {
        assert_eq!(host.images().await.unwrap(), native, "{}", host.name);
    }
    let images: Value = serde_json::from_str(&native).unwrap();
    assert_eq!((node_rows(&images).len(), harbor_rows(&images).len()), (0, 123));
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn a_stock_host_can_not_run_what_asks_for_a_node() {
    let error = StockHost::start(&composition("native"), &[]).await.err().unwrap();
    assert!(format!("{error:#}").contains("component imports instance `image-service:inventory/"), "{error:#}");
}
