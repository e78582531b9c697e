//! The JSON of `crictl images -o json`.

use super::malformed::Malformed;
use crate::json::escaped;
use crate::json_error::in_words;
use crate::limits::{MAX_IMAGE_NAMES, MAX_IMAGES};
use crate::types::Image;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// Writes images as `crictl images -o json` does. An unknown field has the value that crictl writes for an image without it.
pub fn to_json(images: &[Image]) -> String {
    #[derive(Serialize)]
    struct Output<'a> {
        images: Vec<WrittenImage<'a>>,
    }
    // Strings, numbers and lists of them can always be written.
    let images = images.iter().map(WrittenImage).collect();
    escaped(&serde_json::to_string_pretty(&Output { images }).unwrap_or_default()) + "\n"
}

/// An image as crictl writes it: 64-bit numbers are strings.
struct WrittenImage<'a>(&'a Image);

impl Serialize for WrittenImage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(image) = self;
        let mut object = serializer.serialize_struct("Image", 6)?;
        object.serialize_field("id", &image.id)?;
        object.serialize_field("repoTags", &image.repo_tags)?;
        object.serialize_field("repoDigests", &image.repo_digests)?;
        object.serialize_field("size", &image.size.to_string())?;
        object.serialize_field("username", "")?;
        object.serialize_field("pinned", &image.pinned)?;
        object.end()
    }
}

/// An image as crictl may write it: 64-bit numbers are strings, and lists may be null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonImage {
    id: String,
    #[serde(default)]
    repo_tags: Option<Bounded<String>>,
    #[serde(default)]
    repo_digests: Option<Bounded<String>>,
    #[serde(default)]
    size: Option<JsonNumber>,
    #[serde(default)]
    pinned: Option<bool>,
}

/// A list whose rest is read and dropped once it is too long to be listed: tiny items take a hundred times the memory of their text.
struct Bounded<T>(Vec<T>);

/// An item of such a list.
trait Item: Sized {
    /// Whether these items are more than a listing can show. `names` is the sum of [`Item::names`].
    fn are_too_many(items: &[Self], names: usize) -> bool;

    /// The tags and digests of the item.
    fn names(&self) -> usize;
}

impl Item for String {
    fn are_too_many(_: &[Self], names: usize) -> bool {
        names > MAX_IMAGE_NAMES
    }

    fn names(&self) -> usize {
        1
    }
}

impl Item for JsonImage {
    fn are_too_many(images: &[Self], names: usize) -> bool {
        images.len() > MAX_IMAGES || names > MAX_IMAGE_NAMES
    }

    fn names(&self) -> usize {
        [&self.repo_tags, &self.repo_digests].into_iter().flatten().map(|Bounded(names)| names.len()).sum()
    }
}

impl<'de, T: Deserialize<'de> + Item> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Item> Visitor<'de> for Items<T> {
            type Value = Bounded<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded<T>, A::Error> {
                let (mut items, mut names) = (Vec::new(), 0);
                while !T::are_too_many(&items, names) {
                    let Some(item) = list.next_element::<T>()? else { return Ok(Bounded(items)) };
                    names += item.names();
                    items.push(item);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Bounded(items))
            }
        }

        deserializer.deserialize_seq(Items(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonNumber {
    Number(u64),
    Text(String),
}

impl TryFrom<JsonImage> for Image {
    type Error = Malformed;

    fn try_from(image: JsonImage) -> Result<Self, Malformed> {
        let size = match image.size {
            None => 0,
            Some(JsonNumber::Number(size)) => size,
            Some(JsonNumber::Text(text)) => text
                .parse()
                .map_err(|_| Malformed(format!("image {} has size {text:?}, which is no number", image.id)))?,
        };
        Ok(Self {
            id: image.id,
            repo_tags: image.repo_tags.map(|Bounded(names)| names).unwrap_or_default(),
            repo_digests: image.repo_digests.map(|Bounded(names)| names).unwrap_or_default(),
            size,
            pinned: image.pinned.unwrap_or_default(),
        })
    }
}

/// Reads the output of `crictl images -o json`, up to one image or name more than a listing can show.
///
/// # Errors
///
/// When it is not JSON of that shape, with the line and column.
pub fn parse_json(output: &str) -> Result<Vec<Image>, Malformed> {
    #[derive(Deserialize)]
    struct Output {
        images: Option<Bounded<JsonImage>>,
    }
    let parsed: Output = serde_json::from_str(output)
        .map_err(|error| Malformed(format!("not the JSON of crictl images: {}", in_words(&error))))?;
    let Some(Bounded(images)) = parsed.images else {
        // An empty message may leave its list out; an object about something else is no answer.
        return if output.chars().filter(|c| !c.is_whitespace()).eq("{}".chars()) {
            Ok(Vec::new())
        } else {
            Err(Malformed("not the JSON of crictl images: it has no \"images\"".to_owned()))
        };
    };
    images.into_iter().map(Image::try_from).collect()
}
