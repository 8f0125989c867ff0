//! Reads a YAML node as one of Kubernetes' types, and reports the place and the error of a value that does not fit.
//!
//! The YAML reader's own deserialiser would take `args: [5]` for a string and name no field. Kubernetes is strict here,
//! and a manifest that runs in the lab should also run in a cluster.

use std::fmt;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::yaml::{Place, PlacedError, Value, YamlNode};

/// Reads the document as `T`.
///
/// # Errors
/// The first field that has a wrong type.
pub fn read<'de, T: Deserialize<'de>>(document: &'de YamlNode) -> Result<T, PlacedError> {
    T::deserialize(NodeReader { node: document, quantity: false }).map_err(|e| {
        let path = e.path.iter().rev().fold(String::new(), |path, word| match word {
            word if word.starts_with('[') || path.is_empty() => path + word,
            word => path + "." + word,
        });
        (e.place.unwrap_or(document.place), if path.is_empty() { e.message } else { format!("{path} {}", e.message) })
    })
}

#[derive(Debug)]
struct TypeError {
    place: Option<Place>,
    /// The innermost field comes first.
    path: Vec<String>,
    message: String,
}

impl TypeError {
    fn inside(mut self, word: String, place: Place) -> Self {
        self.path.push(word);
        self.place = self.place.or(Some(place));
        self
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TypeError {}

impl serde::de::Error for TypeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { place: None, path: Vec::new(), message: format!("is wrong: {message}") }
    }

    fn invalid_type(got: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = match expected.to_string() {
            of_kubernetes if of_kubernetes == "Quantity" => "an amount such as 64Mi or 0.5".to_owned(),
            expected => expected,
        };
        let message = format!("is {}; expected {expected}", describe(&got));
        Self { place: None, path: Vec::new(), message }
    }

    fn invalid_value(got: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = match expected.to_string().as_str() {
            "i32" => "a number from -2147483648 to 2147483647".to_owned(),
            "i64" => "a number of at most 64 bits".to_owned(),
            other => other.to_owned(),
        };
        Self::invalid_type(got, &expected.as_str())
    }
}

fn describe(got: &Unexpected<'_>) -> String {
    match got {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Str(value) => format!("\"{value}\""),
        Unexpected::Unit => "empty".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// A deserialiser for one node.
#[derive(Clone, Copy)]
struct NodeReader<'a> {
    node: &'a YamlNode,
    /// Whether it is read as a quantity, which may be written as a number although its type is a string.
    quantity: bool,
}

impl NodeReader<'_> {
    fn misfit(&self, expected: &str) -> TypeError {
        let node = &self.node.value;
        let got = match node {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Int(value) => Unexpected::Signed(i64::try_from(*value).unwrap_or(i64::MAX)),
            Value::Float(value) => Unexpected::Float(*value),
            Value::Text(value) => Unexpected::Str(value),
            Value::List(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
        };
        let scalar = matches!(node, Value::Bool(_) | Value::Int(_) | Value::Float(_));
        let expected =
            if expected == STRING && scalar { "a string; put it in quotes to make it one" } else { expected };
        TypeError { place: Some(self.node.place), ..TypeError::invalid_type(got, &expected) }
    }
}

const STRING: &str = "a string";
const NUMBER: &str = "a whole number";
const MAPPING: &str = "a mapping";

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
            match self.node.value {
                Value::Int(_) => self.deserialize_any(visitor),
                _ => Err(self.misfit(NUMBER)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for NodeReader<'_> {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => match i64::try_from(*value) {
                Ok(value) => visitor.visit_i64(value),
                Err(_) => Err(TypeError::custom(format!("{value} has more than 64 bits"))),
            },
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(value) => visitor.visit_str(value),
            Value::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.node.value {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => Err(self.misfit("true or false")),
        }
    }

    numbers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
    deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.node.value {
            Value::Int(value) => visitor.visit_f64(value as f64),
            Value::Float(value) => visitor.visit_f64(value),
            _ => Err(self.misfit("a number")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match &self.node.value {
            Value::Text(value) => visitor.visit_str(value),
            Value::Int(_) | Value::Float(_) if self.quantity => {
                visitor.visit_string(self.node.scalar().unwrap_or_default())
            }
            _ => Err(self.misfit(STRING)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        visitor.visit_newtype_struct(Self { quantity: name == "Quantity", ..self })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.node.value {
            Value::List(_) => self.deserialize_any(visitor),
            _ => Err(self.misfit("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.node.value {
            Value::Map(_) => self.deserialize_any(visitor),
            _ => Err(self.misfit(MAPPING)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier }
}

struct Items<'a> {
    items: &'a [YamlNode],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = TypeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, TypeError> {
        let Some(node) = self.items.get(self.next) else { return Ok(None) };
        let word = format!("[{}]", self.next);
        self.next += 1;
        seed.deserialize(NodeReader { node, quantity: false }).map(Some).map_err(|e| e.inside(word, node.place))
    }
}

struct Entries<'a> {
    entries: &'a [(String, Place, YamlNode)],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = TypeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, TypeError> {
        let Some((key, ..)) = self.entries.get(self.next) else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TypeError> {
        let (key, _, node) =
            self.entries.get(self.next).ok_or_else(|| TypeError::custom("a value was requested without its key"))?;
        self.next += 1;
        seed.deserialize(NodeReader { node, quantity: false }).map_err(|e| e.inside(key.clone(), node.place))
    }
}
