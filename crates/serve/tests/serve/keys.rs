//! Keys: without one nothing is answered but probes.

use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;
use umbel_serve::hash_key;
use umbel_serve::http::auth::OPEN;

use super::world::{World, get, read};

fn locked() -> World {
    World::new(&[&format!("auth.keys=[\"{}\"]", hash_key("open sesame"))])
}

/// Every route that the router has, by the document that is made with it.
async fn routes(world: &World) -> Vec<(String, String)> {
    let document = serde_json::to_value(umbel_serve::routes::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let routes = paths.iter().flat_map(|(path, methods)| {
        let path = path.replace("{model}", "tiny");
        methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() >= 20 && world.app.models.all().count() == 1);
    routes
}

async fn ask(world: &World, method: &str, path: &str, authorization: Option<&str>) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    read(world.router().oneshot(request.body(axum::body::Body::from("{}")).unwrap()).await.unwrap()).await
}

#[tokio::test]
async fn every_route_but_probes_wants_a_key() {
    let world = locked();
    for (method, path) in routes(&world).await {
        let is_open = OPEN.contains(&&path[..]);
        for wrong in
            [None, Some("Bearer open"), Some("Bearer "), Some("Basic b3BlbjpvcGVu"), Some("open sesame")]
        {
            let (status, _) = ask(&world, &method, &path, wrong).await;
            assert_eq!(status == 401, !is_open, "{method} {path} with {wrong:?}: {status}");
        }
        for right in ["Bearer open sesame", "bearer open sesame", "Basic dW1iZWw6b3BlbiBzZXNhbWU="] {
            let (status, answer) = ask(&world, &method, &path, Some(right)).await;
            assert!(status != 401 && status != 404 && status != 500, "{method} {path}: {status} {answer}");
        }
    }
    let (status, answer) = ask(&world, "GET", "/nowhere", None).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("no_key")));
}

#[tokio::test]
async fn probes_say_nothing_but_whether_the_server_lives() {
    let world = locked();
    for path in OPEN {
        let expected = match *path {
            "/v2/health/live" => json!({"live": true}),
            "/v2/health/ready" => json!({"ready": true}),
            _ => json!(""),
        };
        assert_eq!(get(&world.router(), path).await, (200, expected), "{path}");
    }
}

#[tokio::test]
async fn metrics_are_not_where_requests_are_answered() {
    let world = World::new(&[]);
    for path in ["/metrics", "/admin/models", "/admin/models/tiny/reload"] {
        assert_eq!(get(&world.router(), path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn administration_takes_nothing_that_a_page_in_a_browser_sends() {
    let world = World::new(&[]);
    let admin = umbel_serve::routes::admin(world.app.clone());
    let send = async |method: &str, path: &str, origin: Option<&str>| {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        read(admin.clone().oneshot(request).await.unwrap()).await
    };
    for path in ["/admin/models/tiny/reload", "/admin/models/tiny/heads/topic/reload"] {
        for origin in ["http://elsewhere", "null", "http://127.0.0.1:9090"] {
            let (status, answer) = send("POST", path, Some(origin)).await;
            assert_eq!((status, &answer["error"]["code"]), (403, &json!("forbidden")), "{path} {origin}");
        }
    }
    assert_eq!(world.app.model(None).unwrap().version, 1);
    assert_eq!(send("GET", "/admin/models", Some("http://elsewhere")).await.0, 200);
    assert_eq!(send("POST", "/admin/models/tiny/reload", None).await.0, 200);
}

#[tokio::test]
async fn the_page_is_told_that_there_are_keys_and_none_of_them() {
    let (_, open) = get(&World::new(&[]).router(), "/").await;
    let (_, page) = ask(&locked(), "GET", "/", Some("Bearer open sesame")).await;
    let (open, page) = (open.as_str().unwrap(), page.as_str().unwrap());
    assert!(open.contains("<body>") && !open.contains("data-keys"));
    assert!(page.contains("<body data-keys>") && !page.contains("sesame"));
}
