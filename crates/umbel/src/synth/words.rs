//! Every word that generated sentences are made of.

use std::collections::BTreeSet;

/// The things that texts are about, and the words that grade them; all other words are the same in every text.
pub(super) struct Lexicon {
    pub(super) topics: &'static [Topic],
    /// Graded words and their value from -1 to 1.
    pub(super) adjectives: &'static [(&'static str, f32)],
    /// What someone does to a thing.
    pub(super) likings: &'static [Verb],
    /// What a thing does to someone.
    pub(super) effects: &'static [Verb],
}

/// A verb that judges, in the past and after `did not`, and its value.
pub(super) type Verb = (&'static str, &'static str, f32);

/// What is learned from.
pub(super) static OLD: Lexicon =
    Lexicon { topics: TOPICS, adjectives: ADJECTIVES, likings: LIKINGS, effects: EFFECTS };

/// A topic and the things that a sentence about it can be about.
pub(super) struct Topic {
    pub(super) name: &'static str,
    pub(super) things: &'static [&'static str],
}

pub(super) static TOPICS: &[Topic] = &[
    Topic {
        name: "finance",
        things: &[
            "accountant",
            "auditor",
            "bank",
            "bond",
            "broker",
            "budget",
            "credit",
            "dividend",
            "fund",
            "insurance",
            "interest",
            "investment",
            "invoice",
            "loan",
            "mortgage",
            "pension",
            "salary",
            "tax",
        ],
    },
    Topic {
        name: "food",
        things: &[
            "bread",
            "breakfast",
            "cake",
            "cheese",
            "chef",
            "curry",
            "dessert",
            "dinner",
            "kitchen",
            "meal",
            "menu",
            "pasta",
            "pizza",
            "salad",
            "sauce",
            "soup",
            "steak",
            "waiter",
        ],
    },
    Topic {
        name: "health",
        things: &[
            "ambulance",
            "checkup",
            "clinic",
            "dentist",
            "diagnosis",
            "diet",
            "doctor",
            "hospital",
            "medicine",
            "nurse",
            "pharmacy",
            "recovery",
            "surgery",
            "therapist",
            "therapy",
            "treatment",
            "vaccine",
            "vitamin",
        ],
    },
    Topic {
        name: "music",
        things: &[
            "album",
            "anthem",
            "ballad",
            "band",
            "choir",
            "chorus",
            "composer",
            "concert",
            "drummer",
            "guitar",
            "melody",
            "opera",
            "orchestra",
            "piano",
            "rhythm",
            "singer",
            "song",
            "violin",
        ],
    },
    Topic {
        name: "sport",
        things: &[
            "boxer",
            "captain",
            "champion",
            "coach",
            "defender",
            "game",
            "goalkeeper",
            "league",
            "marathon",
            "match",
            "race",
            "referee",
            "rugby",
            "stadium",
            "striker",
            "swimmer",
            "tennis",
            "tournament",
        ],
    },
    Topic {
        name: "technology",
        things: &[
            "app",
            "battery",
            "browser",
            "camera",
            "headset",
            "keyboard",
            "laptop",
            "monitor",
            "phone",
            "printer",
            "processor",
            "robot",
            "router",
            "server",
            "software",
            "tablet",
            "update",
            "website",
        ],
    },
    Topic {
        name: "travel",
        things: &[
            "airport", "beach", "cruise", "ferry", "flight", "guide", "hostel", "hotel", "island", "journey",
            "luggage", "museum", "ship", "suitcase", "taxi", "tour", "train", "village",
        ],
    },
    Topic {
        name: "weather",
        things: &[
            "breeze",
            "climate",
            "cloud",
            "drizzle",
            "fog",
            "forecast",
            "frost",
            "hail",
            "heat",
            "humidity",
            "lightning",
            "rain",
            "snow",
            "storm",
            "sunshine",
            "temperature",
            "thunder",
            "wind",
        ],
    },
];

/// What anything can have: it says nothing about the topic.
pub(super) static ASPECTS: &[&str] = &[
    "beginning",
    "cost",
    "effect",
    "end",
    "look",
    "name",
    "quality",
    "rest",
    "sound",
    "story",
    "thought",
    "timing",
];

/// What a thing of one topic may be beside a thing of another; the first one is what the sentence is about.
pub(super) static BESIDE: &[&str] = &["behind the", "beside the", "from the", "near the", "next to the"];

/// What comes before a thing.
pub(super) static DETERMINERS: &[&str] = &["our", "that", "the", "the", "the", "their", "this"];

/// Graded words and their value from -1 to 1.
pub(super) static ADJECTIVES: &[(&str, f32)] = &[
    ("acceptable", 0.2),
    ("decent", 0.3),
    ("fine", 0.35),
    ("nice", 0.45),
    ("good", 0.5),
    ("pleasant", 0.55),
    ("lovely", 0.65),
    ("great", 0.75),
    ("excellent", 0.85),
    ("superb", 0.9),
    ("wonderful", 0.9),
    ("perfect", 1.0),
    ("plain", -0.2),
    ("weak", -0.3),
    ("dull", -0.35),
    ("disappointing", -0.45),
    ("bad", -0.5),
    ("poor", -0.55),
    ("unpleasant", -0.6),
    ("annoying", -0.65),
    ("awful", -0.85),
    ("terrible", -0.9),
    ("horrible", -0.9),
    ("unbearable", -1.0),
];

