//! The answer to ListImages, read up to one image or name more than a listing can show. The rest is skipped: an empty image is two
//! bytes in the answer, and fifty times as much in memory.

use super::proto;
use image_model::limits::{MAX_IMAGE_NAMES, MAX_IMAGES};
use image_model::types::Image;
use prost::bytes::{Buf, BufMut};
use prost::encoding::wire_type::{WireType, check_wire_type};
use prost::encoding::{DecodeContext, decode_key, merge_loop, skip_field};
use prost::{DecodeError, Message};

/// The numbers of the fields that are lists, in `ListImagesResponse` and in `Image`.
const IMAGES: u32 = 1;
const REPO_TAGS: u32 = 2;
const REPO_DIGESTS: u32 = 3;

/// The images of an answer.
#[derive(Debug, Default)]
pub(super) struct ImageList {
    pub(super) images: Vec<Image>,
    /// Their tags and digests.
    names: usize,
}

impl Message for ImageList {
    fn encode_raw(&self, _: &mut impl BufMut) {}

    fn encoded_len(&self) -> usize {
        0
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        if tag != IMAGES || self.images.len() > MAX_IMAGES || self.names > MAX_IMAGE_NAMES {
            return skip_field(wire_type, tag, buffer, context);
        }
        check_wire_type(WireType::LengthDelimited, wire_type)?;
        let mut image = proto::Image::default();
        merge_loop(&mut image, buffer, context, |image, buffer, context| {
            let (tag, wire_type) = decode_key(buffer)?;
            let is_name = matches!(tag, REPO_TAGS | REPO_DIGESTS);
            if is_name && self.names > MAX_IMAGE_NAMES {
                return skip_field(wire_type, tag, buffer, context);
            }
            self.names += usize::from(is_name);
            image.merge_field(tag, wire_type, buffer, context)
        })?;
        let proto::Image { id, repo_tags, repo_digests, size, pinned } = image;
        self.images.push(Image { id, repo_tags, repo_digests, size, pinned });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(names: usize) -> proto::Image {
        let repo_tags = vec![String::new(); names];
        proto::Image { id: "sha256:1".to_owned(), repo_tags, size: 7, pinned: true, ..proto::Image::default() }
    }

    fn read(images: Vec<proto::Image>) -> ImageList {
        ImageList::decode(&proto::ListImagesResponse { images }.encode_to_vec()[..]).unwrap()
    }

    #[test]
    fn an_answer_is_read_as_the_runtime_wrote_it() {
        let answer = proto::Image { repo_digests: vec!["a@sha256:2".to_owned()], ..image(2) };
        let proto::Image { id, repo_tags, repo_digests, size, pinned } = answer.clone();
        let list = read(vec![answer, proto::Image::default()]);
        assert_eq!(list.images[0], Image { id, repo_tags, repo_digests, size, pinned });
        assert_eq!((list.images.len(), list.names), (2, 3));
        assert!(ImageList::decode(&[10, 200][..]).is_err(), "an answer that ends too early");
    }

    #[test]
    fn what_is_too_much_to_be_listed_is_read_no_further_and_is_seen_to_be_too_much() {
        assert_eq!(read(vec![image(9); MAX_IMAGES]).images.len(), MAX_IMAGES);
        assert_eq!(read(vec![image(0); 2 * MAX_IMAGES]).images.len(), MAX_IMAGES + 1);
        assert_eq!(read(vec![image(MAX_IMAGE_NAMES / 2); 30]).images.len(), 3);
        assert_eq!(read(vec![image(5 * MAX_IMAGE_NAMES)]).images[0].repo_tags.len(), MAX_IMAGE_NAMES + 1);
    }
}
