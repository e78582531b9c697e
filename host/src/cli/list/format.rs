//! How rows are written: as the JSON of the answer, as tables, as CSV.

use super::super::listing::{NodeImage, RegistryImage};
use super::super::table::Table;
use anyhow::Result;
use image_model::spreadsheet;

/// Writes a listing into memory, piece by piece.
pub(super) trait Format: Send {
    /// Takes bytes of the answer, before the rows in them.
    fn bytes(&mut self, _: &[u8], _: &mut Vec<u8>) {}

    /// Takes a row of the node.
    fn node(&mut self, row: NodeImage, to: &mut Vec<u8>) -> Result<()>;

    /// Takes a row of the registry.
    fn registry(&mut self, row: RegistryImage, to: &mut Vec<u8>) -> Result<()>;

    /// Writes what is left.
    fn end(&mut self, to: &mut Vec<u8>) -> Result<()>;
}

/// The bytes of the answer.
pub(super) struct Json;

impl Format for Json {
    fn bytes(&mut self, bytes: &[u8], to: &mut Vec<u8>) {
        to.extend_from_slice(bytes);
    }

    fn node(&mut self, _: NodeImage, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn registry(&mut self, _: RegistryImage, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

/// Two tables, with a blank line between them; where no Harbor is wanted, the first one.
pub(super) struct Tables {
    node: Table<4>,
    registry: Table<5>,
    has_registry: bool,
}

impl Tables {
    pub(super) fn new(wants_registry: bool) -> Self {
        Self {
            node: Table::new(["IMAGE", "TAG", "IMAGE ID", "SIZE"]),
            registry: Table::new(["PROJECT", "REPOSITORY", "TAG", "DIGEST", "SIZE"]),
            has_registry: wants_registry,
        }
    }
}

impl Format for Tables {
    fn node(&mut self, row: NodeImage, to: &mut Vec<u8>) -> Result<()> {
        Ok(self.node.push([row.repository, row.tag, row.image_id, row.size], to)?)
    }

    fn registry(&mut self, row: RegistryImage, to: &mut Vec<u8>) -> Result<()> {
        self.has_registry = true;
        if self.node.end(to)? {
            to.push(b'\n');
        }
        Ok(self.registry.push([row.project, row.repository, row.tag, row.digest, row.size], to)?)
    }

    fn end(&mut self, to: &mut Vec<u8>) -> Result<()> {
        let ended = self.node.end(to)?;
        if self.has_registry {
            if ended {
                to.push(b'\n');
            }
            self.registry.end(to)?;
        }
        Ok(())
    }
}

/// One row for each image and tag; its columns are the keys of the JSON.
#[derive(Default)]
pub(super) struct Csv {
    has_header: bool,
}

impl Csv {
    fn record(&mut self, record: [&str; 7], to: &mut Vec<u8>) -> Result<()> {
        let mut csv = csv::Writer::from_writer(to);
        if !std::mem::replace(&mut self.has_header, true) {
            csv.write_record(["source", "project", "repository", "tag", "image_id", "digest", "size"])?;
        }
        csv.write_record(record.map(|text| spreadsheet::cell(text).into_owned()))?;
        Ok(csv.flush()?)
    }
}

impl Format for Csv {
    fn node(&mut self, row: NodeImage, to: &mut Vec<u8>) -> Result<()> {
        self.record(["containerd", "", &row.repository, &row.tag, &row.image_id, "", &row.size], to)
    }

    fn registry(&mut self, row: RegistryImage, to: &mut Vec<u8>) -> Result<()> {
        self.record(["harbor", &row.project, &row.repository, &row.tag, "", &row.digest, &row.size], to)
    }

    fn end(&mut self, to: &mut Vec<u8>) -> Result<()> {
        if !self.has_header {
            to.extend_from_slice(b"source,project,repository,tag,image_id,digest,size\n");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a format makes of this listing, whose first image has this repository, and whose second one this project and tag.
    fn written(mut format: impl Format, repository: &str, project: &str, tag: &str) -> String {
        let node = |repository: &str, tag: &str, id: &str, size: &str| NodeImage {
            image_id: id.to_owned(),
            repository: repository.to_owned(),
            size: size.to_owned(),
            tag: tag.to_owned(),
        };
        let mut text = Vec::new();
        format.node(node(repository, "v1.23.5", "a24bb4013296f", "117MB"), &mut text).unwrap();
        format.node(node("<none>", "<none>", "b9f02c9a43ced", "1.2MB"), &mut text).unwrap();
        let image = RegistryImage {
            digest: "sha256:f6d".to_owned(),
            project: project.to_owned(),
            repository: "my-app".to_owned(),
            size: "250MB".to_owned(),
            tag: tag.to_owned(),
        };
        format.registry(image, &mut text).unwrap();
        format.end(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn tables_are_aligned_as_crictls_are() {
        assert_eq!(
            written(Tables::new(true), "k8s.gcr.io/kube-proxy", "p,q", "latest"),
            "IMAGE                   TAG                 IMAGE ID            SIZE\n\
             k8s.gcr.io/kube-proxy   v1.23.5             a24bb4013296f       117MB\n\
             <none>                  <none>              b9f02c9a43ced       1.2MB\n\
             \n\
             PROJECT             REPOSITORY          TAG                 DIGEST              SIZE\n\
             p,q                 my-app              latest              sha256:f6d          250MB\n"
        );
    }

    #[test]
    fn without_a_harbor_there_is_one_table_and_without_rows_there_are_headers() {
        let empty = |mut format: Box<dyn Format>| {
            let mut text = Vec::new();
            format.end(&mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let node = "IMAGE               TAG                 IMAGE ID            SIZE\n";
        let registry = "PROJECT             REPOSITORY          TAG                 DIGEST              SIZE\n";
        assert_eq!(empty(Box::new(Tables::new(false))), node);
        assert_eq!(empty(Box::new(Tables::new(true))), format!("{node}\n{registry}"));
        assert_eq!(empty(Box::<Csv>::default()), "source,project,repository,tag,image_id,digest,size\n");
    }

    #[test]
    fn csv_has_the_keys_of_the_json_as_columns() {
        assert_eq!(
            written(Csv::default(), "k8s.gcr.io/kube-proxy", "p,q", "latest"),
            "source,project,repository,tag,image_id,digest,size\n\
             containerd,,k8s.gcr.io/kube-proxy,v1.23.5,a24bb4013296f,,117MB\n\
             containerd,,<none>,<none>,b9f02c9a43ced,,1.2MB\n\
             harbor,\"p,q\",my-app,latest,,sha256:f6d,250MB\n"
        );
    }

    #[test]
    fn names_of_strangers_reach_neither_the_terminal_nor_a_spreadsheet_as_more_than_names() {
        let names = ("a\u{1b}]0;x\u{7}\n\u{9b}\u{202e}\0", "=1+1", "\t@x");
        let table = written(Tables::new(true), names.0, names.1, names.2);
        assert!(table.contains("a\\u{1b}]0;x\\u{7}\\n\\u{9b}\\u{202e}\\u{0}   v1.23.5"), "{table}");
        let csv = written(Csv::default(), names.0, names.1, names.2);
        assert!(csv.contains("\nharbor,'=1+1,my-app,\\t@x,"), "{csv}");
        for text in [table, csv] {
            assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
            assert_eq!(text.lines().count(), if text.starts_with("source") { 4 } else { 6 }, "no row is made up");
        }
    }
}
