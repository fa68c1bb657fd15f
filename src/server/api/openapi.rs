//! The OpenAPI document: `assets/openapi.json` with this version's number.

use super::fault::{Fault, answer};
use super::routes::Reply;

/// As it is kept.
pub const DOCUMENT: &str = include_str!("../../../assets/openapi.json");

/// `GET /openapi.json`
pub async fn document() -> Reply {
    let mut document: serde_json::Value = serde_json::from_str(DOCUMENT).map_err(|_| Fault::ours())?;
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    Ok(answer(200, "application/json", document.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::api::ROUTES;

    #[test]
    fn the_document_names_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        let mut named = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
                named.push((method.to_uppercase(), path.clone()));
            }
        }
        let mut routes: Vec<(String, String)> =
            ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
        named.sort();
        routes.sort();
        assert_eq!(named, routes);
        assert_eq!(document["info"]["version"], "0.0.0", "filled in when it is served");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &serde_json::Value, document: &serde_json::Value) {
            match value {
                serde_json::Value::Object(map) => {
                    if let Some(target) = map.get("$ref").and_then(|target| target.as_str()) {
                        assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                    }
                    map.values().for_each(|value| walk(value, document));
                }
                serde_json::Value::Array(list) => list.iter().for_each(|value| walk(value, document)),
                _ => {}
            }
        }
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        walk(&document, &document);
    }
}
