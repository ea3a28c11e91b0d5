import pytest
import torch

from nurie.lab.augment.chance import noise, pixel_uniform

SHAPE = (2, 3, 5, 7)
#: Each draw with the function of torch that it is on the CPU.
DRAWS = [pytest.param(pixel_uniform, torch.rand, id="uniform"), pytest.param(noise, torch.randn, id="noise")]


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("draw", "plain"), DRAWS)
def test_on_the_cpu_the_generator_itself_is_drawn_from(draw, plain):
    """Recipes of before keep their samples, and what is drawn next is what came next."""
    mine, other = seeded(), seeded()
    for _ in range(2):
        assert torch.equal(draw(torch.empty(SHAPE), mine), plain(SHAPE, generator=other))
    assert torch.equal(mine.get_state(), other.get_state())


@pytest.mark.parametrize("like", [torch.zeros(SHAPE), torch.ones(SHAPE, dtype=torch.uint8), torch.zeros(11, 13).mT])
def test_only_shape_and_place_are_as_given(like):
    for draw in (pixel_uniform, noise):
        drawn = draw(like, seeded())
        assert drawn.shape == like.shape and drawn.dtype == torch.float32 and drawn.device == like.device
        assert len(drawn.unique()) > 0.9 * drawn.numel()  # every value has a draw of its own


def test_uniform_and_normal_in_distribution():
    like = torch.empty(97, 101)
    uniform, normal = pixel_uniform(like, seeded()), noise(like, seeded())
    assert uniform.min() >= 0 and uniform.max() < 1
    # Means of 9797 draws: the tolerance is five of their standard deviations.
    assert uniform.mean().item() == pytest.approx(1 / 2, abs=5 * (1 / 12) ** 0.5 / 9797**0.5)
    assert uniform.var().item() == pytest.approx(1 / 12, abs=5 * (1 / 180) ** 0.5 / 9797**0.5)
    assert normal.mean().item() == pytest.approx(0, abs=5 / 9797**0.5)
    assert normal.var().item() == pytest.approx(1, abs=5 * 2**0.5 / 9797**0.5)


def test_without_a_generator_chance_is_torchs_own():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = torch.rand(SHAPE), torch.rand(SHAPE)
        torch.manual_seed(5)
        assert torch.equal(pixel_uniform(torch.empty(SHAPE), None), expected[0])
        assert torch.equal(pixel_uniform(torch.empty(SHAPE), None), expected[1])


@pytest.mark.gpu
@pytest.mark.parametrize("draw", [pixel_uniform, noise])
def test_on_an_accelerator_draws_are_a_function_of_the_generators_state(draw):
    like = torch.empty(SHAPE, device="cuda")
    own = torch.cuda.get_rng_state()
    generator = seeded()
    first, second = draw(like, generator), draw(like, generator)
    assert first.device == like.device and first.shape == SHAPE
    assert not torch.equal(first, second)
    torch.rand(7, device="cuda")  # the device's own chance plays no part
    again = seeded()
    assert torch.equal(draw(like, again), first)
    assert torch.equal(draw(like, again), second)
    assert torch.equal(again.get_state(), generator.get_state())
    assert not torch.equal(draw(like, seeded(5)), first)
    torch.cuda.set_rng_state(own)
    draw(like, seeded())
    assert torch.equal(torch.cuda.get_rng_state(), own)


@pytest.mark.gpu
def test_a_generator_on_the_accelerator_is_drawn_from_itself():
    like = torch.empty(SHAPE, device="cuda")
    drawn = pixel_uniform(like, torch.Generator("cuda").manual_seed(3))
    assert torch.equal(drawn, torch.rand(SHAPE, generator=torch.Generator("cuda").manual_seed(3), device="cuda"))
    assert drawn.min() >= 0 and drawn.max() < 1
