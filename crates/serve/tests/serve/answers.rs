//! Answers are those of `umbel predict`, whatever else is asked at the same time.

use serde_json::{Value, json};

use super::world::{Running, TASKS, World, post};

fn texts() -> Vec<String> {
    let words = ["film", "hotel", "the", "was", "bad", "fine", "in", "Paris", "on", "Monday", "very"];
    let text =
        |i: usize| (0..i % 40).map(|j| words[(i * 7 + j * j) % words.len()]).collect::<Vec<_>>().join(" ");
    (0..64).map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_have_the_bits_of_umbel_predict_under_concurrent_load() {
    // A budget of few tokens, so that requests are cut and mixed in every way.
    let world = World::new(&["batch.tokens=64"]);
    let router = world.router();
    let texts = texts();
    let mut asked = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let tasks: Vec<&str> =
            TASKS.iter().enumerate().filter(|(t, _)| i >> (t % 3) & 1 == 0).map(|(_, t)| *t).collect();
        let beside = &texts[(i * 5) % texts.len()];
        let body = json!({"texts": [text, beside], "tasks": tasks, "embedding": i % 2 == 0});
        let expected = [text, beside].map(|text| (world.predicted(text, &tasks), world.embedded(text)));
        let router = router.clone();
        asked.push((
            tokio::spawn(async move { post(&router, "/v1/predict", &body).await }),
            expected,
            i % 2 == 0,
        ));
    }
    for (answer, expected, embedding) in asked {
        let (status, answer) = answer.await.unwrap();
        assert_eq!(status, 200, "{answer}");
        for (found, (answers, numbers)) in answer["results"].as_array().unwrap().iter().zip(&expected) {
            assert_eq!(&found["answers"], answers);
            let expected = if embedding { numbers } else { &Value::Null };
            assert_eq!(found.get("embedding").unwrap_or(&Value::Null), expected);
        }
    }
}

#[test]
fn a_socket_gives_the_same_bits() {
    let running = Running::start(&[]);
    let text = "the hotel in Paris was bad on Monday";
    let answer = running.ask("POST /v1/predict HTTP/1.1", json!({"texts": text}).to_string().as_bytes());
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["results"][0]["answers"], running.world.predicted(text, &TASKS));
}

#[tokio::test]
async fn tasks_that_compare_texts_answer_where_there_are_others() {
    let world = World::new(&["batch.tokens=8"]);
    let body = json!({"texts": ["a fine film", "no"], "tasks": ["like", "mood"],
        "compare": {"like": [["a bad film"], []]}});
    let (status, answer) = post(&world.router(), "/v1/predict", &body).await;
    assert_eq!(status, 200, "{answer}");
    let others = [vec![vec!["a bad film".to_string()], vec![]], vec![]];
    let predicted = world.model.predict_with(&["a fine film", "no"], &["like", "mood"], &others).unwrap();
    for (found, expected) in answer["results"].as_array().unwrap().iter().zip(predicted.predictions) {
        let expected: Value = serde_json::from_str(&serde_json::to_string(&expected).unwrap()).unwrap();
        assert_eq!(found["answers"], expected);
    }
    assert!(answer["results"][0]["answers"]["like"]["cosine"].is_number());
    let (status, answer) =
        post(&world.router(), "/v1/predict", &json!({"texts": "a", "tasks": ["like"]})).await;
    assert_eq!(status, 400);
    assert!(answer["error"]["message"].as_str().unwrap().contains("compares texts"), "{answer}");
}

#[tokio::test]
async fn cut_texts_are_said_to_be_cut_and_may_be_refused() {
    let world = World::new(&[]);
    let long = "film ".repeat(1000);
    let (_, answer) = post(&world.router(), "/v1/predict", &json!({"texts": ["film", long]})).await;
    let truncated: Vec<&Value> =
        answer["results"].as_array().unwrap().iter().map(|one| &one["truncated"]).collect();
    assert_eq!(truncated, [&json!(false), &json!(true)]);
    assert_eq!(answer["usage"]["truncated"], 1);
    let (status, answer) =
        post(&world.router(), "/v1/predict", &json!({"texts": long, "truncate": false})).await;
    assert_eq!((status, &answer["error"]["code"]), (413, &json!("too_much")));
}

#[tokio::test]
async fn raw_outputs_are_those_of_the_heads() {
    let world = World::new(&[]);
    let (_, answer) =
        post(&world.router(), "/v1/predict", &json!({"texts": "a fine film", "raw": true})).await;
    let raw = &answer["results"][0]["raw"];
    let tokens = world.model.tokenize(&["a fine film"]).unwrap().texts;
    let outputs = world.model.head_outputs(&tokens);
    for (head, outputs) in world.model.heads().iter().zip(outputs).filter(|(head, _)| !head.compares()) {
        let found: Vec<f32> = serde_json::from_value(raw[head.name()].clone()).unwrap();
        assert_eq!(found, outputs.data(), "{}", head.name());
    }
}
