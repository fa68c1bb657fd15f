//! What a request says: the fields of its JSON body and the parameters of its query, each of its type or refused by name.
//!
//! Unknown ones are left alone, and a null is a field left out. It must never say a client's text back unshortened.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::fault::{Fault, said};

/// The fields of a body.
#[derive(Debug, Default)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body. None at all is one without fields.
    pub fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Fields, Fault> {
        if body.is_empty() {
            return Ok(Fields::default());
        }
        json_only(headers)?;
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Fields(fields)),
            Ok(_) => Err(Fault::wrong_type("body", "a JSON object")),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let text = format!("The body is no JSON: look at line {line}, column {column}.");
                Err(Fault::new(422, "invalid_json", Some("body"), text))
            }
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        self.get(name)
            .map(|value| value.as_str().ok_or_else(|| Fault::wrong_type(name, "a text")))
            .transpose()
    }

    /// True or false; false if left out.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        self.get(name).map_or(Ok(false), |value| {
            value.as_bool().ok_or_else(|| Fault::wrong_type(name, "true or false"))
        })
    }

    /// A whole number from `least` on. One that is larger than any count is as good as the largest.
    pub fn whole(&self, name: &str, least: u64) -> Result<Option<u64>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || Fault::wrong_type(name, &format!("a whole number, {least} or more"));
        let number = value.as_number().ok_or_else(wrong)?;
        let number = match (number.as_u64(), number.as_f64()) {
            (Some(number), _) => number,
            (None, Some(number)) if number < 0.0 && number.fract() == 0.0 => {
                return Err(Fault::invalid(name, format!("{name} must be {least} or more.")));
            }
            // `50.0` is a whole number, too (JSON Schema).
            (None, Some(number)) if number.fract() == 0.0 => number as u64,
            _ => return Err(wrong()),
        };
        if number < least {
            return Err(Fault::invalid(name, format!("{name} must be {least} or more.")));
        }
        Ok(Some(number))
    }

    /// A number from 0 to `most`.
    pub fn number(&self, name: &str, most: f64) -> Result<Option<f64>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_f64().ok_or_else(|| Fault::wrong_type(name, "a number"))?;
        if !(0.0..=most).contains(&number) {
            return Err(Fault::invalid(name, format!("{name} must be from 0 to {most}.")));
        }
        Ok(Some(number))
    }

    /// A list of words of `known`; at least one.
    pub fn words(&self, name: &str, known: &[&str]) -> Result<Option<Vec<String>>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || Fault::wrong_type(name, "a list of texts");
        let list = value.as_array().ok_or_else(wrong)?;
        if list.is_empty() {
            let text = format!("{name} must name at least one of {}.", known.join(", "));
            return Err(Fault::invalid(name, text));
        }
        let mut words = Vec::with_capacity(known.len());
        for (at, item) in list.iter().enumerate() {
            let field = format!("{name}[{at}]");
            let word = item.as_str().ok_or_else(|| Fault::wrong_type(&field, "a text"))?;
            if !known.contains(&word) {
                let text = format!("`{}` is none of {}.", said(word), known.join(", "));
                return Err(Fault::invalid(&field, text));
            }
            if !words.iter().any(|one| one == word) {
                words.push(word.to_owned());
            }
        }
        Ok(Some(words))
    }

    /// A day as `YYYY-MM-DD`.
    pub fn day(&self, name: &str) -> Result<Option<jiff::civil::Date>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let day = crate::clock::parse_day(text).map_err(|reason| Fault::invalid(name, reason))?;
        if text.len() != 10 {
            return Err(Fault::invalid(
                name,
                format!("{name} must be YYYY-MM-DD and nothing else, without blanks."),
            ));
        }
        // Beyond those some zones have no such day.
        if !(1970..=8999).contains(&day.year()) {
            return Err(Fault::invalid(name, format!("{name} must be a day from 1970-01-01 to 8999-12-31.")));
        }
        Ok(Some(day))
    }
}

fn json_only(headers: &HeaderMap) -> Result<(), Fault> {
    let text = |name: header::HeaderName| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
    };
    let wrong =
        |field: &str, message: &str| Err(Fault::new(415, "unsupported_media_type", Some(field), message));
    if text(header::CONTENT_ENCODING).is_some_and(|coding| coding.trim() != "identity") {
        return wrong("Content-Encoding", "The body must not be compressed.");
    }
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let plain = parts.next() == Some("application/json")
        && parts.filter_map(|one| one.strip_prefix("charset=")).all(|set| set.trim_matches('"') == "utf-8");
    if plain { Ok(()) } else { wrong("Content-Type", "The body must be sent as application/json.") }
}

