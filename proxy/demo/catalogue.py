"""What the shop sells. Plain data; prices are whole euros."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    slug: str
    sku: str
    name: str
    price: int
    line: str
    story: str
    facts: tuple[tuple[str, str], ...]


PRODUCTS = (
    Product(
        "harbour-mug",
        "MC-101",
        "Harbour mug",
        24,
        "A deep blue mug that holds a morning.",
        "Thrown tall so that coffee stays warm, with a handle for three fingers and a foot left bare, "
        "because bare clay is what a table wants to feel. The blue breaks to green where the glaze runs thin.",
        (("Holds", "350 ml"), ("Height", "98 mm"), ("Care", "Dishwasher, microwave")),
    ),
    Product(
        "tide-bowl",
        "MC-204",
        "Tide bowl",
        32,
        "Wide, calm, and good at soup.",
        "We poured the glaze once from each side and let the two meet: the line in the middle is different "
        "on every bowl. Deep enough for noodles, low enough for salad.",
        (("Holds", "900 ml"), ("Across", "190 mm"), ("Care", "Dishwasher, oven to 220 °C")),
    ),
    Product(
        "ember-teapot",
        "MC-310",
        "Ember teapot",
        78,
        "Pours without a drip. We checked.",
        "Four parts, made by two people in one day. The spout is cut by hand, thirty degrees and no more, "
        "which is the whole secret of a clean pour. Fired twice for the red.",
        (("Holds", "1.1 l"), ("Cups", "4"), ("Inside", "Strainer of pierced clay")),
    ),
    Product(
        "field-plate",
        "MC-122",
        "Field plate",
        28,
        "Speckled like an egg.",
        "The specks are iron from the clay itself, which melts through the glaze in the last hour of the "
        "firing. The rim is thin at the edge and strong beneath.",
        (("Across", "265 mm"), ("Weight", "720 g"), ("Care", "Dishwasher, microwave")),
    ),
    Product(
        "dune-vase",
        "MC-415",
        "Dune vase",
        54,
        "For three stems, or none.",
        "A narrow neck keeps a single branch upright. Sand from the beach where we dig is mixed into the "
        "clay, so the lower half stays rough and the upper half shines.",
        (("Height", "240 mm"), ("Neck", "28 mm"), ("Watertight", "Yes, glazed inside")),
    ),
    Product(
        "slate-carafe",
        "MC-317",
        "Slate carafe",
        46,
        "Cold water, slow evenings.",
        "Unglazed stoneware sweats a little, and that keeps water cool for hours. The cup on top is its lid "
        "and the night glass in one.",
        (("Holds", "850 ml"), ("Height", "255 mm"), ("Comes with", "One cup")),
    ),
)
BY_SLUG = {product.slug: product for product in PRODUCTS}
