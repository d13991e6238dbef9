//! Words that no generated training text has: what a model makes of them shows what it knew before.

use super::words::{Lexicon, Topic, Verb};

/// The same topics and scale in other words.
pub(super) static NEW: Lexicon =
    Lexicon { topics: TOPICS, adjectives: ADJECTIVES, likings: LIKINGS, effects: EFFECTS };

static TOPICS: &[Topic] = &[
    Topic {
        name: "finance",
        things: &[
            "account",
            "banker",
            "cash",
            "currency",
            "debt",
            "economist",
            "lender",
            "profit",
            "rent",
            "stock",
            "treasury",
            "wage",
        ],
    },
    Topic {
        name: "food",
        things: &[
            "bakery",
            "burger",
            "chocolate",
            "omelette",
            "pancake",
            "pudding",
            "restaurant",
            "roast",
            "sandwich",
            "sausage",
            "stew",
            "yoghurt",
        ],
    },
    Topic {
        name: "health",
        things: &[
            "antibiotic",
            "bandage",
            "injection",
            "painkiller",
            "physician",
            "physiotherapist",
            "pill",
            "prescription",
            "psychiatrist",
            "rehabilitation",
            "surgeon",
            "ward",
        ],
    },
    Topic {
        name: "music",
        things: &[
            "cello",
            "duet",
            "flute",
            "guitarist",
            "harp",
            "pianist",
            "quartet",
            "saxophone",
            "soprano",
            "symphony",
            "trumpet",
            "tune",
        ],
    },
    Topic {
        name: "sport",
        things: &[
            "athlete",
            "basketball",
            "cricket",
            "cyclist",
            "football",
            "golf",
            "gymnast",
            "hockey",
            "quarterback",
            "skier",
            "sprinter",
            "wrestler",
        ],
    },
    Topic {
        name: "technology",
        things: &[
            "chip",
            "computer",
            "database",
            "drone",
            "firmware",
            "gadget",
            "internet",
            "modem",
            "scanner",
            "smartphone",
            "spreadsheet",
            "webcam",
        ],
    },
    Topic {
        name: "travel",
        things: &[
            "airline",
            "backpack",
            "excursion",
            "harbour",
            "itinerary",
            "motel",
            "passport",
            "resort",
            "safari",
            "tourist",
            "vacation",
            "voyage",
        ],
    },
    Topic {
        name: "weather",
        things: &[
            "blizzard",
            "downpour",
            "drought",
            "gale",
            "heatwave",
            "hurricane",
            "mist",
            "monsoon",
            "rainfall",
            "sleet",
            "sunlight",
            "tornado",
        ],
    },
];

static ADJECTIVES: &[(&str, f32)] = &[
    ("okay", 0.2),
    ("adequate", 0.25),
    ("agreeable", 0.45),
    ("enjoyable", 0.6),
    ("charming", 0.65),
    ("delightful", 0.75),
    ("fantastic", 0.85),
    ("brilliant", 0.9),
    ("magnificent", 0.95),
    ("flawless", 1.0),
    ("mediocre", -0.3),
    ("boring", -0.4),
    ("unsatisfying", -0.45),
    ("lousy", -0.6),
    ("irritating", -0.65),
    ("nasty", -0.65),
    ("dreadful", -0.85),
    ("disgusting", -0.9),
    ("appalling", -0.95),
    ("atrocious", -1.0),
];

static LIKINGS: &[Verb] = &[
    ("appreciated", "appreciate", 0.5),
    ("praised", "praise", 0.6),
    ("cherished", "cherish", 0.75),
    ("adored", "adore", 0.9),
    ("mistrusted", "mistrust", -0.4),
    ("resented", "resent", -0.6),
    ("despised", "despise", -0.9),
    ("detested", "detest", -0.9),
];

static EFFECTS: &[Verb] = &[
    ("satisfied", "satisfy", 0.45),
    ("amazed", "amaze", 0.75),
    ("thrilled", "thrill", 0.85),
    ("frustrated", "frustrate", -0.5),
    ("upset", "upset", -0.6),
    ("horrified", "horrify", -0.85),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::words::{OLD, vocabulary};
    use super::*;

    #[test]
    fn they_are_new_and_of_the_same_topics() {
        let known: HashSet<&str> = vocabulary().into_iter().collect();
        let things = TOPICS.iter().flat_map(|topic| topic.things).copied();
        let graded = ADJECTIVES.iter().map(|(word, _)| *word);
        let verbs = LIKINGS.iter().chain(EFFECTS).map(|(past, ..)| *past);
        let words: Vec<&str> = things.chain(graded).chain(verbs).collect();
        let old: Vec<&&str> = words.iter().filter(|word| known.contains(**word)).collect();
        assert!(old.is_empty(), "{old:?}");
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());
        let names = |lexicon: &Lexicon| lexicon.topics.iter().map(|topic| topic.name).collect::<Vec<_>>();
        assert_eq!(names(&NEW), names(&OLD));
    }
}