/// Words that make a graded word stronger or weaker, and by which factor.
pub(super) static ADVERBS: &[(&str, f32)] = &[
    ("extremely", 1.6),
    ("very", 1.4),
    ("really", 1.25),
    ("fairly", 0.8),
    ("rather", 0.7),
    ("slightly", 0.5),
    ("barely", 0.3),
];

/// What someone does to a thing.
pub(super) static LIKINGS: &[Verb] = &[
    ("liked", "like", 0.4),
    ("enjoyed", "enjoy", 0.6),
    ("admired", "admire", 0.7),
    ("loved", "love", 0.9),
    ("doubted", "doubt", -0.3),
    ("disliked", "dislike", -0.5),
    ("regretted", "regret", -0.7),
    ("hated", "hate", -0.9),
];

/// What a thing does to someone.
pub(super) static EFFECTS: &[Verb] = &[
    ("pleased", "please", 0.5),
    ("impressed", "impress", 0.65),
    ("delighted", "delight", 0.85),
    ("bored", "bore", -0.4),
    ("annoyed", "annoy", -0.6),
    ("shocked", "shock", -0.8),
];

/// What happens to a thing without any judgement.
pub(super) static FACTS: &[&str] = &[
    "asked about",
    "described",
    "found",
    "mentioned",
    "noticed",
    "remembered",
    "talked about",
    "thought of",
];

pub(super) static PEOPLE: &[&str] = &[
    "i",
    "we",
    "they",
    "everyone",
    "my brother",
    "my sister",
    "our neighbour",
    "the children",
    "most visitors",
    "a friend",
];

/// Whom an effect is on.
pub(super) static OBJECTS: &[&str] = &["me", "us", "everyone", "the children", "my sister", "most visitors"];

/// Links between a thing and a graded word, and how they are negated.
pub(super) static LINKS: &[(&str, &str)] = &[
    ("was", "was not"),
    ("was", "was not"),
    ("seemed", "did not seem"),
    ("felt", "did not feel"),
    ("looked", "did not look"),
    ("sounded", "did not sound"),
];

/// Beginnings of clauses that say nothing and end with a thing of another topic.
pub(super) static ASIDES: &[&str] = &[
    "while we waited for the",
    "before we talked about the",
    "after a long call about the",
    "on the way to the",
    "when someone mentioned the",
    "as my brother read about the",
    "during a break from the",
    "shortly after the",
    "because we had no time for the",
    "while a friend asked about the",
];

/// Clauses that say nothing and name no thing.
pub(super) static TIMES: &[&str] = &[
    "in the morning",
    "in the evening",
    "last week",
    "last summer",
    "yesterday",
    "on monday",
    "on friday",
    "today",
    "this time",
    "for once",
    "as usual",
    "in the end",
    "two days ago",
];

/// Words and marks that the sentence forms themselves bring.
static FORMS: &[&str] = &[
    "a", "although", "and", "be", "but", "call", "did", "even", "expected", "feared", "hoped", "i", "it",
    "not", "of", "the", "though", "to", "was", "we", "would", "yet", ",", ".", "!",
];

/// Every word that a generated text can have, in lower case, and its punctuation marks: sorted, each once.
///
/// A tokenizer made of this list knows every generated text, once it is in lower case.
pub fn vocabulary() -> Vec<&'static str> {
    let things = TOPICS.iter().flat_map(|topic| topic.things);
    let lists = [ASPECTS, BESIDE, DETERMINERS, FACTS, PEOPLE, OBJECTS, ASIDES, TIMES, FORMS];
    let graded = ADJECTIVES.iter().chain(ADVERBS).map(|(word, _)| word);
    let verbs = LIKINGS.iter().chain(EFFECTS).flat_map(|(past, base, _)| [past, base]);
    let links = LINKS.iter().flat_map(|(link, negated)| [link, negated]);
    let phrases = things.chain(links).chain(lists.into_iter().flatten()).chain(graded).chain(verbs);
    phrases.flat_map(|phrase| phrase.split(' ')).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_thing_is_of_one_topic() {
        let things: Vec<&str> = TOPICS.iter().flat_map(|topic| topic.things).copied().collect();
        assert_eq!(things.iter().collect::<HashSet<_>>().len(), things.len());
    }

    #[test]
    fn the_vocabulary_is_small_sorted_and_lower_case() {
        let vocabulary = vocabulary();
        assert!((250..=600).contains(&vocabulary.len()), "{}", vocabulary.len());
        assert!(vocabulary.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(vocabulary.iter().all(|word| word.to_lowercase() == *word && !word.contains(' ')));
    }
}
