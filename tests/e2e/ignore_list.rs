//! images_to_ignore.txt through the whole program: by id, by name, and in each form that spreadsheets and editors give it.

use crate::listing::{assert_says, node_rows};
use image_service_tests::{Node, numbered_images};
use serde_json::Value;

/// The tags that are left of `app:v00000`, `app:v00001` and `app:v00002`, and what the log says of the file.
async fn left(file: impl Into<Vec<u8>>) -> (Vec<Value>, String) {
    let node = Node::builder().images(numbered_images(3)).file("images_to_ignore.txt", file);
    let program = node.start().unwrap();
    let images = program.images().await.unwrap();
    (node_rows(&images).iter().map(|row| row["tag"].clone()).collect(), program.node().log())
}

#[tokio::test]
async fn images_are_left_out_by_name() {
    assert_eq!(left("IMAGE,TAG,IMAGE ID,SIZE\napp,v00001,,1B\n").await.0, ["v00000", "v00002"]);
    assert_eq!(left("IMAGE,TAG\na*,*1\napp,v00002\n").await.0, ["v00000"]);
}

#[tokio::test]
async fn a_file_in_utf_16_with_tabs_as_a_spreadsheet_writes_it_is_read() {
    let text = "\u{feff}IMAGE\tTAG\tIMAGE ID\tSIZE\r\napp\tv00001\t0000000000000\t1B\r\napp\tv00002\t\t1B\r\n";
    let file: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // The first 13 digits of all ids are zeros.
    assert_eq!(left(file).await.0, Vec::<Value>::new());
}

#[tokio::test]
async fn a_line_that_names_no_image_is_in_the_log_with_the_remedy() {
    let (tags, log) = left("app:v00001\n").await;
    assert_eq!(tags.len(), 3);
    assert_says(&log, &["images_to_ignore.txt:1: skipped: ", "begin the file with the line IMAGE,TAG"]);
}
