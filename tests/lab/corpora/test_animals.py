import numpy as np
import pytest

from nurie.lab.corpora import animals, cats
from nurie.lab.corpora.parts import reserved
from nurie.lab.corpora.render import over, rasterize, recolor
from nurie.lab.corpora.slots import sample_palette

SIZE = 64


@pytest.mark.parametrize("module", [animals, cats])
def test_reserved_parts_lead_in_tests_and_never_train(module: object) -> None:
    kept = {part: set(reserved(module.SOURCE, part, module.variants(part))) for part in module.HELD_OUT}
    for number in range(60):
        for split in ("train", "val", "test"):
            parts = module.choose_parts(f"0-{number:05d}", split)
            assert tuple(parts) == module.PARTS
            for part, leads in module.HELD_OUT.items():
                if split == "train":
                    assert parts[part] not in kept[part]
                elif leads:
                    assert parts[part] in kept[part]


def test_animals_of_a_number_differ_over_splits_and_numbers() -> None:
    chosen = [tuple(animals.choose_parts(f"0-{n:05d}", "train").values()) for n in range(100)]
    assert len(set(chosen)) > 90


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_animals_in_any_palette(number: int) -> None:
    drawing, entry = animals.render_animal(f"0-{number:05d}", "train", size=SIZE)
    svg, markers = animals.animal_svg(entry.parts)
    palette = sample_palette(markers, np.random.default_rng(number))
    colors = {slot: "#{:02x}{:02x}{:02x}".format(*color) for slot, color in palette.items()}
    truth = over(rasterize(recolor(svg, markers, colors), SIZE), 255).astype(int)
    difference = np.abs(drawing.picture(palette | {"background": (255, 255, 255)}) - truth)
    # A level for the rounding of each plane and each overlap; a slot under VISIBLE_PIXELS is black.
    assert difference.mean() < 0.5 and np.quantile(difference, 0.995) <= 8
    assert entry.slots[:2] == ("background", "coat") and set(entry.palette) == set(entry.slots)


def test_what_is_dark_in_an_animal_is_a_line() -> None:
    drawing, _ = animals.render_animal("0-00000", "train", size=SIZE)
    eyes = (drawing.coverage.max(axis=0) == 0) & (drawing.base.max(axis=-1) < 64)
    assert eyes.any() and drawing.lines[0][eyes].max() < 128


def test_every_shape_of_the_package_has_slots_with_meaning() -> None:
    for part in animals.PARTS:
        for variant in animals.variants(part):
            parts = dict.fromkeys(animals.PARTS, "none") | {part: variant}
            _, markers = animals.animal_svg(parts)
            meanings = {slot.split("-")[0] for slot in markers}
            assert meanings <= {"coat", "patch", "ears", "innerEar", "horns", "mane", "nose", "muzzle", "tongue"}


def test_cats_are_the_packages_layers_over_white() -> None:
    from PIL import Image

    picture, entry = cats.render_cat("0-00001", "test", size=SIZE)
    assert (entry.kind, entry.id, picture.shape) == ("painted", "test-0-00001", (SIZE, SIZE, 3))
    page = Image.new("RGBA", (1024, 1024), "white")
    for part in cats.PARTS:
        path = next(cats._folder(part).glob(f"*#{entry.parts[part]}.png"))
        layer = Image.open(path).convert("RGBA").resize((1024, 1024))
        page.alpha_composite(layer)
    slow = np.asarray(page.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX)).astype(int)
    # The oracle lays layers over at full size and shrinks last; we shrink first. Within a pixel where edges of two
    # layers meet these differ, elsewhere they do not.
    assert np.abs(picture - slow).mean() < 1.5
    again, _ = cats.render_cat("0-00001", "test", size=SIZE)
    np.testing.assert_array_equal(picture, again)


def test_jobs() -> None:
    assert [job.id for job in animals.animal_jobs(train=1, test=1, seed=3)] == ["train-3-00000", "test-3-00000"]
    assert [job.id for job in cats.cat_jobs(train=1, val=1)] == ["train-0-00000", "val-0-00000"]
