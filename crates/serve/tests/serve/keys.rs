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
        assert_eq!(get(&world.router(), path).await, (200, json!("")), "{path}");
    }
}

#[tokio::test]
async fn metrics_are_not_where_requests_are_answered() {
    let world = World::new(&[]);
    for path in ["/metrics", "/admin/models", "/admin/models/tiny/reload"] {
        assert_eq!(get(&world.router(), path).await.0, 404, "{path}");
    }
}
