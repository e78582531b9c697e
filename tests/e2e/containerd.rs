//! The node's images as a real containerd tells them over the CRI.

use crate::listing::{assert_says, errors, node_rows};
use image_service_tests::oci::Image;
use image_service_tests::{Containerd, Node, Program, eventually};
use serde_json::{Value, json};

/// A containerd and the program asking it, in this mode; `None` where there is no containerd.
async fn start(mode: &str) -> Option<(Containerd, Program)> {
    let containerd = Containerd::start().await.unwrap()?;
    // `auto` must not fall back to a crictl of this machine.
    let no_crictl = "echo 'the program should have asked the socket' >&2; exit 1";
    let program = Node::builder().runtime(mode, containerd.socket()).crictl_program(no_crictl).start().unwrap();
    Some((containerd, program))
}

pub(crate) fn row(repository: &str, tag: &str, image: &Image, size: &str) -> Value {
    json!({"repository": repository, "tag": tag, "image_id": image.short_id(), "size": size})
}

/// Asks until the rows are these: containerd tells its CRI plugin about new images when it has a moment.
pub(crate) async fn assert_comes_to(program: &Program, rows: Value) {
    let listed = async || Some(program.images().await.unwrap()).filter(|images| images["containerd_images"] == rows);
    let images = eventually(&format!("the rows {rows:#}"), listed).await.unwrap();
    assert_eq!(images["errors"], json!([{"source": "harbor", "error": "Harbor configuration incomplete"}]));
}

async fn each_tag_is_a_row(mode: &str) {
    let Some((containerd, program)) = start(mode).await else { return };
    let (app, tool, large) =
        (Image::new(b"app").unwrap(), Image::new(b"tool").unwrap(), Image::new(&vec![7; 1_200_000]).unwrap());
    assert_comes_to(&program, json!([])).await;
    containerd
        .import(&[
            ("localhost:5000/team/app:1.2", &app),
            ("docker.io/library/app:latest", &app),
            ("localhost:5000/team/app:1.10", &app),
            ("registry.k8s.io/tool:v1", &tool),
            ("docker.io/library/app:large", &large),
        ])
        .unwrap();
    // What the archive holds of each: some 2,600 bytes, and 1.2 MB.
    assert!((2605..2615).contains(&app.size()) && (1_195_000..1_205_000).contains(&large.size()));
    assert_comes_to(
        &program,
        json!([
            row("docker.io/library/app", "large", &large, "1.2MB"),
            row("docker.io/library/app", "latest", &app, "2.61kB"),
            row("localhost:5000/team/app", "1.10", &app, "2.61kB"),
            row("localhost:5000/team/app", "1.2", &app, "2.61kB"),
            row("registry.k8s.io/tool", "v1", &tool, "2.61kB"),
        ]),
    )
    .await;
}

#[tokio::test]
async fn each_tag_that_containerd_knows_is_a_row() {
    each_tag_is_a_row("cri").await;
}

#[tokio::test]
async fn auto_asks_the_socket_where_it_may_be_opened() {
    each_tag_is_a_row("auto").await;
}

#[tokio::test]
async fn an_image_without_tags_reads_as_its_repository_or_as_nothing() {
    let Some((containerd, program)) = start("cri").await else { return };
    let (digested, dangling) = (Image::new(b"digested").unwrap(), Image::new(b"dangling").unwrap());
    containerd.import(&[("docker.io/library/digested:1", &digested), ("docker.io/library/gone:1", &dangling)]).unwrap();
    let digested_size = "2.61kB";
    assert_comes_to(
        &program,
        json!([
            row("docker.io/library/digested", "1", &digested, digested_size),
            row("docker.io/library/gone", "1", &dangling, digested_size),
        ]),
    )
    .await;
    let by_digest = format!("docker.io/library/digested@{}", digested.digest());
    containerd.ctr(&["images", "tag", "docker.io/library/digested:1", &by_digest]).unwrap();
    // What is left of these is the id by which the CRI plugin knows them.
    containerd.ctr(&["images", "rm", "docker.io/library/digested:1", "docker.io/library/gone:1"]).unwrap();
    assert_comes_to(
        &program,
        json!([
            row("docker.io/library/digested", "<none>", &digested, digested_size),
            row("<none>", "<none>", &dangling, digested_size),
        ]),
    )
    .await;
}

#[tokio::test]
async fn a_name_that_another_image_took_over_is_a_row_of_that_one() {
    let Some((containerd, program)) = start("cri").await else { return };
    let (old, new) = (Image::new(b"old").unwrap(), Image::new(b"new").unwrap());
    containerd.import(&[("docker.io/library/app:latest", &old)]).unwrap();
    assert_comes_to(&program, json!([row("docker.io/library/app", "latest", &old, "2.61kB")])).await;
    containerd.import(&[("docker.io/library/app:latest", &new)]).unwrap();
    assert_comes_to(
        &program,
        json!([row("docker.io/library/app", "latest", &new, "2.61kB"), row("<none>", "<none>", &old, "2.61kB"),]),
    )
    .await;
}

#[tokio::test]
async fn a_real_id_in_the_ignore_file_leaves_its_rows_out() {
    let Some((containerd, program)) = start("cri").await else { return };
    let (kept, left_out) = (Image::new(b"kept").unwrap(), Image::new(b"left out").unwrap());
    containerd.import(&[("docker.io/library/kept:1", &kept), ("docker.io/library/out:1", &left_out)]).unwrap();
    program.node().ignore(&format!("IMAGE,TAG,IMAGE ID,SIZE\nout,1,{},3kB\n", left_out.short_id())).unwrap();
    assert_comes_to(&program, json!([row("docker.io/library/kept", "1", &kept, "2.61kB")])).await;
}

#[tokio::test]
async fn a_containerd_that_ends_is_one_error_until_it_is_back() {
    let Some((mut containerd, program)) = start("cri").await else { return };
    let app = Image::new(b"app").unwrap();
    containerd.import(&[("docker.io/library/app:1", &app)]).unwrap();
    let rows = json!([row("docker.io/library/app", "1", &app, "2.61kB")]);
    assert_comes_to(&program, rows.clone()).await;
    containerd.stop().await.unwrap();
    let images = program.images().await.unwrap();
    assert_eq!(node_rows(&images).len(), 0);
    let [("containerd", error), ("harbor", _)] = errors(&images)[..] else { panic!("{images}") };
    assert_says(error, &["containerd.sock"]);
    containerd.resume().await.unwrap();
    assert_comes_to(&program, rows).await;
}
