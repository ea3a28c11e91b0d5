import pytest

from nurie.errors import ConfigError
from nurie.lab.models.generator import GeneratorSettings
from nurie.lab.reproduce.budget import BUDGETS, Budget


def test_the_papers_budget_is_the_papers():
    """Section 4.1, and the official network's sizes where the paper is silent."""
    paper = Budget.parse("paper")
    assert paper == Budget()
    assert (paper.size, paper.epochs, paper.long_epochs, paper.batch) == (256, 40, 200, 16)
    assert (paper.perceptual, paper.style, paper.backbone, paper.rate) == (0.01, 50, "vgg19", 1)
    assert not any((paper.pictures, paper.animal_pictures, paper.test_pictures, paper.palette_rows))
    plain = GeneratorSettings()
    for name in ("width", "levels", "patch", "token_stride", "residual_blocks"):
        assert getattr(paper, name) == getattr(plain, name)
    # 40 x 33,323 / 16, to the epoch of whole steps.
    assert paper.steps(33323) == 40 * 2083 and paper.steps(33323, paper.long_epochs) == 200 * 2083


@pytest.mark.parametrize("name", BUDGETS)
def test_every_budget_is_named_and_has_the_papers_tokens(name):
    budget = Budget.parse(name)
    assert budget.name == name
    if name != "smoke":
        assert (budget.size // budget.token_stride) ** 2 == 256


def test_changes():
    changed = Budget.parse("cpu, epochs=3,rate=0.5 ,backbone=vgg16-hed")
    assert (changed.epochs, changed.rate, changed.backbone) == (3, 0.5, "vgg16-hed")
    assert changed.name == "cpu, epochs=3,rate=0.5 ,backbone=vgg16-hed"
    assert changed.batch == Budget.parse("cpu").batch


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("huge", "No budget 'huge'; there are: paper, cpu, smoke. Change one: cpu,epochs=20"),
        ("", "No budget ''; there are: paper"),
        ("cpu,epoch=3", "A budget has no 'epoch=3'; it has: size=, pictures=,"),
        ("cpu,epochs", "A budget has no 'epochs'"),
        ("cpu,name=x", "A budget has no 'name=x'"),
        ("cpu,epochs=three", "The budget's epochs is 'three'; it should be a number"),
        ("cpu,epochs=2.5", "The budget's epochs is '2.5'; it should be a number"),
        ("cpu,epochs=0", "The budget's epochs is 0; it should be at least 1"),
        ("cpu,seeds=-1", "The budget's seeds is -1; it should be at least 1"),
        ("cpu,pictures=-8", "The budget's pictures is -8; it should be 0 or more"),
        ("cpu,rate=nan", "The budget's rate is nan"),
        ("cpu,rate=0", "nothing would be learnt"),
        ("cpu,test_pictures=1", "2 or more, which pair up"),
        ("cpu,backbone=resnet", "The budget's backbone is 'resnet'; there are: vgg19, vgg16-hed"),
        ("cpu,size=72", "The budget's size is 72; it should be a multiple of 16"),
        ("paper,levels=7,size=96", "The budget's size is 96; it should be a multiple of 64"),
        ("cpu,token_stride=3", "token_stride 3 is no level's stride"),
    ],
)
def test_what_is_no_budget_says_what_there_is(text, says):
    with pytest.raises(ConfigError) as error:
        Budget.parse(text)
    assert says in str(error.value)


def test_steps_by_hand():
    budget = Budget(batch=8, epochs=5)
    assert budget.steps_per_epoch(1200) == 150 and budget.steps(1200) == 750
    assert budget.steps(1200, 2) == 300
    assert budget.steps_per_epoch(3) == 1  # fewer pictures than a batch
    assert budget.steps_per_epoch(13) == 2


def test_the_line_for_every_output_says_what_was_left_out():
    text = Budget.parse("cpu,seeds=3").describe()
    for part in ("budget cpu,seeds=3: 64 x 64 px", "1200 portraits, 480 of each", "8 epochs (40 for Fig. 9)"):
        assert part in text
    for part in ("256 tokens", "no perceptual and no style loss", "learning rates x 5", "3 seeds"):
        assert part in text
    paper = Budget().describe()
    assert "all pictures" in paper and "perceptual and style losses on vgg19" in paper and paper.endswith("1 seed")
