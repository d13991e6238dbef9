//! Drawing a sentence: what it is about, what it says, and the score that follows.

use super::words::{
    ADVERBS, ASIDES, ASPECTS, BESIDE, DETERMINERS, FACTS, LINKS, Lexicon, OBJECTS, PEOPLE, TIMES, Topic, Verb,
};
use crate::random::Random;

/// A sentence, the topic of the thing it is about, and the score of what it says of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) topic_idx: usize,
    pub(super) score: f32,
}

/// Words that say something, and the value of what they say.
struct Clause {
    words: String,
    value: f32,
}

/// Which way a judgement goes.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Good,
    Bad,
}

/// The part of its opposite's value that a negation says: `not good` is mildly bad.
const NEGATION: f32 = -0.4;
/// What the clause that yields weighs in a contrast; the other one weighs the rest.
const YIELDING: f32 = 0.3;

/// How often things are as they are.
const NEGATED: f32 = 0.35;
const GRADED_BY_ADVERB: f32 = 0.45;
const ABOUT_AN_ASPECT: f32 = 0.2;
const BESIDE_ANOTHER: f32 = 0.25;
const ASIDE: f32 = 0.4; // Before the main part, and of its own after it.

impl Sentence {
    /// The next sentence, of these words.
    pub(super) fn draw(lexicon: &'static Lexicon, random: &mut Random) -> Self {
        let topics = lexicon.topics;
        let topic_idx = random.below(topics.len());
        let decoy_idx = (topic_idx + 1 + random.below(topics.len() - 1)) % topics.len();
        let mut speaker = Speaker { topic: &topics[topic_idx], decoy: &topics[decoy_idx], lexicon, random };
        let said = speaker.say();
        let words = speaker.with_asides(said.words);
        Self { text: written(&words, random), topic_idx, score: (said.value * 1000.0).round() / 1000.0 }
    }
}

/// The words as a sentence: a capital first, a mark last.
fn written(words: &str, random: &mut Random) -> String {
    let words = words.replace(" i ", " I ");
    let mark = if random.chance(0.15) { '!' } else { '.' };
    let (first, rest) = words.split_at(1);
    format!("{}{rest}{mark}", first.to_uppercase())
}

/// Says things about one topic, and names things of another.
struct Speaker<'a> {
    topic: &'static Topic,
    decoy: &'static Topic,
    lexicon: &'static Lexicon,
    random: &'a mut Random,
}

