//! The shared cache: what all of its tests stand on.

mod conditional;
mod freshness;
mod sharing;
mod size;

use http::{HeaderMap, Method};
use image_service_tests::{Harbor, Node, Program, Version, eventually, numbered_images};
use serde_json::{Value, json};
use std::io::Read;

/// A program whose cache is looked at. Its crictl notes each time that it runs.
struct Cached {
    program: Program,
    harbor: Harbor,
}

impl Cached {
    /// A node with so many images and a Harbor with three, with this `cache_config`.
    async fn start(images: usize, cache: Value) -> Self {
        let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
        Self::with_harbor(images, cache, harbor)
    }

    fn with_harbor(images: usize, cache: Value, harbor: Harbor) -> Self {
        let program = Node::builder()
            .file("images.json", numbered_images(images))
            .crictl_script("echo asked >> asked; cat images.json")
            .harbor(&harbor)
            // Without rows that are kept, no listing begins with the program.
            .config(json!({"cache_config": cache, "harbor_config": {"full_listing_interval": 0}}))
            .start()
            .unwrap();
        Self { program, harbor }
    }

    /// How often crictl ran.
    fn listings(&self) -> usize {
        self.program.node().read("asked").lines().count()
    }

    /// Gives the node so many images from now on.
    fn change(&self, images: usize) {
        self.program.node().write("images.json", numbered_images(images)).unwrap();
    }

    async fn get(&self, headers: &[(&str, &str)]) -> Answer {
        self.request(Method::GET, headers).await
    }

    async fn request(&self, method: Method, headers: &[(&str, &str)]) -> Answer {
        let response = self.program.request(method, "/images", headers).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    /// Asks until the answer is a kept one: the program keeps an answer a moment after it sent the last byte.
    async fn hit(&self) -> Answer {
        let hit = async || Some(self.get(&[]).await).filter(|answer| answer.cache_status().contains("hit"));
        eventually("a kept answer", hit).await.unwrap()
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn cache_status(&self) -> &str {
        self.header("cache-status").unwrap()
    }

    /// Whether it is a kept one whose lifetime has not ended.
    fn is_fresh(&self) -> bool {
        let status = self.cache_status();
        status.contains("; hit; ttl=") && !status.contains("ttl=-")
    }

    fn listing(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// How many rows of the node it has.
    fn rows(&self) -> usize {
        self.listing()["containerd_images"].as_array().unwrap().len()
    }

    /// The body without its coding.
    fn decoded(&self) -> Vec<u8> {
        let mut decoded = Vec::new();
        match self.header("content-encoding") {
            None => return self.body.clone(),
            Some("gzip") => flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut decoded).unwrap(),
            Some("zstd") => {
                zstd::stream::read::Decoder::new(&self.body[..]).unwrap().read_to_end(&mut decoded).unwrap()
            }
            Some(other) => panic!("an unknown coding: {other}"),
        };
        decoded
    }
}
