//! `image-service list`: the images once, for people or for programs.

use super::compositions::Compositions;
use super::config_file::{ConfigFile, demo_config};
use super::listing::{self, Listing};
use super::table::aligned;
use super::terminal::tell;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use image_model::spreadsheet;
use image_service_config::Harbor;
use std::process::ExitCode;

#[derive(Args)]
#[command(after_help = "Examples:\n  image-service list\n  image-service list --output json | jq .harbor_images\n  \
                        image-service list --output csv > images.csv\n\n\
                        When a source fails, the program prints the rows that arrived and, on stderr, the failure; \
                        the exit code is then 1.")]
pub(super) struct List {
    #[command(flatten)]
    config: ConfigFile,
    /// The format of the output.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Lists built-in sample data; needs no node, no Harbor and no config file.
    #[arg(long, conflicts_with = "config")]
    demo: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// For people: the node's images as crictl prints them, then Harbor's.
    Table,
    /// The answer of GET /images.
    Json,
    /// One row for each image and tag; its columns are the keys of the JSON.
    Csv,
}

impl List {
    pub(super) async fn run(self, compositions: Compositions) -> Result<ExitCode> {
        let loaded = if self.demo { demo_config()? } else { self.config.load()? };
        let (service, harbor) = listing::service(loaded, self.demo, &compositions)?;
        let (json, listing) = listing::ask(&service, &harbor).await?;
        let text = match self.output {
            Output::Table => table(&listing, &harbor).into_bytes(),
            Output::Json => json.into(),
            Output::Csv => csv(&listing)?,
        };
        listing::print(&text)?;
        for failure in &listing.errors {
            tell(failure);
        }
        Ok(ExitCode::from(u8::from(!listing.errors.is_empty())))
    }
}

/// Two tables, with a blank line between them; where no Harbor is wanted, the first one.
fn table(listing: &Listing, harbor: &Harbor) -> String {
    let node = listing.containerd_images.iter();
    let registry = listing.harbor_images.iter();
    let mut text = aligned(
        ["IMAGE", "TAG", "IMAGE ID", "SIZE"],
        node.map(|image| [&image.repository, &image.tag, &image.image_id, &image.size].map(String::as_str)),
    );
    if harbor.is_off() && listing.harbor_images.is_empty() {
        return text;
    }
    text.push('\n');
    text += &aligned(
        ["PROJECT", "REPOSITORY", "TAG", "DIGEST", "SIZE"],
        registry.map(|image| {
            [&image.project, &image.repository, &image.tag, &image.digest, &image.size].map(String::as_str)
        }),
    );
    text
}

fn csv(listing: &Listing) -> Result<Vec<u8>> {
    let cell = |text: &str| spreadsheet::cell(text).into_owned();
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["source", "project", "repository", "tag", "image_id", "digest", "size"])?;
    for image in &listing.containerd_images {
        csv.write_record(
            ["containerd", "", &image.repository, &image.tag, &image.image_id, "", &image.size].map(cell),
        )?;
    }
    for image in &listing.harbor_images {
        csv.write_record(
            ["harbor", &image.project, &image.repository, &image.tag, "", &image.digest, &image.size].map(cell),
        )?;
    }
    csv.into_inner().context("writing CSV into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        serde_json::from_str(
            r#"{"containerd_images": [
                {"image_id": "a24bb4013296f", "repository": "k8s.gcr.io/kube-proxy", "size": "117MB", "tag": "v1.23.5"},
                {"image_id": "b9f02c9a43ced", "repository": "<none>", "size": "1.2MB", "tag": "<none>"}],
            "harbor_images": [
                {"digest": "sha256:f6d", "project": "p,q", "repository": "my-app", "size": "250MB", "tag": "latest"}],
            "errors": [{"source": "harbor", "error": "no", "repository": "p/x"}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn tables_are_aligned_as_crictls_are() {
        let harbor = demo_config().unwrap().config.harbor;
        assert_eq!(
            table(&listing(), &harbor),
            "IMAGE                   TAG                 IMAGE ID            SIZE\n\
             k8s.gcr.io/kube-proxy   v1.23.5             a24bb4013296f       117MB\n\
             <none>                  <none>              b9f02c9a43ced       1.2MB\n\
             \n\
             PROJECT             REPOSITORY          TAG                 DIGEST              SIZE\n\
             p,q                 my-app              latest              sha256:f6d          250MB\n"
        );
    }

    #[test]
    fn csv_has_the_keys_of_the_json_as_columns() {
        assert_eq!(
            String::from_utf8(csv(&listing()).unwrap()).unwrap(),
            "source,project,repository,tag,image_id,digest,size\n\
             containerd,,k8s.gcr.io/kube-proxy,v1.23.5,a24bb4013296f,,117MB\n\
             containerd,,<none>,<none>,b9f02c9a43ced,,1.2MB\n\
             harbor,\"p,q\",my-app,latest,,sha256:f6d,250MB\n"
        );
    }

    #[test]
    fn names_of_strangers_reach_neither_the_terminal_nor_a_spreadsheet_as_more_than_names() {
        let mut listing = listing();
        listing.containerd_images[0].repository = "a\u{1b}]0;x\u{7}\n\u{9b}\u{202e}\0".to_owned();
        listing.harbor_images[0].project = "=1+1".to_owned();
        listing.harbor_images[0].tag = "\t@x".to_owned();
        let table = table(&listing, &demo_config().unwrap().config.harbor);
        assert!(table.contains("a\\u{1b}]0;x\\u{7}\\n\\u{9b}\\u{202e}\\u{0}   v1.23.5"), "{table}");
        let csv = String::from_utf8(csv(&listing).unwrap()).unwrap();
        assert!(csv.contains("\nharbor,'=1+1,my-app,\\t@x,"), "{csv}");
        for text in [table, csv] {
            assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
            assert_eq!(text.lines().count(), if text.starts_with("source") { 4 } else { 6 }, "no row is made up");
        }
    }

    #[test]
    fn a_failure_names_its_source_and_repository() {
        assert_eq!(listing().errors[0].to_string(), "harbor: p/x: no");
    }
}
