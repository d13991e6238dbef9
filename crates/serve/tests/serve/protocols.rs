//! Each protocol's shapes, statuses and errors.

use base64::Engine;
use serde_json::{Value, json};

use super::world::{TASKS, World, get, post};

#[tokio::test]
async fn openai_embeddings_as_numbers_in_base64_and_shortened() {
    let world = World::new(&[]);
    let router = world.router();
    let body = json!({"model": "tiny", "input": ["a fine film", "b"], "user": "someone"});
    let (status, answer) = post(&router, "/v1/embeddings", &body).await;
    assert_eq!((status, &answer["object"], &answer["model"]), (200, &json!("list"), &json!("tiny")));
    assert_eq!(answer["data"][0]["embedding"], world.embedded("a fine film"));
    let tokens = world.model.tokenize(&["a fine film", "b"]).unwrap().texts;
    let n_tokens: usize = tokens.iter().map(umbel::text::Tokens::len).sum();
    assert_eq!(
        (&answer["data"][1]["index"], &answer["usage"]["prompt_tokens"]),
        (&json!(1), &json!(n_tokens))
    );

    let body = json!({"input": "a fine film", "encoding_format": "base64"});
    let (_, answer) = post(&router, "/v1/embeddings", &body).await;
    let bytes =
        base64::prelude::BASE64_STANDARD.decode(answer["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let numbers: Vec<f32> =
        bytes.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(numbers, world.model.embed(&["a fine film"]).unwrap().embeddings.row(0));

    let (_, answer) =
        post(&router, "/v1/embeddings", &json!({"input": "a fine film", "dimensions": 3})).await;
    let shortened: Vec<f32> = serde_json::from_value(answer["data"][0]["embedding"].clone()).unwrap();
    assert_eq!(shortened, numbers[..3]);
    let (status, answer) = post(&router, "/v1/embeddings", &json!({"input": "a", "dimensions": 33})).await;
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("invalid_request_error")));
    let (status, answer) = post(&router, "/v1/embeddings", &json!({"input": "a", "model": "gpt"})).await;
    assert_eq!(status, 404);
    assert_eq!(answer["error"]["message"], "there is no model `gpt`; there is: tiny");
}

#[tokio::test]
async fn text_embeddings_inference_gives_unit_embeddings_labels_and_tokens() {
    let world = World::new(&[]);
    let router = world.router();
    let (status, answer) = post(&router, "/embed", &json!({"inputs": ["a fine film", "b"]})).await;
    let embeddings: Vec<Vec<f32>> = serde_json::from_value(answer).unwrap();
    let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
    assert_eq!((status, embeddings.len()), (200, 2));
    assert!((length(&embeddings[0]) - 1.0).abs() < 1e-5); // 32 numbers, each rounded once
    for path in ["/embed", "/"] {
        let (_, answer) = post(&router, path, &json!({"inputs": "a fine film", "normalize": false})).await;
        assert_eq!(answer[0], world.embedded("a fine film"), "{path}");
    }

    let (_, answer) = post(&router, "/predict", &json!({"inputs": "a fine film"})).await;
    let scores: Vec<f64> =
        answer.as_array().unwrap().iter().map(|one| one["score"].as_f64().unwrap()).collect();
    assert!(scores.len() == 3 && scores.is_sorted_by(|a, b| a >= b), "{answer}");
    let probabilities = &world.predicted("a fine film", &["topic"])["topic"]["probabilities"];
    for one in answer.as_array().unwrap() {
        assert_eq!(one["score"], probabilities[one["label"].as_str().unwrap()]);
    }
    let body = json!({"inputs": [["a"], ["b"]], "task": "tags", "raw_scores": true});
    let (_, answer) = post(&router, "/predict", &body).await;
    assert_eq!((answer.as_array().unwrap().len(), answer[0].as_array().unwrap().len()), (2, 2));
    let (_, answer) = post(&router, "/predict", &json!({"inputs": "a", "task": "mood"})).await;
    assert_eq!(answer[0]["label"], "mood");
    assert_eq!(answer[0]["score"], world.predicted("a", &["mood"])["mood"]["score"]);

    let (_, answer) = post(&router, "/tokenize", &json!({"inputs": "é film"})).await;
    let tokens = answer[0].as_array().unwrap();
    assert_eq!((&tokens[0]["special"], &tokens[0]["start"]), (&json!(true), &Value::Null));
    let last = &tokens[tokens.len() - 2];
    assert_eq!(last["stop"], 6, "offsets count characters: {answer}");
    let (_, answer) = post(&router, "/tokenize", &json!({"inputs": "a", "add_special_tokens": false})).await;
    assert_eq!(answer[0].as_array().unwrap().len(), 1);

    let sentences = json!({"inputs": {"source_sentence": "a film", "sentences": ["a film", "b"]}});
    let (_, answer) = post(&router, "/similarity", &sentences).await;
    assert!((answer[0].as_f64().unwrap() - 1.0).abs() < 1e-5, "{answer}"); // 32 numbers, each rounded once
    let (_, answer) = get(&router, "/info").await;
    assert_eq!((&answer["model_id"], &answer["model_dtype"]), (&json!("tiny"), &json!("f32")));
    assert_eq!(get(&router, "/health").await.0, 200);
}

