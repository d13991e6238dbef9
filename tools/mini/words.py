"""The words and templates of generate.py, written by hand.

A line of WORDS has a slot's choices, parted by `|`. TEMPLATES has a weight and the templates of each kind.
"""


def choices(text):
    return [choice.strip() for choice in text.replace("\n", " ").split("|")]


WORDS = {slot: choices(text) for slot, text in {
    # Who.
    "one": "man|woman|boy|girl|child|person|kid|baby|toddler|lady|guy|teenager|dog|cat|man|woman|soldier|chef|player|"
           "young man|young woman|little boy|little girl|old man|elderly woman|small child|{adj_look} man|{adj_look} woman|"
           "{worker}|{animal}|man {wearing}|woman {wearing}|boy {wearing}|girl {wearing}",
    "many": "people|men|women|children|kids|boys|girls|dogs|soldiers|players|{number} men|{number} women|"
            "{number} people|{number} children|{number} dogs|{number} boys|{number} girls|a group of people|a crowd of people|"
            "a group of children|a couple|a man and a woman|a boy and a girl|several people|{number} {animals}|many {animals}",
    "number": "two|three|four|five|six|several|some|many|a few|a dozen",
    "worker": "chef|cook|doctor|nurse|teacher|student|policeman|police officer|firefighter|farmer|fisherman|musician|"
              "singer|dancer|skateboarder|surfer|skier|snowboarder|cyclist|biker|runner|swimmer|guitarist|drummer|pianist|"
              "photographer|painter|construction worker|carpenter|mechanic|waiter|waitress|bartender|soldier|pilot|cowboy|"
              "football player|soccer player|baseball player|basketball player|tennis player|hockey player|golfer|boxer|"
              "gymnast|climber|hiker|monk|priest|clown|artist|barber|lifeguard|sailor|driver|passenger|shopper|vendor|tourist",
    "animal": "dog|cat|horse|cow|sheep|goat|pig|bird|duck|goose|chicken|monkey|elephant|lion|tiger|bear|panda|koala|kangaroo|"
              "rabbit|squirrel|mouse|hamster|fox|wolf|deer|giraffe|zebra|camel|puppy|kitten|parrot|owl|eagle|penguin|fish|shark|"
              "dolphin|whale|turtle|frog|snake|lizard|butterfly|bee|spider|donkey|otter|seal|bull|lamb|brown dog|black dog|white dog|"
              "black and white dog|small dog|large dog|orange cat|white horse|brown horse|{wn_animal}",
    "animals": "dogs|cats|horses|cows|sheep|goats|pigs|birds|ducks|chickens|monkeys|elephants|lions|bears|pandas|rabbits|"
               "deer|giraffes|zebras|puppies|kittens|penguins|fish|dolphins|turtles|black dogs|brown dogs|white horses",
    "adj_look": "young|old|elderly|tall|bald|bearded|smiling|shirtless|blonde|fat|thin|happy|tired|middle-aged|Asian|African|"
                "strong|pregnant|barefoot|masked|handsome|beautiful",
    "wearing": "in a {color} {garment}|wearing a {color} {garment}|in a {garment}|wearing a {garment}|wearing sunglasses|"
               "in a {color} shirt|with long hair|with a {holdable}|holding a {holdable}|with a backpack|with a beard|in {color}",
    "color": "red|blue|green|yellow|black|white|brown|pink|purple|orange|gray|dark|bright|striped|golden|silver",
    "garment": "shirt|t-shirt|jacket|coat|hat|cap|dress|skirt|sweater|hoodie|suit|uniform|helmet|scarf|vest|bikini|swimsuit|"
               "wetsuit|apron|costume|jersey|bandana|tie|robe|hard hat|cowboy hat",
    "holdable": "ball|book|camera|phone|umbrella|bag|box|cup|bottle|flag|sign|stick|guitar|microphone|knife|newspaper|flower|"
                "balloon|toy|tennis racket|baseball bat|frisbee|rope|fishing rod|glass of wine|cigarette|gun|surfboard|stick|"
                "skateboard|cell phone|bouquet of flowers|hammer|shovel|broom|map|candle|pen|{wn_thing}",
    # What they do.
    "doing": "playing {a_instrument}|playing {sport}|riding a {rideable}|slicing {some_food}|cutting {some_food}|chopping {some_food}|"
             "peeling {some_food}|cooking {some_food}|frying {some_food}|mixing {some_food} in a bowl|eating {some_food}|"
             "pouring {liquid} into a {vessel}|drinking {liquid}|adding {some_food} to a {vessel}|stirring {some_food}|"
             "boiling {some_food}|grating cheese|breaking an egg|kneading dough|running {where}|walking {where}|jumping {over}|sitting {on}|"
             "standing {where}|sleeping {on}|lying {on}|climbing a {climbable}|swimming {in_water}|diving into the {water}|"
             "surfing a big wave|skiing down a hill|snowboarding down the slope|throwing a {throwable}|catching a {throwable}|"
             "kicking a {throwable}|hitting a ball|shooting a gun|shooting an arrow|reading {readable}|writing a letter|writing on a board|"
             "talking on the phone|talking to {someone}|singing a song|singing into a microphone|dancing {where}|dancing with {someone}|"
             "taking a picture of {someone}|taking photos|looking at {something}|pointing at {something}|holding {something}|carrying {something}|"
             "pushing {something}|pulling {something}|washing {something}|cleaning {something}|fixing {something}|"
             "painting {something}|opening {something}|driving a {vehicle}|getting into a {vehicle}|waiting for a bus|crossing the street|"
             "shopping at a store|putting on makeup|brushing her hair|combing his hair|shaving|crying|laughing|smiling|yawning|"
             "waving|clapping|praying|fishing {in_water}|hiking {where}|running from {something}|chasing {someone}|chasing a {throwable}|"
             "feeding {someone}|petting a {animal}|walking a dog|hugging {someone}|kissing {someone}|fighting|wrestling|exercising|"
             "lifting weights|doing push-ups|doing a trick on a {rideable}|doing a backflip|typing on a keyboard|using a {tool}|"
             "playing with {something}|playing a video game|watching television|drawing a picture|folding {something}|sewing|knitting|"
             "digging a hole|planting flowers|mowing the lawn|cutting the grass|cutting paper|building a {buildable}|"
             "giving a speech|giving a presentation|assembling {something}|tying a shoe|blowing bubbles|blowing out candles|"
             "unloading a {vehicle}|wiping a table|setting the table|sharpening a knife|throwing {something} into the {water}",
    "a_instrument": "the guitar|a guitar|an acoustic guitar|an electric guitar|the piano|the violin|the flute|a flute|the drums|the trumpet|"
                    "the cello|the harp|a keyboard|the saxophone|the harmonica|an accordion|a banjo|an instrument",
    "sport": "soccer|football|basketball|baseball|tennis|golf|hockey|volleyball|rugby|cricket|table tennis|chess|cards|poker|badminton|"
             "frisbee|lacrosse|polo|a game|video games",
    "rideable": "bicycle|bike|horse|motorcycle|skateboard|scooter|unicycle|camel|elephant|bull|snowboard|dirt bike|mountain bike|"
                "wave|jet ski|tricycle|donkey|sled|roller coaster|pony",
    "some_food": "an onion|onions|a tomato|tomatoes|potatoes|a potato|a carrot|carrots|bread|butter|meat|chicken|fish|shrimp|eggs|an egg|"
                 "rice|pasta|cheese|garlic|a cucumber|a banana|an apple|an orange|a lemon|a pepper|vegetables|fruit|mushrooms|a pineapple|"
                 "cake|a sandwich|pizza|soup|salad|bacon|tofu|a watermelon|ginger|herbs|ice cream|noodles|broccoli|sugar|flour|"
                 "salt|a cookie|beans|beef|pork|a melon|{wn_food}",
    "liquid": "water|milk|coffee|tea|juice|wine|beer|oil|sauce|soup|orange juice|soda",
    "vessel": "bowl|pot|pan|glass|cup|bucket|bottle|skillet|jar|mug|plate|blender|mixing bowl|container",
    "vehicle": "car|truck|bus|van|taxi|tractor|boat|train|motorcycle|jeep|race car|police car|red car|golf cart|plane",
    "throwable": "ball|frisbee|stick|baseball|football|basketball|soccer ball|tennis ball|toy|rock|snowball|dart|spear",
    "tool": "computer|laptop|saw|hammer|drill|sewing machine|knife|shovel|phone|camera|machine|ladder|broom|hose|microscope",
    "readable": "a book|a newspaper|a magazine|a letter|a map|a menu|the paper|a bible|a sign|a story to the children",
    "climbable": "tree|mountain|rope|rock|ladder|wall|cliff|fence|hill|rock wall|set of stairs",
    "buildable": "house|sandcastle|snowman|fire|bridge|wall|fence|tower|boat|robot|table",
    "someone": "a friend|a man|a woman|a child|a baby|his son|her daughter|a dog|the camera|each other|a {animal}|a {worker}|the audience|"
               "another man|another woman|two girls|a group of people|her mother|his wife|the crowd",
    "something": "a {holdable}|a {vehicle}|a {color} {holdable}|a {furniture}|the {furniture}|a {wn_thing}|a {color} {vehicle}|"
                 "a {animal}|a {vessel}|clothes|the dishes|a window|a door|the floor|a building|a painting|the sky|toys|a cart|{some_food}",
    "furniture": "table|chair|couch|bed|bench|desk|sofa|lamp|mirror|cabinet|bookshelf|stove|refrigerator|sink|television|clock|counter|oven",
    # Where.
    "where": "on the beach|in the park|on the street|in the snow|in a field|through the woods|along a path|down the road|on the grass|"
             "in the rain|in the kitchen|on stage|on a stage|in the garden|in a forest|in the city|on a sidewalk|at the airport|in a parking lot|"
             "near a lake|by the river|outside a building|in front of a house|in front of a crowd|on a track|across a bridge|on a mountain|"
             "in the desert|in a room|at a party|in an office|at night|in a restaurant|at a market|in a mall|through a tunnel|on the moon|"
             "near the ocean|in the street|next to a {vehicle}|near a {furniture}|under a tree|behind a fence|on a court|in the middle of the road",
    "on": "on a bench|on a couch|on the floor|on a chair|on the grass|on a bed|on the ground|on a rock|at a table|at a desk|in a chair|on a blanket|"
          "on a sofa|on the stairs|on a fence|under a tree|on a windowsill|in a car|in the sand|on a log|on a wall|on his lap|in a bathtub",
    "over": "over a fence|over a log|into the water|into a pool|in the air|on a trampoline|off a cliff|over a hurdle|over a car|on a bed|"
            "through a hoop|off a diving board|up and down|rope|from rock to rock|out of a plane",
    "water": "water|pool|lake|river|ocean|sea|pond|swimming pool|stream|fountain",
    "in_water": "in the {water}|in a {water}|underwater|in the water|across the {water}",
    "scene": "in the background|in front of a {color} building|on a sunny day|at sunset|while {many} watch|in the {water}|near a {vehicle}|"
             "with {number} {animals}|while holding a {holdable}|and {doing}|during a game|in the distance|in winter",
    # News.
    "country": "China|India|Russia|Iran|Iraq|Syria|Egypt|Israel|Turkey|Pakistan|Afghanistan|Ukraine|Germany|France|Spain|Italy|Greece|Britain|"
               "the UK|the US|Mexico|Brazil|Argentina|Canada|Japan|South Korea|North Korea|Thailand|Vietnam|Indonesia|the Philippines|Australia|"
               "Nigeria|Kenya|Somalia|Sudan|South Africa|Libya|Tunisia|Mali|Yemen|Lebanon|Saudi Arabia|Palestine|Poland|Sweden|Norway|Ireland|"
               "Cuba|Venezuela|Colombia|Bangladesh|Nepal|Myanmar|Malaysia|Cyprus|Hungary|Portugal|Belgium|Bulgaria|Romania|Chile|Peru",
    "people_of": "Chinese|Indian|Russian|Iranian|Iraqi|Syrian|Egyptian|Israeli|Turkish|Pakistani|Afghan|Ukrainian|German|French|Spanish|Italian|"
                 "Greek|British|American|Mexican|Brazilian|Japanese|Korean|Thai|Australian|Nigerian|Kenyan|Palestinian|Irish|U.S.|Saudi|Libyan",
    "city": "Beijing|Delhi|Moscow|Tehran|Baghdad|Damascus|Cairo|Jerusalem|Istanbul|Karachi|Kabul|Kiev|Berlin|Paris|Madrid|Rome|Athens|London|"
            "New York|Washington|Boston|Chicago|Los Angeles|Mexico City|Tokyo|Seoul|Bangkok|Manila|Sydney|Nairobi|Johannesburg|Gaza|Beirut|Mumbai|"
            "Texas|California|Florida|Aleppo|Brussels|Dublin|Boston|Hong Kong|Geneva|Vienna|Mali's north",
    "official": "president|prime minister|foreign minister|police|opposition leader|army|parliament|government|court|judge|senator|mayor|king|"
                "pope|UN chief|central bank|finance minister|defense secretary|Supreme Court|military|rebels|protesters|lawmakers|"
                "security council|election commission|union|officials|{people_of} police|{people_of} government|{people_of} president",
    "news_event": "bomb attack|suicide bombing|car bomb|plane crash|train crash|bus crash|helicopter crash|earthquake|flood|storm|typhoon|hurricane|"
                  "fire|explosion|blast|shooting|landslide|air strike|clash|protest|strike|riot|stampede|ferry accident|mine collapse|drone strike|"
                  "avalanche|wildfire|hostage crisis|attack on a mosque|gas leak|tornado|tsunami",
    "deal": "peace talks|a trade deal|a ceasefire|nuclear talks|an election|sanctions|new elections|a budget|tax cuts|an aid package|"
            "a bailout|the peace plan|gay marriage|gun control|a climate deal|arms sales|the new constitution|a spying program|a prisoner swap",
    "n": "2|3|4|5|6|7|8|9|10|11|12|14|15|17|18|20|22|25|30|34|40|50|60|75|80|100|120|200|300|500|at least 10|at least 20|more than 30|dozens",
    "company": "Google|Apple|Microsoft|Facebook|Twitter|Amazon|Samsung|Nokia|Sony|Boeing|Toyota|Ford|the bank|the airline|the retailer|the carmaker|"
               "the drug maker|the software company|the oil company|Intel|IBM|the chip maker|the studio|the publisher",
    "person_name": "Obama|Putin|Clinton|Bush|Merkel|Cameron|Mandela|Snowden|Assad|Morsi|Netanyahu|Abbas|Kerry|Berlusconi|Chavez|Romney|Biden|"
                   "Hollande|Thatcher|Murray|Federer|Nadal|Woods|Armstrong|Smith|Johnson|Williams|Brown|Lee|Kim|Ali|Khan|Singh|Garcia",
    "market": "stocks|shares|oil prices|gold|the dollar|the euro|the Dow Jones industrial average|the Nasdaq|the Standard & Poor's 500 index|"
              "profits|sales|home prices|unemployment|inflation|exports|retail sales|the pound|consumer confidence|interest rates",
    "moves": "rose|fell|climbed|dropped|jumped|slipped|gained|lost|edged up|edged down|soared|tumbled",
    "amount": "{n} percent|{n} points, or {n} percent|{n} cents|{n}%|slightly|sharply|$ {n}.{n} a share|to a record high|to a five-year low",
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|yesterday|today|last week|this year|in March|in July|late Friday",
    # Opinions and questions.
    "product": "phone|camera|laptop|vacuum cleaner|blender|book|movie|film|album|game|restaurant|hotel|headset|battery|printer|coffee maker|router|"
               "screen|keyboard|novel|story|plot|acting|soundtrack|service|food|pizza|room|app|software|player|remote|case|charger|"
               "watch|shoes|jacket|mattress|script|director's new film|sequel|comedy|thriller|documentary|performance|concert|{wn_thing}|{wn_event}",
    "good": "great|excellent|amazing|wonderful|fantastic|good|lovely|brilliant|perfect|superb|beautiful|charming|funny|fun|solid|impressive|"
            "delicious|helpful|friendly|reliable|easy to use|worth every penny|a joy|moving|clever|well made|my favorite|fast|a bargain",
    "bad": "terrible|awful|horrible|bad|poor|boring|dull|disappointing|useless|broken|slow|cheap|ugly|annoying|overpriced|a waste of money|"
           "a waste of time|worse than the old one|noisy|confusing|predictable|flat|rude|dirty|cold|tasteless|unreliable|a mess|mediocre|stupid",
    "intense": "very|really|so|absolutely|quite|extremely|not|not very|pretty|truly|incredibly|rather|just|not at all|surprisingly|a bit|too",
    "feeling": "happy|sad|angry|excited|tired|bored|scared|worried|proud|lonely|sick|in love|grateful|disappointed|confused|nervous|glad|"
               "frustrated|jealous|relieved|ashamed|surprised|hungry|upset|hopeful|stressed",
    "pronoun": "I|we|they|he|she|my friend|my mother|my brother|everyone|nobody|my wife|my boss|the kids",
    "thing_done": "go to {city}|buy a new {product}|learn {subject}|find a good {worker}|cook {some_food}|clean a {furniture}|fix a {vehicle}|"
                  "lose weight|train a {animal}|write a book|start a business|get rid of {animals}|pay the bill|cancel my order|"
                  "transfer money|book a flight|change my password|reset the {product}|install the {product}|play {sport}|"
                  "play {a_instrument}|ask for a raise|quit my job|apply for a visa|grow {wn_plant}|use the {wn_thing}|return the {product}",
    "subject": "English|French|math|physics|chemistry|history|biology|music|programming|law|economics|philosophy|{wn_idea}",
    "ask": "how do I|how can I|what is the best way to|is it possible to|should I|why should anyone|when should I|where can I|can you help me|"
           "do you know how to|is there a way to|do I need to|what does it cost to|would it be better to",
}.items()}

