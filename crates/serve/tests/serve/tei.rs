//! What clients of text-embeddings-inference may say beside their texts: forms, prompts and the end that is cut off.

use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};
use umbel::Model;
use umbel_serve::engine::run_model;
use umbel_serve::{App, routes};

use super::world::{World, model_folder, post, settings};

/// Asks something that is refused, and gives the message.
async fn refused(router: &Router, path: &str, body: Value) -> String {
    let (status, answer) = post(router, path, &body).await;
    assert_eq!((status, &answer["error_type"]), (422, &json!("Validation")), "{path} {body}: {answer}");
    answer["error"].as_str().unwrap().to_string()
}

#[tokio::test]
async fn a_list_of_one_text_is_one_input_and_a_list_of_lists_is_a_batch() {
    let world = World::new(&[]);
    let router = world.router();
    let ask = async |inputs: Value| post(&router, "/predict", &json!({"inputs": inputs})).await;
    let (status, alone) = ask(json!("a fine film")).await;
    assert!(status == 200 && alone[0]["label"].is_string(), "{alone}");
    assert_eq!(ask(json!(["a fine film"])).await, (200, alone.clone()));
    assert_eq!(ask(json!([["a fine film"]])).await, (200, json!([alone.clone()])));
    let (_, other) = ask(json!("b")).await;
    assert_eq!(ask(json!([["a fine film"], ["b"]])).await, (200, json!([alone, other])));
}

#[tokio::test]
async fn pairs_of_texts_and_mixed_lists_are_refused() {
    let world = World::new(&[]);
    let router = world.router();
    for inputs in [
        json!(["a", "b"]),
        json!(["a", "b", "c"]),
        json!([["a", "b"]]),
        json!([["a"], ["b", "c"]]),
        json!([["a"], "b"]),
        json!(["a", ["b"]]),
        json!([[]]),
    ] {
        let message = refused(&router, "/predict", json!({"inputs": inputs})).await;
        assert!(message.contains("pairs of texts are not answered"), "{inputs}: {message}");
        assert!(message.contains(r#"`[["a"], ["b"]]`"#), "{inputs}: {message}");
    }
}

#[tokio::test]
async fn a_prompt_is_put_before_each_text() {
    let world = World::new(&[]);
    let router = world.router();
    let prompted = json!({"inputs": ["a fine film", "b"], "prompt_name": "query"});
    let written = json!({"inputs": ["find: a fine film", "find: b"]});
    let plain = json!({"inputs": ["a fine film", "b"]});
    let found = post(&router, "/embed", &prompted).await;
    assert_eq!(found, post(&router, "/embed", &written).await);
    assert!(found.0 == 200 && found != post(&router, "/embed", &plain).await);
    let empty = json!({"inputs": ["a fine film", "b"], "prompt_name": "document"});
    assert_eq!(post(&router, "/embed", &empty).await, post(&router, "/embed", &plain).await);

    let (_, tokens) = post(&router, "/tokenize", &prompted).await;
    let ids: Vec<u32> =
        tokens[0].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap() as u32).collect();
    let expected = world.model.tokenize_with_prompt(&["a fine film"], "query").unwrap();
    assert_eq!(ids, expected.texts[0].input_ids);

    let sentences = |source: &str, other: &str| json!({"source_sentence": source, "sentences": [other]});
    let prompted = json!({"inputs": sentences("a film", "b"), "parameters": {"prompt_name": "query"}});
    let written = json!({"inputs": sentences("find: a film", "find: b")});
    assert_eq!(post(&router, "/similarity", &prompted).await, post(&router, "/similarity", &written).await);

    for path in ["/embed", "/", "/tokenize"] {
        let message = refused(&router, path, json!({"inputs": "a", "prompt_name": "quary"})).await;
        assert!(message.contains("quary") && message.contains("query"), "{path}: {message}");
    }
    let unknown = json!({"inputs": sentences("a", "b"), "parameters": {"prompt_name": "none"}});
    assert!(refused(&router, "/similarity", unknown).await.contains("`none`"));
}

#[tokio::test]
async fn a_default_prompt_is_not_exchanged_for_another() {
    let folder = model_folder(1);
    let mut model = Model::open(folder.path()).unwrap();
    model.set_prompt(Some("query")).unwrap();
    model.save(folder.path()).unwrap();
    let settings = settings(&[("tiny", folder.path().to_path_buf())], &[]);
    let router = routes::public(App::start(settings, Arc::new(run_model)).unwrap());
    let default = json!({"inputs": "a fine film", "normalize": false});
    let named = json!({"inputs": "a fine film", "normalize": false, "prompt_name": "query"});
    let found = post(&router, "/embed", &named).await;
    assert_eq!(found, post(&router, "/embed", &default).await);
    let embedded = model.embed(&["a fine film"]).unwrap();
    let embedded = serde_json::to_string(embedded.embeddings.row(0)).unwrap();
    assert_eq!(found.1[0], serde_json::from_str::<Value>(&embedded).unwrap());
    let message = refused(&router, "/embed", json!({"inputs": "a", "prompt_name": "document"})).await;
    assert!(message.contains("default prompt"), "{message}");

    let (_, default) = post(&router, "/tokenize", &json!({"inputs": "a"})).await;
    let expected = model.tokenize(&["a"]).unwrap();
    assert_eq!(default[0].as_array().unwrap().len(), expected.texts[0].len());
    let (_, other) = post(&router, "/tokenize", &json!({"inputs": "a", "prompt_name": "document"})).await;
    assert!(other[0].as_array().unwrap().len() < expected.texts[0].len());
}

#[tokio::test]
async fn texts_are_cut_where_the_model_cuts_them_or_the_request_is_refused() {
    let world = World::new(&[]);
    let router = world.router();
    let body = |path: &str, direction: &str| match path {
        "/similarity" => json!({"inputs": {"source_sentence": "a", "sentences": ["b"]},
            "parameters": {"truncation_direction": direction}}),
        _ => json!({"inputs": "a", "truncation_direction": direction}),
    };
    for path in ["/embed", "/", "/predict", "/similarity"] {
        for direction in ["Right", "right"] {
            assert_eq!(post(&router, path, &body(path, direction)).await.0, 200, "{path} {direction}");
        }
        for direction in ["Left", "left", "up"] {
            let message = refused(&router, path, body(path, direction)).await;
            assert!(message.contains("Right") || direction == "up", "{path} {direction}: {message}");
        }
    }
}
