//! The Harbor double, compared with what real Harbors answered, and held to what is known of them beyond the recordings.

mod changes;
mod costs;
mod lists;
mod outages;
mod recordings;
mod rights;

use base64::Engine;
use http::Method;
use image_service_tests::harbor::{PASSWORD, USER};
use image_service_tests::{Client, Harbor, HarborBuilder, Response};
use serde_json::Value;

/// A double, asked as its users ask it.
struct Double(Harbor);

impl Double {
    async fn start(builder: HarborBuilder) -> Self {
        Self(builder.start().await.unwrap())
    }

    /// The answer to a GET with this login and these headers.
    async fn get_as(&self, path: &str, login: Option<(&str, &str)>, headers: &[(&str, &str)]) -> Response {
        let basic = |(name, secret)| base64::engine::general_purpose::STANDARD.encode(format!("{name}:{secret}"));
        let login = login.map(|login| format!("Basic {}", basic(login)));
        let mut headers = headers.to_vec();
        headers.extend(login.iter().map(|login| ("authorization", login.as_str())));
        let url = format!("{}/api/v2.0{path}", self.0.url);
        Client::default().request(Method::GET, &url, &headers).await.unwrap()
    }

    /// The answer to the robot that each double knows.
    async fn get(&self, path: &str) -> Response {
        self.get_as(path, Some((USER, PASSWORD)), &[]).await
    }

    /// The body of that answer.
    async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// Status and Harbor's code of a refusal.
    async fn refusal(&self, path: &str, login: Option<(&str, &str)>) -> (u16, String) {
        let response = self.get_as(path, login, &[]).await;
        let status = response.status().as_u16();
        let error: Value = response.json().await.unwrap();
        (status, error["errors"][0]["code"].as_str().unwrap().to_owned())
    }
}

/// The values under a key, in order.
fn column(rows: &Value, key: &str) -> Vec<Value> {
    rows.as_array().unwrap().iter().map(|row| row[key].clone()).collect()
}

/// The names of rows, in order.
fn names(rows: &Value) -> Vec<String> {
    column(rows, "name").iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}
