//! `get_url_details`: what a web page says of itself, over both transports; pages that cannot be had.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::Caller;
use crate::support::server::Server;

#[tokio::test]
async fn a_customer_sees_what_a_page_says_of_itself() {
    let server = Server::start().await;
    let page = r#"<title>Shop</title><meta name="description" content="All goods">
        <meta property="og:image" content="https://cdn.example.org/t/1.png">
        <meta property="og:image:width" content="200"><meta property="og:image:height" content="100">"#;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shop = format!("http://{}", listener.local_addr().unwrap());
    let pages = Router::new().route("/", get(move || async move { Html(page) }));
    let serving = tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
    let person = server.person().await;
    let callers =
        [Caller::Rtm(server.customer_rtm(&person).await), Caller::Web(server.customer_web(&person))];
    for caller in &callers {
        let url = format!("{shop}/");
        let seen = caller.ok("get_url_details", json!({ "url": url })).await;
        let expected = json!({ "title": "Shop", "description": "All goods", "image_url": "cdn.example.org/t/1.png",
            "image_width": 200, "image_height": 100, "url": url });
        assert_eq!(seen, expected);
        for none in [format!("{shop}/none"), "http://169.254.169.254/".into(), "http://0xa000001/".into()] {
            assert_eq!(caller.ok("get_url_details", json!({ "url": none })).await, json!({}), "{none}");
        }
        let error = caller.err("get_url_details", json!({ "url": "shop.example" })).await;
        assert_eq!(
            (error.kind.as_str(), error.message.starts_with("url: ")),
            ("validation", true),
            "{error:?}"
        );
    }
    serving.abort();
}
