//! Query strings: brackets, arrays, bounds, cursors. Whatever an endpoint does not take is refused, as the
//! API does it.

use crate::sandbox::errors::ApiError;
use crate::sandbox::list::Span;

/// A decoded query string.
#[derive(Debug, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes a query string. `expand[]` and `expand[0]` become `expand`; `created[gte]` stays.
    pub fn parse(text: &str) -> Query {
        let pairs = url::form_urlencoded::parse(text.as_bytes())
            .map(|(name, value)| {
                let mut name = name.into_owned();
                if let Some(open) = name.rfind('[')
                    && name.ends_with(']')
                    && name[open + 1..name.len() - 1].bytes().all(|b| b.is_ascii_digit())
                {
                    name.truncate(open);
                }
                (name, value.into_owned())
            })
            .collect();
        Query { pairs }
    }

    /// The value of a parameter, the last one if it is repeated.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// All values of a parameter.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.pairs.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.clone()).collect()
    }

    /// The members of a hash: `name[key]=value`.
    pub fn hash(&self, name: &str) -> Vec<(String, String)> {
        let member = |pair: &(String, String)| {
            let key = pair.0.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((key.to_owned(), pair.1.clone()))
        };
        self.pairs.iter().filter_map(member).collect()
    }

    /// Refuses what is not in `known`: names, of which those with `[range]` take bounds.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        for (name, _) in &self.pairs {
            let base = name.split('[').next().unwrap_or(name);
            if !known.iter().any(|k| k.trim_end_matches("[range]") == base) {
                return Err(ApiError::unknown_param(base));
            }
        }
        Ok(())
    }

    /// A number.
    pub fn int(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .map(|value| value.parse::<i64>().map_err(|_| ApiError::bad_integer(name, value)))
            .transpose()
    }

    /// Page length: 1 to 100, 10 if not given.
    pub fn limit(&self) -> Result<usize, ApiError> {
        match self.int("limit")? {
            None => Ok(10),
            Some(limit) if (1..=100).contains(&limit) => Ok(limit as usize),
            Some(limit) => Err(ApiError::bad_limit(limit)),
        }
    }

    /// Bounds on a time: `name=T` or `name[gt|gte|lt|lte]=T`. `None` if nothing is said.
    pub fn span(&self, name: &str) -> Result<Option<Span>, ApiError> {
        let mut span = Span::default();
        let mut found = false;
        for (key, value) in self.pairs.iter().filter(|pair| pair.0.split('[').next() == Some(name)) {
            let at = value.parse::<i64>().map_err(|_| ApiError::bad_integer(key, value))?;
            found = true;
            match &key[name.len()..] {
                "" => span = Span { from: span.from.max(at), to: span.to.min(at) },
                "[gt]" => span.from = span.from.max(at.saturating_add(1)),
                "[gte]" => span.from = span.from.max(at),
                "[lt]" => span.to = span.to.min(at.saturating_sub(1)),
                "[lte]" => span.to = span.to.min(at),
                _ => return Err(ApiError::unknown_param(key)),
            }
        }
        Ok(found.then_some(span))
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::bad_choice(name, "true or false")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_bounds_and_limits() {
        let query = Query::parse("expand%5B%5D=data.a&expand[1]=data.b&created[gt]=5&created[lte]=9&limit=7");
        assert_eq!(query.all("expand"), ["data.a", "data.b"]);
        assert_eq!(query.span("created").unwrap(), Some(Span { from: 6, to: 9 }));
        assert_eq!(query.limit().unwrap(), 7);
        assert!(query.only(&["expand", "created", "limit"]).is_ok());
        assert_eq!(query.only(&["expand", "limit"]).unwrap_err().param.as_deref(), Some("created"));
        assert!(Query::parse("limit=0").limit().is_err());
        assert!(Query::parse("limit=ten").limit().is_err());
        assert_eq!(Query::parse("created=4").span("created").unwrap(), Some(Span { from: 4, to: 4 }));
        assert!(Query::parse("created[foo]=4").span("created").is_err());
    }
}
