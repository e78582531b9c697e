//! serde's way into a [`Reader`]: which of its methods reads which type.

use super::error::Problem;
use super::scalar::{Scalar, parse_bool};
use super::{Reader, SECONDS, SECRET, Source};
use crate::setting::Setting;
use crate::tree::Tree;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            visitor.$visit(self.whole::<$type>(&<$type>::kind())?).map_err(|problem: Problem| problem.at(&self.key))
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Problem;

    whole_numbers! {
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_i64 visit_i64 i64,
        deserialize_f64 visit_f64 f64,
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let value = match (self.source, self.text()) {
            (Source::File(Tree::Bool(value)), _) => *value,
            (_, Some(text)) => {
                let value = parse_bool(text).ok_or_else(|| self.expected("true or false"))?;
                self.unquoted(text, value);
                value
            }
            _ => return Err(self.expected("true or false")),
        };
        self.note(|| value.to_string());
        visitor.visit_bool(value)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let text = self.text().ok_or_else(|| self.expected("a text in quotes"))?;
        // An address may hold a login.
        if text.is_empty() {
            return visitor.visit_str(text).map_err(|problem: Problem| problem.at(&self.key));
        }
        self.note(|| if text.contains("://") && text.contains('@') { Setting::hidden() } else { format!("{text:?}") });
        visitor.visit_str(text).map_err(|problem: Problem| problem.at(&self.key))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.source {
            Source::File(Tree::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Problem> {
        if name == SECONDS {
            return visitor.visit_u32(self.whole(&format!("a whole number of seconds from 0 to {}", u32::MAX))?);
        } else if name != SECRET {
            return visitor.visit_newtype_struct(self);
        }
        let text = self.text().ok_or_else(|| {
            self.problem(
                "invalid type, expected a string in quotes; this message does not show the value, as it may be the secret",
            )
        })?;
        if !text.is_empty() {
            self.note(Setting::hidden);
        }
        visitor.visit_str(text)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let (read, parts);
        let list: &[Tree] = match self.source {
            Source::File(Tree::List(list)) => list,
            Source::Variable(name, text) if text.trim_start().starts_with('[') => {
                read = self.json(name, text, "a list")?;
                let Tree::List(list) = &read else { return Err(self.expected("a list")) };
                list
            }
            Source::Variable(_, text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                parts = items.map(|item| Tree::Text(item.to_owned())).collect::<Vec<_>>();
                &parts
            }
            _ => return Err(self.expected("a list")),
        };
        self.note(|| format!("{} in a list", list.len()));
        visitor.visit_seq(Items { reader: &Self { is_part: true, ..self.clone() }, rest: list.iter() })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let read;
        let object: &[(String, Tree)] = match self.source {
            Source::File(Tree::Object(object)) => object,
            Source::Variable(name, text) => {
                read = self.json(name, text, "an object")?;
                let Tree::Object(object) = &read else { return Err(self.expected("an object, as JSON")) };
                object
            }
            _ => return Err(self.expected("an object")),
        };
        self.note(|| format!("{} in an object", object.len()));
        let parent = Self { is_part: true, ..self.clone() };
        let members = object.iter().map(|(name, value)| (name.clone(), parent.part(name, Source::File(value))));
        visitor.visit_map(Members { rest: members.collect::<Vec<_>>().into_iter(), value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_map(Members { rest: self.members(fields)?.into_iter(), value: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let text = self.text().filter(|text| variants.contains(text)).ok_or_else(|| {
            let allowed: Vec<String> = variants.iter().map(|variant| format!("`{variant}`")).collect();
            self.problem(format!("invalid value: {}, expected one of {}", self.shown(), allowed.join(", ")))
        })?;
        self.note(|| format!("{text:?}"));
        let deserializer: StringDeserializer<Problem> = text.to_owned().into_deserializer();
        visitor.visit_enum(deserializer)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.source {
            Source::Nowhere | Source::File(Tree::Null) => visitor.visit_unit(),
            Source::File(Tree::Bool(_)) => self.deserialize_bool(visitor),
            Source::File(Tree::Number(number)) if number.is_u64() => self.deserialize_u64(visitor),
            Source::File(Tree::Number(number)) if number.is_i64() => self.deserialize_i64(visitor),
            Source::File(Tree::Number(_)) => self.deserialize_f64(visitor),
            Source::File(Tree::List(_)) => self.deserialize_seq(visitor),
            Source::File(Tree::Object(_)) => self.deserialize_map(visitor),
            Source::File(Tree::Text(_)) | Source::Variable(..) => self.deserialize_str(visitor),
        }
    }

    forward_to_deserialize_any! { i8 i16 i32 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any }
}

/// The items of a list.
struct Items<'r, 'a> {
    reader: &'r Reader<'a>,
    rest: std::slice::Iter<'r, Tree>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        // The lifetime of the item is that of the list, which is shorter than the reader's.
        let reader: Reader<'_> = self.reader.clone();
        seed.deserialize(Reader { source: Source::File(item), ..reader }).map(Some)
    }
}

/// The members of an object.
struct Members<'a> {
    rest: std::vec::IntoIter<(String, Reader<'a>)>,
    value: Option<Reader<'a>>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        let name: StringDeserializer<Problem> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let reader = self.value.take().ok_or_else(|| Problem::whole("a value has no key".to_owned()))?;
        let key = reader.key.clone();
        seed.deserialize(reader).map_err(|problem| problem.at(&key))
    }
}
