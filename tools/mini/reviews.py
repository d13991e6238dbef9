"""Words and templates of sentences that judge: films, goods, places, articles and days, as people write of them.

As in words.py: {slots} are filled from WORDS, whose choices may have slots of their own.
"""


def words(text):
    return text.split()


def phrases(text):
    return text.split("|")


WORDS = {
    "praise_adj": words("good great excellent fantastic wonderful brilliant superb terrific outstanding amazing awesome impressive "
        "delightful charming funny hilarious witty clever smart sharp fresh original inventive imaginative "
        "gripping thrilling exciting suspenseful riveting absorbing compelling engaging entertaining enjoyable "
        "moving touching poignant heartfelt tender warm sweet gentle graceful elegant beautiful gorgeous stunning "
        "lovely stylish polished rich vivid lush subtle thoughtful intelligent insightful honest sincere powerful "
        "haunting unforgettable memorable remarkable refreshing satisfying rewarding worthwhile solid sturdy "
        "durable reliable handy useful helpful practical comfortable convenient easy simple fast quick responsive "
        "accurate crisp clear bright quiet compact light affordable cheap generous friendly polite kind courageous "
        "decent fair just wise sensible reasonable balanced hopeful uplifting inspiring joyful playful energetic "
        "lively spirited dazzling magnificent splendid marvelous perfect flawless"),
    "blame_adj": words("bad awful terrible horrible dreadful lousy poor weak mediocre disappointing boring dull tedious tiresome "
        "dreary bland flat stale lifeless plodding slow sluggish uneven muddled confusing incoherent pointless "
        "meaningless empty hollow shallow silly stupid dumb ridiculous absurd laughable embarrassing pathetic "
        "pretentious smug cynical mean-spirited cruel nasty ugly vulgar crude offensive tasteless clumsy awkward "
        "contrived predictable formulaic derivative cliched forgettable uninspired unoriginal unfunny unconvincing "
        "implausible overlong overwrought sappy melodramatic manipulative cheap shoddy flimsy fragile defective "
        "faulty broken useless worthless unreliable inaccurate noisy loud blurry grainy scratchy dim heavy bulky "
        "uncomfortable inconvenient difficult complicated buggy laggy glitchy overpriced expensive rude unhelpful "
        "unfair unjust reckless dangerous harmful shameful corrupt dishonest misleading hypocritical depressing "
        "gloomy grim miserable frustrating annoying irritating infuriating painful tragic disgusting"),
    "praise_more": phrases("first-rate|top-notch|second to none|well made|well acted|well written|beautifully shot|worth every penny|"
        "a delight|a joy|a treat|a triumph|a masterpiece|a must-see|a gem|a winner|a blessing|a bargain|a pleasure|"
        "everything {who} hoped for"),
    "blame_more": phrases("poorly made|badly acted|badly written|a mess|a bore|a chore|a failure|a disaster|a joke|a disgrace|"
        "a waste of time|a waste of money|a letdown|a mistake|a nightmare|a travesty|not what {who} hoped for"),
    "praise": phrases("{praise_adj}|{praise_adj}|{praise_adj}|{praise_adj}|{praise_adj}|{praise_adj}|{praise_more}"),
    "blame": phrases("{blame_adj}|{blame_adj}|{blame_adj}|{blame_adj}|{blame_adj}|{blame_adj}|{blame_more}"),
    "neutral": words("long short new old quiet loud dark strange odd unusual ordinary average typical familiar modest serious "
        "light dry slow simple plain big small heavy red black plastic metal digital foreign local early late"),
    "verb_up": words("love like enjoy adore admire appreciate recommend praise trust prefer support welcome applaud celebrate "
        "miss"),
    "verb_down": words("hate dislike regret avoid despise resent distrust blame mock fear oppose condemn dread return ignore"),
    "noun_up": words("charm wit humor energy warmth grace beauty intelligence imagination passion honesty courage hope joy love "
        "style suspense laughs heart wisdom compassion quality progress justice freedom success"),
    "noun_down": words("boredom cliches violence hatred pain anger fear despair greed corruption cruelty failure lies nonsense "
        "noise bugs errors delays defects flaws problems stupidity sadness grief shame waste injustice poverty war"),
    "few": words("two three four five ten thirty"),
    "grade": phrases("very|really|so|truly|quite|pretty|rather|fairly|somewhat|a bit|a little|extremely|incredibly|surprisingly|"
        "unbelievably|utterly|totally|completely|thoroughly|absolutely|downright|kind of|sort of|too|just|simply|"
        "mostly|often|never|rarely|always|hardly|barely|not|not very|not really|not at all|nowhere near|far from|"
        "anything but|neither surprising nor|"),
    "boost": phrases("very|really|so|truly|quite|incredibly|surprisingly|absolutely|somewhat|a little"),
    "aspect": phrases("film|movie|picture|comedy|drama|thriller|romance|documentary|story|plot|script|screenplay|dialogue|cast|"
        "acting|lead|performance|direction|camera work|score|soundtrack|ending|opening|first half|second half|pace|"
        "humor|satire|animation|sequel|remake|character|villain|heroine|action scene|phone|camera|player|router|"
        "keyboard|screen|display|battery|battery life|sound quality|picture quality|volume|zoom|lens|button|menu|"
        "interface|software|manual|charger|case|remote|price|design|build quality|customer service|support|"
        "warranty|shipping|package|installation|app|update|website|hotel|room|food|meal|coffee|waiter|staff|beach|"
        "flight|weather|traffic|weekend|party|concert|song|album|game|team|season|match|coach|referee|class|"
        "teacher|exam|job|boss|meeting|speech|argument|policy|law|bill|tax|reform|budget|decision|verdict|ruling|"
        "report|article|column|editorial|plan|proposal|agreement|treaty|campaign|candidate|election|government|"
        "president|mayor|court|war|peace deal|economy"),
    "who": phrases("I|I|we|they|my friends|my kids|the critics|the audience members|most people|some people|voters|customers|"
        "fans"),
    "person": phrases("the director|the writer|the actor|the actress|the star|the company|the seller|the team|the government|"
        "the senator|he|she"),
    "verdict_up": phrases("{who} loved it|{who} enjoyed every minute|highly recommended|{who} would buy it again|"
        "well worth the price|five stars|go see it|don't miss it|{who} could not stop laughing|"
        "{who} laughed and cried|it works like a charm|it does exactly what it says|it exceeded my expectations|"
        "{who} can't recommend it enough|{who} never had a problem with it|two thumbs up|best purchase this year|"
        "it makes me happy|it gave me goosebumps|you won't regret it|it left me smiling|"
        "{who} was pleasantly surprised|it is a step forward"),
    "verdict_down": phrases("{who} hated it|{who} fell asleep|stay away|don't waste your money|{who} sent it back|one star|skip it|"
        "save your money|{who} walked out|{who} want my money back|it broke after {few} days|"
        "it died within a month|it never worked|it goes nowhere|it adds up to nothing|there is nothing here|"
        "it fails on every level|{who} expected more|{who} regret buying it|it made me angry|it gave me a headache|"
        "{who} would not recommend it|never again|it is a step backward|it falls apart in the end|it left me cold"),
    "opener": phrases("honestly|frankly|sadly|fortunately|unfortunately|to be fair|in short|all in all|in the end|"
        "as a fan of the first one|at times|for the price|on the whole|after {few} weeks|for once|as usual|"
        "it must be said that|there is no doubt that|{who} think that"),
    "smile": phrases(":)|:D|;)|<3|haha|lol|yay|woohoo|!!!|!|#happy|#blessed|thanks so much|love you|best day ever|can't wait"),
    "frown": phrases(":(|:'(|:/|ugh|argh|smh|wtf|grr|!!|#fail|#sad|so tired|miss you|worst day ever|hate mondays|not again"),
    "clause_up": phrases("the {aspect} is {praise}|the {aspect} was {boost} {praise}|this {aspect} {makes_up}|"
        "{who} {verb_up} the {aspect}|the {aspect} is full of {noun_up}|{person} gives the {aspect} real {noun_up}|"
        "it is {praise}|{verdict_up}"),
    "clause_down": phrases("the {aspect} is {blame}|the {aspect} was {boost} {blame}|this {aspect} {makes_down}|"
        "{who} {verb_down} the {aspect}|the {aspect} is full of {noun_down}|"
        "{person} fills the {aspect} with {noun_down}|it is {blame}|{verdict_down}"),
    "makes_up": phrases("charms|delights|works|shines|sparkles|succeeds|soars|impresses|moves us|surprises|entertains|inspires|"
        "wins us over|pays off|keeps you guessing|holds your attention|brings a smile|hits the mark|stays with you|"
        "deserves praise|saves lives|brings hope"),
    "makes_down": phrases("fails|drags|stumbles|falters|disappoints|bores|annoys|insults the audience|falls flat|misses the mark|"
        "runs out of ideas|wears thin|never takes off|goes on too long|makes no sense|leaves a bad taste|"
        "costs lives|hurts the poor|harms us all|breaks promises|freezes|crashes|overheats|stops working"),
    "mood": phrases("happy|excited|thankful|proud|relaxed|glad|lucky|in love|ready|sad|tired|sick|lonely|bored|angry|upset|"
        "stressed|worried|hungry|cold|heartbroken|nervous|jealous|annoyed"),
    "when": phrases("today|tonight|this morning|this weekend|right now|tomorrow|again|after work|on monday|all day"),
}
TEMPLATES = {
    "review": (36, [
        "{clause_up}.", "{clause_down}.", "{clause_up}, and {clause_up}.", "{clause_down}, and {clause_down}.", "{clause_up}, but {clause_down}.",
        "{clause_down}, but {clause_up}.", "although {clause_down}, {clause_up}.", "although {clause_up}, {clause_down}.",
        "{opener}, {clause_up}.", "{opener}, {clause_down}.", "{clause_up} because {clause_up}.", "{clause_down} because {clause_down}.",
        "the {aspect} is {grade} {praise}.", "the {aspect} is {grade} {blame}.", "the {aspect} is {grade} {neutral}.", "{grade} {praise}", "{grade} {blame}",
        "a {boost} {praise_adj} {aspect} with {noun_up} and {noun_up}.", "a {boost} {blame_adj} {aspect} without {noun_up}.",
        "a {praise_adj}, {praise_adj} {aspect}.", "a {blame_adj}, {blame_adj} {aspect}.", "a {praise_adj} {aspect} ruined by a {blame_adj} {aspect}.",
        "there is no {noun_up} in the {aspect}.", "there is no {noun_down} in the {aspect}.", "{person} lacks {noun_up}.",
        "the {aspect} is not as {praise_adj} as the {aspect}.", "the {aspect} is more {praise_adj} than the {aspect}.",
        "the {aspect} isn't {praise}, but it isn't {blame} either.", "{who} wanted to {verb_up} the {aspect}, but {clause_down}.",
        "{who} don't {verb_up} the {aspect}.", "{who} didn't {verb_down} the {aspect}.", "{who} never {verb_up} a {blame_adj} {aspect}.",
        "if the {aspect} were less {blame_adj}, {who} would {verb_up} it.", "what a {praise_adj} {aspect}!", "what a {blame_adj} {aspect}!",
        "the {aspect} has {noun_up}, {noun_up} and {noun_up}.", "more {noun_down} than {noun_up}.", "{person} was {praise} in the {aspect}.",
        "{person} was {blame} in the {aspect}.", "the {aspect} needs more {noun_up} and less {noun_down}.", "the {wn_person} is {praise}.",
        "the {wn_thing} is {blame}.", "a {praise_adj} {wn_thing} for a {wn_adj} {wn_person}.", "the {wn_idea} is {blame_adj} and {wn_adj}."]),
    "post": (12, [
        "feeling {mood} {when} {smile}", "feeling {mood} {when} {frown}", "so {mood} {when}", "{clause_up} {smile}", "{clause_down} {frown}",
        "omg {clause_up} {smile}", "omg {clause_down} {frown}", "@user {clause_up} {smile}", "@user sorry, {clause_down} {frown}",
        "just got a new {aspect} {when} {smile}", "my {aspect} is {blame} {frown}", "thank you for the {praise_adj} {aspect} {smile}",
        "not feeling {mood} {when}", "{when} i am {mood} {frown}", "had a {praise_adj} {aspect} {when} {smile}", "the worst {aspect} {when} {frown}"]),
}
