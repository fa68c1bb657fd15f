//! Whether the process answers, and whether it can do its work.

use std::sync::Arc;

use axum::extract::State;

use super::Shared;
use super::fault::answer;
use super::routes::Reply;

/// The process answers.
pub async fn healthz() -> Reply {
    Ok(answer(200, "application/json", r#"{"status":"ok"}"#))
}

/// The store is open and did not fail.
pub async fn readyz(State(shared): State<Arc<Shared>>) -> Reply {
    shared.snapshot()?;
    shared.store()?;
    Ok(answer(200, "application/json", r#"{"status":"ready"}"#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rig::Rig;
    use crate::server::api::Api;
    use crate::server::http::Limits;
    use crate::vault::secret::Secret;

    #[tokio::test]
    async fn a_store_that_fails_is_not_ready_any_more() {
        let rig = Rig::new(10, false).await;
        let token = Secret::from("a-token-of-some-length");
        let api = Api::new(rig.engine.clone(), &token, &[], Limits::default()).unwrap();
        let ready = || readyz(State(api.shared.clone()));
        assert!(ready().await.is_ok());
        rig.engine.store().unwrap().fail("the database engine failed");
        let error = rig.engine.failed().await;
        assert!(error.to_string().contains("the database engine failed"), "{error}");
        let fault = ready().await.unwrap_err();
        assert_eq!((fault.status, fault.retry_after), (503, None), "{fault:?}");
        assert!(fault.message.contains("the store stopped writing"), "{fault:?}");
        assert!(rig.now().messages.iter().any(|said| said.text.contains("the store stopped writing")));
        rig.engine.shutdown().await;
    }
}