TEMPLATES = {
    "caption": (40, [
        "a {one} is {doing}.", "a {one} is {doing}.", "the {one} is {doing}.", "{many} are {doing}.", "a {one} {doing}.",
        "a {one} is {doing} {where}.", "{many} are {doing} {where}.", "a {one} {doing} {scene}.", "a {one} is not {doing}.",
        "there is a {one} {doing}.", "there is no {one} {doing}.", "a {color} {animal} is {doing}.", "a {one} and a {one} are {doing}.",
        "a {animal} is {doing} {where}.", "a {color} {holdable} {on}.", "a {furniture} and a {furniture} {where}.", "a close up of a {animal}.",
        "a {color} {vehicle} parked {where}.", "a {room_adj} room with a {furniture} and a {furniture}.", "someone is {doing}.",
        "a {one} stands next to a {one} {where}.", "two {animals} {where}.", "a {one} was {doing}.", "the {one} {wearing} is {doing}.",
        "a black and white photo of a {one} {where}.", "a {vehicle} is going {where}.", "an {animal} with a {holdable} {on}."]),
    "headline": (16, [
        "{n} killed in {country} {news_event}", "{news_event} kills {n} in {city}", "{country} {official} meets {country} {official}",
        "{official} says {deal} possible {day}", "{country} rejects {deal} with {country}", "{country}, {country} agree on {deal}",
        "{person_name} wins {country} vote", "{person_name} to meet {person_name} on {deal}", "{official} arrests {n} after {news_event} in {city}",
        "{people_of} {official} calls for {deal}", "{market} {moves} {amount} {day}", "{company} to cut {n}000 jobs", "{company} unveils new {product}",
        "{company} sues {company} over {wn_thing}", "{person_name} dies aged {n}", "{country} tests missile amid tension with {country}",
        "{official} denies role in {news_event}", "search for survivors of {country} {news_event} goes on", "{official}: {n} injured in {city} {news_event}",
        "{person_name} beats {person_name} in {sport} final", "{country} urges {country} to end {wn_event}", "{official} opens inquiry into {news_event}"]),
    "news": (12, [
        "{market} {moves} {amount} on {day}.", "The {official} said on {day} that {country} would support {deal}.",
        "{n} people were killed and {n} wounded in a {news_event} in {city}, {official} said.", "{company} said it would buy {company} for ${n} billion.",
        "A {news_event} near {city} left {n} people dead, {people_of} officials said {day}.", "{company}'s {market} {moves} {amount} to ${n}.{n} million.",
        "{person_name} was charged with murder after the {news_event}.", "The {people_of} {official} and {person_name} discussed {deal} {day}.",
        "The jury found that {person_name} had lied about the {wn_event}.", "{person_name}, {n}, pleaded not guilty to the charges {day}.",
        "Shares of {company} {moves} {amount} in early trading.", "The {official} has rejected {deal}, citing the {wn_state} of the {wn_group}.",
        "Scientists in {country} found that {wn_food} may lower the risk of {wn_state}.", "The number of {wn_person}s in {country} {moves} {amount} {day}."]),
    "opinion": (14, [
        "The {product} is {intense} {good}.", "The {product} is {intense} {bad}.", "This {product} was {good}, but the {product} was {bad}.",
        "I {love} this {product}.", "the {product} is {good} and the {product} {good}!", "{pronoun} thought the {product} was {bad}.",
        "Not a {bad} {product}, but not {good} either.", "I am {intense} {feeling} about the {product}.", "{pronoun} felt {intense} {feeling} {day}.",
        "Don't buy this {product}, it is {bad}.", "A {good} {product} with a {bad} ending.", "lol my {product} is {bad} :(", "so {feeling} today!!",
        "can't wait for {day}, {intense} {feeling} :)", "The {product} stopped working after {n} days.", "It works {intense} well for the price.",
        "The {wn_person} is {wn_adj} and the {wn_idea} is {wn_adj}.", "The film has {wn_trait}, {wn_feeling} and a {wn_adj} {wn_person}."]),
    "question": (10, [
        "{ask} {thing_done}?", "{ask} {thing_done} in {country}?", "{ask} {thing_done} if I am {feeling}?", "You should {thing_done}.",
        "You don't need to {thing_done}.", "I want to {thing_done}.", "I think you could {thing_done}, but {thing_done} first.",
        "What is a {wn_thing}?", "What is the difference between a {wn_thing} and a {wn_thing}?", "Who invented the {wn_thing}?",
        "How many {animals} are there in {country}?", "What {wn_event} took place in {city}?", "Where is {city}?", "Is {wn_feeling} a {wn_state}?",
        "It depends on what you want to {thing_done} for.", "I have had the same problem with my {product}.", "Please {thing_done} for me."]),
    "statement": (8, [
        "The {wn_person} saw a {wn_animal} near the {wn_thing}.", "A {wn_adj} {wn_thing}", "a {wn_adj} {wn_person} with a {wn_adj} {wn_thing}",
        "The {wn_group} discussed the {wn_idea}.", "{wn_feeling} is a kind of {wn_state}.", "The {wn_thing} was {wn_adj}.",
        "The {wn_person} ate {wn_food} with {wn_food}.", "the {wn_event} of the {wn_group}", "The {wn_trait} of the {wn_person} is {wn_adj}.",
        "{pronoun} bought a {wn_thing} and a {wn_thing} in {city}.", "The {wn_plant} grows near the {water}."]),
}
WORDS["love"] = ["love", "like", "hate", "dislike", "enjoy", "adore", "regret buying", "recommend", "can't stand", "returned", "can't live without"]
WORDS["room_adj"] = ["large", "small", "dark", "bright", "clean", "messy", "empty", "white", "modern", "living", "dining", "hotel"]