#[tokio::test]
async fn text_embeddings_inference_says_errors_in_its_shape() {
    let world = World::new(&[]);
    let router = world.router();
    let check = async |path: &str, body: Value, status: u16, kind: &str| {
        let (found, answer) = post(&router, path, &body).await;
        assert_eq!((found, &answer["error_type"]), (status, &json!(kind)), "{answer}");
        assert!(answer["error"].is_string());
    };
    check("/embed", json!({"inputs": []}), 400, "Empty").await;
    check("/embed", json!({"inputs": 7}), 422, "Validation").await;
    check("/embed", json!({"inputs": "film ".repeat(1000), "truncate": false}), 413, "Validation").await;
    check("/predict", json!({"inputs": "a", "task": "none"}), 422, "Validation").await;
    check("/similarity", json!({"inputs": {"source_sentence": "a", "sentences": []}}), 400, "Empty").await;
}

#[tokio::test]
async fn kserve_takes_bytes_and_gives_an_output_a_head() {
    let world = World::new(&[]);
    let router = world.router();
    assert_eq!(get(&router, "/v2").await.1["name"], "umbel");
    let (_, model) = get(&router, "/v2/models/tiny").await;
    let named = |outputs: &Value| -> Vec<String> {
        outputs.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_string()).collect()
    };
    let mut all: Vec<&str> = TASKS.to_vec();
    all.push("embedding");
    assert_eq!(named(&model["outputs"]), all);

    let input =
        json!({"name": "text", "shape": [2, 1], "datatype": "BYTES", "data": [["a fine film"], ["b"]]});
    let (status, answer) =
        post(&router, "/v2/models/tiny/infer", &json!({"id": "7", "inputs": [input]})).await;
    assert_eq!(
        (status, &answer["id"], named(&answer["outputs"])),
        (200, &json!("7"), TASKS.map(String::from).to_vec())
    );
    let topic = &answer["outputs"][0];
    assert_eq!((&topic["datatype"], &topic["shape"]), (&json!("FP32"), &json!([2, 3])));
    let expected = &world.predicted("a fine film", &["topic"])["topic"]["probabilities"];
    for (label, found) in
        topic["parameters"]["labels"].as_array().unwrap().iter().zip(topic["data"].as_array().unwrap())
    {
        assert_eq!(found, &expected[label.as_str().unwrap()]);
    }
    assert_eq!(
        (&answer["outputs"][4]["datatype"], &answer["outputs"][4]["shape"]),
        (&json!("BYTES"), &json!([2]))
    );

    let input = json!({"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a fine film"]});
    let body = json!({"inputs": [input], "outputs": [{"name": "embedding"}, {"name": "mood"}]});
    let (_, answer) = post(&router, "/v2/models/tiny/infer", &body).await;
    assert_eq!(answer["outputs"][0]["data"], world.embedded("a fine film"));
    let wrong = json!({"name": "text", "shape": [3], "datatype": "BYTES", "data": ["a"]});
    let (status, answer) = post(&router, "/v2/models/tiny/infer", &json!({"inputs": [wrong]})).await;
    assert_eq!((status, &answer["error"]), (400, &json!("shape [3] of 1 texts; expected [1] or [1, 1]")));
    let (status, answer) = get(&router, "/v2/models/none").await;
    assert!(status == 404 && answer["error"].is_string());
}

