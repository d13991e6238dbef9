//! What a student starts with: the teacher's layers where they fit, in any family.

use super::*;

/// Takes note of whether students start with layers of the teacher.
struct Starts(Vec<bool>);

impl Watcher for Starts {
    fn progress(&mut self, progress: Progress) {
        if let Progress::Start { from_layers, .. } = progress {
            self.0.push(from_layers);
        }
    }
}

#[test]
fn a_student_of_the_teachers_width_starts_with_its_layers() {
    let place = Place::new();
    let same = "[student]\nhidden_size = 16\nlayers = 4\nheads = 2\nintermediate_size = 32\nmax_length = 32\n\
                [corpus]\nvalidation = 20\nmax_length = 32\n[train]\nepochs = 1\nlearning_rate = 1e-12\n";
    let whole = validation_cosines(&place.distill(same, "whole", false, &mut Silent));
    assert!(whole[0] > 0.9999, "{whole:?}: all layers and all tokens give the teacher's embedding");
    let half = validation_cosines(&place.distill(
        &same.replace("layers = 4", "layers = 2"),
        "half",
        false,
        &mut Silent,
    ));
    assert!(half[0] > 0.8 && half[0] < whole[0], "{half:?}");

    let teacher = place.dir.path().join("teacher");
    let module = |idx: usize, path: &str, kind: &str| serde_json::json!({"idx": idx, "name": idx.to_string(), "path": path, "type": format!("sentence_transformers.models.{kind}")});
    let modules = serde_json::json!([module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling")]);
    std::fs::write(teacher.join("modules.json"), modules.to_string()).unwrap();
    std::fs::create_dir(teacher.join("1_Pooling")).unwrap();
    let cls = r#"{"word_embedding_dimension": 16, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#;
    std::fs::write(teacher.join("1_Pooling/config.json"), cls).unwrap();
    let cls = validation_cosines(&place.distill(same, "cls", false, &mut Silent));
    assert!(cls[0] > 0.9999, "{cls:?}: pooled as the teacher does");
}

#[test]
fn layers_of_the_teacher_compute_as_its_configuration_says() {
    let place = Place::new();
    place.change_teacher("layer_norm_eps", 1e-3);
    let same = STUDENT.replace("hidden_size = 8", "hidden_size = 16\nintermediate_size = 32");
    let mut starts = Starts(Vec::new());
    for (settings, target) in [(&same[..], "same"), (STUDENT, "other")] {
        let settings = DistillSettings::parse(settings, &[]).unwrap();
        prepare(&settings, &place.paths(target), false, &mut starts).unwrap();
    }
    assert_eq!(starts.0, [true, false]);
    let eps = |target: &str| -> serde_json::Value {
        let path = place.dir.path().join(target).join("training/student/config.json");
        let config: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        config["layer_norm_eps"].clone()
    };
    assert_eq!((eps("same"), eps("other")), (serde_json::json!(1e-3), serde_json::json!(1e-12)));
}

#[test]
fn every_family_can_be_a_student() {
    let place = Place::new();
    for (family, _) in distill::FAMILIES.entries {
        let settings = STUDENT.replace("[student]", &format!("[student]\nmodel_type = \"{family}\""));
        let settings = settings.replace("epochs = 3", "epochs = 1");
        if *family == "mpnet" {
            let error = place.prepare(&settings, family, false).unwrap_err();
            assert!(error.contains("has the number 0; expected 1, from which"), "{error}");
            continue;
        }
        let trained = place.distill(&settings, family, false, &mut Silent);
        assert!(validation_cosines(&trained)[0] > 0.2, "{family}: {:?}", validation_cosines(&trained));
        let student = place.dir.path().join(family);
        assert_eq!(Model::open(&student).unwrap().origin().model_type, *family);
        let config = std::fs::read_to_string(student.join("tokenizer_config.json")).unwrap();
        assert_eq!(config.contains("\"PreTrainedTokenizerFast\""), *family != "bert", "{family}: {config}");
    }
}

#[test]
fn a_table_of_tokens_can_be_a_teacher() {
    let place = Place::new();
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/static");
    for (i, table) in std::fs::read_dir(tables).unwrap().map(|entry| entry.unwrap().path()).enumerate() {
        if !table.is_dir() {
            continue;
        }
        let settings = DistillSettings::parse(&STUDENT.replace("vocab_size = 200\n", ""), &[]).unwrap();
        let paths = Paths { teacher: table.clone(), ..place.paths(&i.to_string()) };
        let mut starts = Starts(Vec::new());
        prepare(&settings, &paths, false, &mut starts).unwrap().unwrap();
        assert_eq!(starts.0, [false], "{}", table.display());
    }
}

/// Each architecture as teacher and as a student with all its layers, or one of them, and fewer tokens.
#[test]
fn students_of_every_architecture_start_with_the_layers_of_their_teacher() {
    let place = Place::new();
    for (i, teacher) in golden::families().into_iter().enumerate() {
        let config = std::fs::read(teacher.dir.join("config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let model = Model::open(&teacher.dir).unwrap();
        let number = |keys: [&str; 3]| keys.iter().find_map(|key| config[*key].as_u64()).unwrap();
        let settings = format!(
            "[student]\nmodel_type = \"{}\"\nhidden_size = {}\nlayers = {}\nheads = {}\nintermediate_size = {}\n\
             max_length = 24\n[teacher]\nprecision = \"f32\"\n[corpus]\nvalidation = 20\nmax_length = 24\n\
             [train]\nepochs = 1\nlearning_rate = 1e-12\n",
            model.origin().model_type,
            model.encoder_shape().hidden_size,
            model.encoder_shape().n_layers,
            model.origin().n_heads.unwrap(),
            number(["intermediate_size", "hidden_dim", "d_ff"].map(|key| match config["n_inner"].is_u64() {
                true => "n_inner",
                false => key,
            })),
        );
        let begin = |settings: &str, target: String| {
            let settings = DistillSettings::parse(settings, &[]).unwrap();
            let paths = Paths { teacher: teacher.dir.clone(), ..place.paths(&target) };
            let mut starts = Starts(Vec::new());
            prepare(&settings, &paths, false, &mut starts).unwrap().unwrap();
            assert_eq!(starts.0, [true], "{target}");
            let student = paths.target.join("training/student");
            std::fs::remove_file(student.join("modules.json")).unwrap(); // So that no projection follows.
            Model::open(&student).unwrap()
        };
        let texts = ["The film was not very good.", "a dog", "Two cats!"];
        let embedded = |model: &Model| model.embed(&texts).unwrap().embeddings.into_vec();
        let whole = embedded(&begin(&settings, format!("{i}")));
        let difference = embedded(&model).iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(difference <= 1e-6, "{}: {difference}", teacher.name);
        let layers = format!("layers = {}", model.encoder_shape().n_layers);
        let one = begin(&settings.replace(&layers, "layers = 1"), format!("{i}-1"));
        assert_eq!(one.encoder_shape().n_layers, 1);
        assert!(embedded(&one).iter().all(|x| x.is_finite()));
    }
}
