//! The output of `crictl images`, as JSON (`-o json`) and as the plain table.

mod json;
mod malformed;
mod table;

pub use json::{parse_json, to_json};
pub use malformed::Malformed;
pub use table::parse_table;

use crate::types::Image;

/// Reads either form. The first character shows which one it is.
///
/// # Errors
///
/// When the output is neither, with the line and what was expected there.
pub fn parse(output: &str) -> Result<Vec<Image>, Malformed> {
    if output.trim_start().starts_with('{') { parse_json(output) } else { parse_table(output) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_IMAGE_NAMES, MAX_IMAGES};
    use crate::{id, reference, size};

    const JSON: &str = include_str!("../testdata/crictl-1.36-images.json");
    const TABLE: &str = include_str!("../testdata/crictl-1.36-images.txt");

    /// The rows as they are shown, to compare the two forms.
    fn rows(images: &[Image]) -> Vec<(reference::Name, String, String)> {
        let mut rows: Vec<_> = images
            .iter()
            .flat_map(|image| {
                reference::names(image.repo_tags.clone(), &image.repo_digests)
                    .into_iter()
                    .map(|name| (name, id::short(&image.id).to_owned(), size::human(image.size)))
            })
            .collect();
        rows.sort();
        rows
    }

    #[test]
    fn json_is_written_as_crictl_writes_it() {
        assert_eq!(to_json(&parse(JSON).unwrap()), JSON);
    }

    #[test]
    fn the_json_and_the_table_of_one_node_give_the_same_rows() {
        let json = rows(&parse(JSON).unwrap());
        assert_eq!(json.len(), 10);
        assert_eq!(json, rows(&parse(TABLE).unwrap()));
    }

    #[test]
    fn json_numbers_are_strings_and_lists_may_be_null() {
        let images = parse(
            r#"{"images":[{"id":"sha256:1","repoTags":null,"repoDigests":null,"size":"797","uid":null,"spec":null}]}"#,
        )
        .unwrap();
        assert_eq!(
            images,
            [Image { id: "sha256:1".into(), repo_tags: vec![], repo_digests: vec![], size: 797, pinned: false }]
        );
    }

    #[test]
    fn a_node_without_images_is_an_empty_list() {
        assert_eq!(parse(r#"{"images":[]}"#).unwrap(), []);
        assert_eq!(parse("{}\n").unwrap(), []);
        assert_eq!(parse("IMAGE               TAG                 IMAGE ID            SIZE\n").unwrap(), []);
    }

    #[test]
    fn what_is_too_much_to_be_listed_is_read_no_further_and_is_seen_to_be_too_much() {
        let images = |count: usize, names: usize| {
            let image = format!(r#"{{"id":"","repoTags":[{}]}}"#, vec![r#""""#; names].join(","));
            parse(&format!(r#"{{"images":[{}]}}"#, vec![image; count].join(","))).unwrap()
        };
        assert_eq!(images(MAX_IMAGES, 9).len(), MAX_IMAGES);
        assert_eq!(images(2 * MAX_IMAGES, 0).len(), MAX_IMAGES + 1);
        assert_eq!(images(3, MAX_IMAGE_NAMES / 2).len(), 3);
        assert_eq!(images(30, MAX_IMAGE_NAMES / 2).len(), 3);
        assert_eq!(images(1, 5 * MAX_IMAGE_NAMES)[0].repo_tags.len(), MAX_IMAGE_NAMES + 1);
        let row = "a 1 b9f02c9a43ced 1B\n";
        assert_eq!(parse(&format!("IMAGE TAG IMAGE ID SIZE\n{}", row.repeat(2 * MAX_IMAGES))).unwrap().len(), 10_001);
    }

    #[test]
    fn digest_and_pinned_columns_are_read() {
        let images = parse(
            "IMAGE        TAG      DIGEST          IMAGE ID        SIZE    PINNED\n\
             pause        3.9      f25c8d84b31ff   b9f02c9a43ced   1.2MB   true\n\
             bydigest     <none>   e3881fe11016a   7e3784052d391   151kB\n",
        )
        .unwrap();
        assert_eq!(images[0].repo_tags, ["pause:3.9"]);
        assert!(images[0].pinned);
        assert_eq!(images[1].repo_digests, ["bydigest@e3881fe11016a"]);
        assert!(!images[1].pinned);
    }

    #[test]
    fn warnings_before_the_table_are_skipped() {
        let images =
            parse("WARN[0000] image connect using default endpoints\nIMAGE TAG IMAGE ID SIZE\na 1 b9f02c9a43ced 1B");
        assert_eq!(images.unwrap().len(), 1);
    }

    #[test]
    fn other_output_is_refused_with_its_beginning() {
        let message = |output| parse(output).unwrap_err().to_string();
        assert!(message("no such command").contains("begins with \"no such command\""));
        assert!(message("").contains("nothing was printed"));
        assert!(message("{\"images\": [").contains("line 1 column"));
        assert!(message("{\"repositories\": []}").contains("no \"images\""));
        assert!(message(r#"{"images":[{"id":"a","size":"big"}]}"#).contains("\"big\""));
        assert!(message("IMAGE TAG IMAGE ID SIZE\na 1 b9f02c9a43ced\n").contains("line 2"));
        assert!(message("IMAGE TAG IMAGE ID SIZE\na 1 b9f02c9a43ced lots\n").contains("\"lots\""));
    }
}
