//! What each form of a line means.

use super::*;

const PAUSE: &str = "sha256:b9f02c9a43cedefffa284a0fb5fb3e43118f5b501efbb855286bce3daf1ae90c";
const APP: &str = "sha256:211f095776518581232078a9cfb5626fae340773bb07b8c1244b7fabb9bbef57";

fn skipped(list: &IgnoreList) -> Vec<String> {
    list.skipped().iter().map(ToString::to_string).collect()
}

#[test]
fn the_image_id_column_of_a_csv_file_is_read() {
    let list = IgnoreList::parse("IMAGE,TAG,IMAGE ID,SIZE\nregistry.k8s.io/pause,3.9,b9f02c9a43ced,1.2MB\n");
    assert!(list.contains(PAUSE));
    assert!(!list.contains(APP));
    assert!(list.skipped().is_empty());
}

#[test]
fn quoted_cells_may_hold_commas_and_quotes() {
    let list = IgnoreList::parse("IMAGE,TAG,IMAGE ID,SIZE\n\"a, \"\"b\"\"\",3.9,\"b9f02c9a43ced\",1.2MB\n");
    assert!(list.contains(PAUSE) && list.skipped().is_empty(), "{list:?}");
}

#[test]
fn a_header_may_put_the_id_elsewhere() {
    let list = IgnoreList::parse("IMAGE ID,IMAGE\nb9f02c9a43ced,pause\n");
    assert!(list.contains(PAUSE));
    assert!(list.skipped().is_empty());
}

#[test]
fn a_bare_list_of_short_long_and_prefixed_ids_is_accepted() {
    for id in ["b9f02c9a43ced", "b9f02c9a43ce", "B9F02C9A43CED", PAUSE, "sha256:b9f02c9a43ced"] {
        assert!(IgnoreList::parse(id).contains(PAUSE), "{id}");
    }
}

#[test]
fn ids_shortened_by_the_table_match_too() {
    assert!(IgnoreList::parse(PAUSE).contains("b9f02c9a43ced"));
    assert!(!IgnoreList::parse(PAUSE).contains("b9f02c9a43cee"));
    assert!(!IgnoreList::parse(PAUSE).contains("b9f0"));
}

#[test]
fn comments_blank_lines_crlf_and_a_byte_order_mark_are_accepted() {
    let list = IgnoreList::parse(
        "\u{feff}IMAGE,TAG,IMAGE ID,SIZE\r\n# the sandbox\r\n\r\nregistry.k8s.io/pause,3.9,b9f02c9a43ced,1.2MB\r\n\
         \"a,b\",1, 211f095776518 ,1MB\r\n",
    );
    assert!(list.contains(PAUSE));
    assert!(list.contains(APP));
    assert!(list.skipped().is_empty());
}

#[test]
fn a_carriage_return_inside_a_line_is_a_character_like_others() {
    let list = IgnoreList::parse("IMAGE,T,a\rb,IMAGE ID\rx,y\nb9f02c9a43ced\n");
    assert!(list.contains(PAUSE));
    assert_eq!(skipped(&list), ["1: skipped: \"a\\rb\" is no image id, which is made of hexadecimal digits"]);
}

#[test]
fn a_malformed_row_is_skipped_with_its_line_and_reason_and_the_others_are_read() {
    let list = IgnoreList::parse(
        "IMAGE,TAG,IMAGE ID,SIZE\npause,3.9\n\"pause,3.9,b9f02c9a43ced\nx,y,latest,1\nx,y,b9f02,1\n\
         app,1.2,211f095776518,1MB\n",
    );
    assert!(list.contains(APP));
    assert_eq!(
        skipped(&list),
        [
            "3: skipped: a quote is not closed",
            "4: skipped: \"latest\" is no image id, which is made of hexadecimal digits",
            "5: skipped: \"b9f02\" is too short for an image id, which has at least 12 digits",
        ]
    );
}

#[test]
fn an_empty_text_names_nothing() {
    assert!(!IgnoreList::parse("").contains(PAUSE));
    assert!(!IgnoreList::parse("IMAGE,TAG,IMAGE ID,SIZE\n").contains(PAUSE));
}

fn image(id: &str, tags: &[&str], digests: &[&str]) -> Image {
    let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    Image { id: id.into(), repo_tags: strings(tags), repo_digests: strings(digests), size: 1, pinned: false }
}

/// The tags of each image that is left, or its id where it has none.
fn left(text: &str) -> Vec<String> {
    let list = IgnoreList::parse(text);
    assert_eq!(skipped(&list), Vec::<String>::new(), "{text}");
    let mut images = vec![
        image(PAUSE, &["registry.k8s.io/pause:3.9", "localhost:5000/pause:3.9"], &["registry.k8s.io/pause@sha256:1"]),
        image(APP, &["localhost:5000/app:1.2"], &[]),
        image("sha256:3", &[], &["localhost:5000/old@sha256:4"]),
        image("sha256:5", &[], &[]),
    ];
    list.remove_from(&mut images);
    images
        .into_iter()
        .map(|image| if image.repo_tags.is_empty() { image.id } else { image.repo_tags.join(" ") })
        .collect()
}