/// The parameters of a query.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query as it stands in the address.
    pub fn parse(text: Option<&str>) -> Query {
        let pairs = url::form_urlencoded::parse(text.unwrap_or_default().as_bytes());
        Query(pairs.into_owned().collect())
    }

    /// The parameter of that name; given twice it is refused.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut found = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Fault::invalid(name, format!("{name} is given twice."))),
            (one, None) => Ok(one),
        }
    }

    /// `1` or `0`; no if left out.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.get(name)? {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(Fault::wrong_type(name, "1 or 0")),
        }
    }

    /// A whole number between two, or the default.
    pub fn count(&self, name: &str, usual: usize, most: usize) -> Result<usize, Fault> {
        let Some(text) = self.get(name)? else { return Ok(usual) };
        text.parse()
            .ok()
            .filter(|count| (1..=most).contains(count) && !text.starts_with('+'))
            .ok_or_else(|| Fault::invalid(name, format!("{name} must be a whole number from 1 to {most}.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn fields(text: &str) -> Fields {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("Application/JSON; charset=UTF-8"));
        Fields::parse(&headers, text.as_bytes()).unwrap()
    }

    fn fault<T: std::fmt::Debug>(result: Result<T, Fault>) -> (u16, String) {
        let fault = result.unwrap_err();
        (fault.status, fault.field.unwrap())
    }

    #[test]
    fn only_plain_json_is_read() {
        let parse = |name: &'static str, value: &'static str, text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            Fields::parse(&headers, text.as_bytes())
        };
        assert!(parse("x-none", "", "").is_ok());
        assert_eq!(fault(parse("x-none", "", "{}")), (415, "Content-Type".into()));
        assert_eq!(fault(parse("content-type", "text/json", "{}")), (415, "Content-Type".into()));
        assert_eq!(fault(parse("content-type", "application/json; charset=latin1", "{}")).0, 415);
        let json = |text: &str| fault(parse("content-type", "application/json", text));
        for text in ["{", "{\"a\":}", "nul", "[]", "7", "\"a\"", "\u{feff}{}", &"[".repeat(5000)] {
            assert_eq!(json(text), (422, "body".into()), "{text}");
        }
    }

    #[test]
    fn each_field_is_of_its_type_or_named() {
        let some =
            fields(r#"{"t":"x","n":7,"f":true,"h":0.5,"z":null,"big":1e300,"w":50.0,"neg":-1,"more":{}}"#);
        assert_eq!((some.text("t"), some.text("z"), some.text("none")), (Ok(Some("x")), Ok(None), Ok(None)));
        assert_eq!(fault(some.text("n")), (422, "n".into()));
        assert_eq!((some.whole("n", 1), some.whole("w", 1)), (Ok(Some(7)), Ok(Some(50))));
        assert_eq!(some.whole("big", 1), Ok(Some(u64::MAX)));
        for name in ["t", "h", "f", "neg", "more"] {
            assert_eq!(fault(some.whole(name, 1)), (422, name.into()));
        }
        assert_eq!(fault(some.whole("n", 8)), (422, "n".into()));
        assert_eq!((some.number("h", 3600.0), some.number("n", 3600.0)), (Ok(Some(0.5)), Ok(Some(7.0))));
        assert_eq!(fault(some.number("neg", 3600.0)), (422, "neg".into()));
        assert_eq!(fault(some.number("big", 3600.0)), (422, "big".into()));
        assert_eq!((some.flag("f"), some.flag("none")), (Ok(true), Ok(false)));
        assert_eq!(fault(some.flag("n")), (422, "n".into()));
    }

    #[test]
    fn days_and_words() {
        let some = fields(
            r#"{"a":"2026-02-29","b":"2026-01-31","c":" 2026-01-31","d":"9999-12-31","e":"0000-01-01","w":["open","open"],"x":["open","lost\u001b"],"y":[],"z":"open"}"#,
        );
        assert_eq!(some.day("b").unwrap().unwrap().to_string(), "2026-01-31");
        for name in ["a", "c", "d", "e", "z"] {
            assert_eq!(fault(some.day(name)), (422, name.into()));
        }
        assert_eq!(some.words("w", &["open"]), Ok(Some(vec!["open".into()])));
        assert_eq!(fault(some.words("x", &["open"])), (422, "x[1]".into()));
        assert!(!some.words("x", &["open"]).unwrap_err().message.contains('\u{1b}'));
        assert_eq!(fault(some.words("y", &["open"])), (422, "y".into()));
        assert_eq!(fault(some.words("z", &["open"])), (422, "z".into()));
    }

    #[test]
    fn parameters() {
        let query = Query::parse(Some("a=1&b=x%20y&c=1&c=2&d=0&e=501"));
        assert_eq!((query.get("b"), query.get("no")), (Ok(Some("x y")), Ok(None)));
        assert_eq!(fault(query.get("c")), (422, "c".into()));
        assert_eq!((query.flag("a"), query.flag("d"), query.flag("no")), (Ok(true), Ok(false), Ok(false)));
        assert_eq!(fault(query.flag("b")), (422, "b".into()));
        assert_eq!((query.count("a", 50, 200), query.count("no", 50, 200)), (Ok(1), Ok(50)));
        for name in ["b", "d", "e"] {
            assert_eq!(fault(query.count(name, 50, 200)), (422, name.into()));
        }
    }
}
