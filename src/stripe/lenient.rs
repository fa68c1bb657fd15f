//! Reading JSON fields that may be absent, null, or of another type than documented.
//!
//! Functions for `#[serde(deserialize_with = …)]`. A value of the wrong type reads as absent; it must never
//! make the object around it unreadable. An expandable field reads as its id, whether it was expanded or not.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A string, borrowed where it has no escapes; of an object its `id`.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    from.deserialize_any(TextVisitor)
}

/// [`text`], empty when absent.
pub(crate) fn text_or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    text(from).map(Option::unwrap_or_default)
}

/// [`text`], owned.
pub(crate) fn string<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from).map(|found| found.map(Cow::into_owned))
}

/// A whole number.
pub(crate) fn int<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    from.deserialize_any(ScalarVisitor).map(|scalar| match scalar {
        Scalar::Int(number) => Some(number),
        _ => None,
    })
}

/// [`int`], 0 when absent.
pub(crate) fn int_or_zero<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    int(from).map(Option::unwrap_or_default)
}

/// A boolean, when there is one.
pub(crate) fn maybe_flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    from.deserialize_any(ScalarVisitor).map(|scalar| match scalar {
        Scalar::Flag(flag) => Some(flag),
        _ => None,
    })
}

/// A boolean, false when absent.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    maybe_flag(from).map(Option::unwrap_or_default)
}

/// An object; its default when there is none (also when it is an id that was not expanded).
pub(crate) fn object<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    from.deserialize_any(ObjectVisitor(PhantomData)).map(Option::unwrap_or_default)
}

/// An object, when there is one.
pub(crate) fn maybe_object<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(ObjectVisitor(PhantomData))
}

/// An array of objects; empty when there is none. Elements that are no objects are left out.
pub(crate) fn array<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(ArrayVisitor(PhantomData))
}

/// Implements the visits of scalars that mean "not what was wanted".
macro_rules! ignore {
    ($value:expr; $($visit:ident: $kind:ty),*) => {
        $(fn $visit<E>(self, _: $kind) -> Result<Self::Value, E> { Ok($value) })*
    };
}

macro_rules! ignore_nothing {
    ($value:expr) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON")
        }
    };
}

fn drain_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<Cow<'de, str>>;

    ignore_nothing!(None);
    ignore!(None; visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        drain_seq(seq).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(WithId::deserialize(MapAccessDeserializer::new(map))?.id)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WithId<'a> {
    #[serde(borrow, deserialize_with = "text_not_nested")]
    id: Option<Cow<'a, str>>,
}

/// An id inside an expanded object: a string or nothing, so that hostile nesting ends here.
fn text_not_nested<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    from.deserialize_any(FlatTextVisitor)
}

struct FlatTextVisitor;

impl<'de> Visitor<'de> for FlatTextVisitor {
    type Value = Option<Cow<'de, str>>;

    ignore_nothing!(None);
    ignore!(None; visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        drain_seq(seq).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map).map(|()| None)
    }
}

enum Scalar {
    Int(i64),
    Flag(bool),
    Other,
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    ignore_nothing!(Scalar::Other);
    ignore!(Scalar::Other; visit_str: &str);

    fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(number).map_or(Scalar::Other, Scalar::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        // 9e15 is below 2^53: whole numbers up to there are exact.
        let whole = number.fract() == 0.0 && number.abs() < 9.0e15;
        Ok(if whole { Scalar::Int(number as i64) } else { Scalar::Other })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Scalar, A::Error> {
        drain_seq(seq).map(|()| Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar, A::Error> {
        drain_map(map).map(|()| Scalar::Other)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    ignore_nothing!(None);
    ignore!(None; visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        drain_seq(seq).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

struct ArrayVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ArrayVisitor<T> {
    type Value = Vec<T>;

    ignore_nothing!(Vec::new());
    ignore!(Vec::new(); visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        let elements = Vec::<Element<T>>::deserialize(SeqAccessDeserializer::new(seq))?;
        Ok(elements.into_iter().filter_map(|element| element.0).collect())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map).map(|()| Vec::new())
    }
}

struct Element<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        maybe_object(from).map(Element)
    }
}