const PAUSE_TAGS: &str = "registry.k8s.io/pause:3.9 localhost:5000/pause:3.9";

#[test]
fn a_row_without_an_id_counts_by_image_and_tag() {
    let header = "IMAGE,TAG,IMAGE ID,SIZE\n";
    let app = [PAUSE_TAGS, "sha256:3", "sha256:5"];
    for row in
        ["localhost:5000/app,1.2,,1MB", "localhost:5000/app,1.2", "localhost:5000/app,1.2,<none>,", "*/app,1.*,,"]
    {
        assert_eq!(left(&format!("{header}{row}\n")), app, "{row}");
    }
    assert_eq!(left("localhost:5000/app,1.2,,1MB\n"), app);
    assert_eq!(left("IMAGE,TAG\nlocalhost:5000/app,1.2\n"), app);
    assert_eq!(left("image,tag\nlocalhost:5000/app:1.2,\n"), app);
    assert_eq!(left(&format!("{header}localhost:5000/app,1,,\nlocalhost:5000/ap,1.2,,\n")).len(), 4);
}

#[test]
fn an_image_stays_with_the_tags_that_are_not_named() {
    let rest = ["localhost:5000/app:1.2", "sha256:3", "sha256:5"];
    assert_eq!(left("IMAGE,TAG\nregistry.k8s.io/*,*\n"), [&["localhost:5000/pause:3.9"], &rest[..]].concat());
    assert_eq!(left("IMAGE,TAG\n*/pause,*\n"), rest);
}

#[test]
fn images_without_names_are_named_as_the_table_shows_them() {
    let tagged = [PAUSE_TAGS, "localhost:5000/app:1.2"];
    assert_eq!(left("IMAGE,TAG\nlocalhost:5000/old,<none>\n"), [tagged[0], tagged[1], "sha256:5"]);
    assert_eq!(left("IMAGE,TAG\n<none>,<none>\n"), [tagged[0], tagged[1], "sha256:3"]);
    assert_eq!(left("IMAGE,TAG\n*,*\n"), Vec::<String>::new());
}

#[test]
fn a_row_with_an_id_counts_by_its_id_only() {
    assert_eq!(left("IMAGE,TAG,IMAGE ID\nlocalhost:5000/app,1.2,000000000000\n").len(), 4);
}

#[test]
fn an_id_of_any_algorithm_counts() {
    let digits = "211f095776518581232078a9cfb5626fae340773bb07b8c1244b7fabb9bbef57";
    let id = format!("sha512:{digits}");
    // crictl cuts this id after 13 characters, of which the algorithm takes seven.
    for named in [id.as_str(), &digits[..13], "sha512:211f09", "SHA512:211F09"] {
        assert!(IgnoreList::parse(&format!("IMAGE,TAG,IMAGE ID\nx,1,{named}\n")).contains(&id), "{named}");
    }
    let list = IgnoreList::parse(&id);
    assert!(list.contains("sha512:211f09") && !list.contains("sha512:211f08") && !list.contains("blake3:211f09"));
}

#[test]
fn semicolons_tabs_and_the_tables_of_crictl_and_docker_are_read() {
    let rest = ["localhost:5000/app:1.2", "sha256:3", "sha256:5"];
    for text in [
        "IMAGE;TAG;IMAGE ID;SIZE\nregistry.k8s.io/pause;3.9;b9f02c9a43ced;1,2MB\n",
        "IMAGE\tTAG\tIMAGE ID\tSIZE\nregistry.k8s.io/pause\t3.9\tb9f02c9a43ced\t1.2MB\n",
        "IMAGE                   TAG   IMAGE ID        SIZE\nregistry.k8s.io/pause   3.9   b9f02c9a43ced   1.2MB\n",
        "REPOSITORY   TAG   IMAGE ID      CREATED       SIZE\nregistry.k8s.io/pause  3.9  b9f02c9a43ce  2 years ago  1MB\n",
        "registry.k8s.io/pause;3.9;b9f02c9a43ced;1.2MB\n",
        "\"IMAGE\";\"IMAGE ID\"\n\"a;b\";\"b9f02c9a43ced\"\n",
    ] {
        assert_eq!(left(text), rest, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_the_remedy() {
    for (line, remedy) in [
        ("IMAGE TAG IMAGE ID SIZE", "separate columns with commas"),
        ("registry.k8s.io/pause 3.9 b9f02c9a43ced 1.2MB", "separate columns with commas"),
        ("registry.k8s.io/pause:3.9", "begin the file with the line IMAGE,TAG"),
        ("pause,3.9", "begin the file with the line IMAGE,TAG"),
        ("x,1,1.23457E+12,1MB", "a spreadsheet took it for a number"),
        ("pause,,,1MB", "it has no TAG; * stands for all tags"),
        (",3.9,,1MB", "it has neither an IMAGE ID nor an IMAGE"),
    ] {
        let list = IgnoreList::parse(line);
        let skipped = skipped(&list);
        assert!(skipped.len() == 1 && skipped[0].contains(remedy), "{line}: {skipped:?}");
    }
}