impl Speaker<'_> {
    /// The main part of the sentence, in one of its forms.
    fn say(&mut self) -> Clause {
        let side = self.side();
        match self.random.below(20) {
            0..=6 => self.judgement(side),
            7..=8 => self.fact(),
            9..=11 => self.agreement(side),
            12..=13 => self.expectation(side),
            _ => self.contrast(side),
        }
    }

    /// `A and B`: the mean of two judgements that go the same way.
    fn agreement(&mut self, side: Side) -> Clause {
        let (a, b) = (self.judgement(side), self.judgement(side));
        Clause { words: format!("{} and {}", a.words, b.words), value: (a.value + b.value) / 2.0 }
    }

    /// `A, but B`: two judgements that go opposite ways, of which one yields.
    fn contrast(&mut self, side: Side) -> Clause {
        let (yields, stays) = (self.judgement(side.other()), self.judgement(side));
        let (a, b) = (&yields.words, &stays.words);
        let words = match self.random.below(6) {
            0..=1 => format!("{a}, but {b}"),
            2 => format!("{a}, yet {b}"),
            3 => format!("although {a}, {b}"),
            4 => format!("{b}, although {a}"),
            _ => format!("{b}, even though {a}"),
        };
        Clause { words, value: YIELDING * yields.value + (1.0 - YIELDING) * stays.value }
    }

    /// `we expected A, but it was B`: only B counts.
    fn expectation(&mut self, side: Side) -> Clause {
        let (thing, expected) = (self.about(), self.degree(side.other()).words);
        let (link, found) = self.linked(side);
        let who = self.pick(&["i", "we"]);
        let hope = match side.other() {
            Side::Good => "hoped",
            Side::Bad => "feared",
        };
        let words = match self.random.chance(0.5) {
            true => format!("{who} expected {thing} to be {expected}, but it {link} {}", found.words),
            false => format!("{who} {hope} {thing} would be {expected}, but it {link} {}", found.words),
        };
        Clause { words, value: found.value }
    }

    /// Says of the thing that it exists: 0.
    fn fact(&mut self) -> Clause {
        let (who, did, thing) = (self.pick(PEOPLE), self.pick(FACTS), self.about());
        Clause { words: format!("{who} {did} {thing}"), value: 0.0 }
    }

    /// One judgement of the thing.
    fn judgement(&mut self, side: Side) -> Clause {
        let thing = self.about();
        match self.random.below(10) {
            0..=4 => {
                let (link, said) = self.linked(side);
                Clause { words: format!("{thing} {link} {}", said.words), value: said.value }
            }
            5..=6 => {
                let (who, did) = (self.pick(PEOPLE), self.deed(self.lexicon.likings, side));
                Clause { words: format!("{who} {} {thing}", did.words), value: did.value }
            }
            7..=8 => {
                let (did, whom) = (self.deed(self.lexicon.effects, side), self.pick(OBJECTS));
                Clause { words: format!("{thing} {} {whom}", did.words), value: did.value }
            }
            _ => self.name_calling(&thing, side),
        }
    }

    /// `we would not call it good`.
    fn name_calling(&mut self, thing: &str, side: Side) -> Clause {
        let who = self.pick(&["i", "we", "they", "most visitors"]);
        match self.random.chance(NEGATED) {
            true => {
                let said = self.denied(side.other());
                Clause { words: format!("{who} would not call {thing} {}", said.words), value: said.value }
            }
            false => {
                let said = self.degree(side);
                Clause { words: format!("{who} would call {thing} {}", said.words), value: said.value }
            }
        }
    }

    /// A link and a graded word, or the negation of an opposite one.
    fn linked(&mut self, side: Side) -> (&'static str, Clause) {
        let &(link, negated) = self.random.choose(LINKS);
        match self.random.chance(NEGATED) {
            true => (negated, self.denied(side.other())),
            false => (link, self.degree(side)),
        }
    }

    /// A graded word, perhaps made stronger or weaker, at most 1 either way.
    fn degree(&mut self, side: Side) -> Clause {
        self.with_adverb(side, ADVERBS)
    }

    /// A graded word after a negation: nobody says `not slightly`.
    fn denied(&mut self, side: Side) -> Clause {
        let stronger: Vec<(&str, f32)> =
            ADVERBS.iter().filter(|(_, factor)| *factor > 1.0).copied().collect();
        let said = self.with_adverb(side, &stronger);
        Clause { value: NEGATION * said.value, ..said }
    }

    fn with_adverb(&mut self, side: Side, adverbs: &[(&str, f32)]) -> Clause {
        let adjectives: Vec<&(&str, f32)> =
            self.lexicon.adjectives.iter().filter(|(_, value)| side.has(*value)).collect();
        let &&(word, value) = self.random.choose(&adjectives);
        if !self.random.chance(GRADED_BY_ADVERB) {
            return Clause { words: word.to_string(), value };
        }
        let &(adverb, factor) = self.random.choose(adverbs);
        Clause { words: format!("{adverb} {word}"), value: (factor * value).clamp(-1.0, 1.0) }
    }

    /// A verb that judges, or the negation of an opposite one.
    fn deed(&mut self, verbs: &[Verb], side: Side) -> Clause {
        let negated = self.random.chance(NEGATED);
        let said = if negated { side.other() } else { side };
        let verbs: Vec<&Verb> = verbs.iter().filter(|(.., value)| said.has(*value)).collect();
        let &&(past, base, value) = self.random.choose(&verbs);
        match negated {
            true => Clause { words: format!("did not {base}"), value: NEGATION * value },
            false => Clause { words: past.to_string(), value },
        }
    }

    /// A thing of the topic, perhaps with words that are of no topic, or beside a thing of another one.
    fn about(&mut self) -> String {
        let (determiner, thing) = (self.pick(DETERMINERS), self.pick(self.topic.things));
        if self.random.chance(ABOUT_AN_ASPECT) {
            return format!("the {} of {determiner} {thing}", self.pick(ASPECTS));
        }
        if self.random.chance(BESIDE_ANOTHER) {
            return format!("{determiner} {thing} {} {}", self.pick(BESIDE), self.pick(self.decoy.things));
        }
        format!("{determiner} {thing}")
    }

    /// The words with up to two clauses around them that say nothing.
    fn with_asides(&mut self, mut words: String) -> String {
        if self.random.chance(ASIDE) {
            words = format!("{}, {words}", self.aside());
        }
        if self.random.chance(ASIDE) {
            words = format!("{words} {}", self.aside());
        }
        words
    }

    fn aside(&mut self) -> String {
        if self.random.chance(0.3) {
            return self.pick(TIMES).to_string();
        }
        format!("{} {}", self.pick(ASIDES), self.pick(self.decoy.things))
    }

    fn side(&mut self) -> Side {
        if self.random.chance(0.5) { Side::Good } else { Side::Bad }
    }

    fn pick(&mut self, words: &'static [&'static str]) -> &'static str {
        self.random.choose::<&'static str>(words)
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Good => Self::Bad,
            Self::Bad => Self::Good,
        }
    }

    fn has(self, value: f32) -> bool {
        (value > 0.0) == (self == Self::Good)
    }
}