#[tokio::test]
async fn kserve_is_told_in_json_that_the_server_and_a_model_are_ready() {
    let world = World::new(&[]);
    let router = world.router();
    for (path, expected) in [
        ("/v2/health/live", json!({"live": true})),
        ("/v2/health/ready", json!({"ready": true})),
        ("/v2/models/tiny/ready", json!({"name": "tiny", "ready": true})),
    ] {
        assert_eq!(get(&router, path).await, (200, expected), "{path}");
    }
    assert_eq!(get(&router, "/v2/models/none/ready").await.0, 404);
    world.app.begin_to_end();
    assert_eq!(get(&router, "/v2/health/live").await.0, 200);
    for path in ["/v2/health/ready", "/v2/models/tiny/ready"] {
        let (status, answer) = get(&router, path).await;
        assert!(status == 503 && answer["error"].is_string(), "{path}: {status} {answer}");
    }
}

#[tokio::test]
async fn names_that_come_twice_are_refused() {
    let world = World::new(&[]);
    let router = world.router();
    let body = json!({"texts": "a", "tasks": ["topic", "mood", "topic"]});
    let (status, answer) = post(&router, "/v1/predict", &body).await;
    let expected = "`tasks` has `topic` twice; expected each task once";
    assert_eq!((status, &answer["error"]["message"]), (400, &json!(expected)));
    for name in ["embedding", "topic"] {
        let input = json!({"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]});
        let body = json!({"inputs": [input], "outputs": [{"name": name}, {"name": "mood"}, {"name": name}]});
        let (status, answer) = post(&router, "/v2/models/tiny/infer", &body).await;
        let expected = format!("`outputs` has `{name}` twice; expected each output once");
        assert_eq!((status, &answer["error"]), (400, &json!(expected)));
    }
}

#[tokio::test]
async fn wrong_requests_are_told_what_was_expected() {
    let world = World::new(&[]);
    let router = world.router();
    let check = async |body: Value, expected: &str| {
        let (status, answer) = post(&router, "/v1/predict", &body).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && message.contains(expected), "{status} {answer}");
    };
    check(json!({"texts": "a", "tasks": ["topik"]}), "did you mean `topic`?").await;
    check(json!({"texts": 1}), "expected a text or a list of texts").await;
    check(json!({"text": "a"}), "unknown field `text`").await;
    check(json!({"texts": "a", "compare": {"like": []}}), "expected one for each of 1 texts").await;
    check(json!({"texts": "a", "compare": {"mood": [["b"]]}}), "compares no texts").await;
    assert_eq!(get(&router, "/nowhere").await.1["error"]["code"], "not_found");
    assert_eq!(get(&router, "/v1/predict").await.0, 405);
}

#[tokio::test]
async fn the_document_has_every_route_and_every_schema_it_names() {
    let world = World::new(&[]);
    let (_, document) = get(&world.router(), "/openapi.json").await;
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in
        ["/v1/predict", "/v1/embeddings", "/embed", "/predict", "/v2/models/{model}/infer", "/health", "/"]
    {
        assert!(paths.iter().any(|known| *known == path), "{path}");
    }
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
    for page in ["/", "/docs"] {
        let (status, page) = get(&world.router(), page).await;
        let page = page.as_str().unwrap();
        assert!(status == 200 && !page.contains("http://") && !page.contains("https://"), "{page}");
    }
}
