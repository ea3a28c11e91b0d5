import pytest
import torch

from nurie.lab.models.discriminator import Discriminator


def test_parameters_of_the_paper():
    discriminator = Discriminator()
    learned = sum(p.numel() for p in discriminator.parameters())
    # By hand: kernels and biases 592 + 4,640 + 18,496 + 73,856, norms 2 x 240, last convolution 1,153.
    assert learned == 592 + 4640 + 18496 + 73856 + 480 + 1153
    # facts.md's 0.1005 M count the power iteration's vectors: a row's and a column's for each kernel.
    assert learned + sum(rows + columns for rows, columns in ((16, 36), (32, 144), (64, 288), (128, 576))) == 100_501


def test_one_score_for_each_patch_of_any_size():
    discriminator = Discriminator(width=2)
    assert discriminator(torch.zeros(3, 3, 48, 80), torch.zeros(3, 1, 48, 80)).shape == (3, 1, 3, 5)


def test_the_picture_comes_first_then_the_line_art():
    discriminator = Discriminator(width=2).eval()
    seen = []
    discriminator.main[0].register_forward_hook(lambda module, args, output: seen.append(args[0]))
    discriminator(torch.full((1, 3, 16, 16), 0.5), torch.full((1, 1, 16, 16), -1.0))
    assert (seen[0][:, :3] == 0.5).all() and (seen[0][:, 3:] == -1).all()


def test_kernels_have_a_spectral_norm_of_one_but_for_the_last():
    torch.manual_seed(0)
    discriminator = Discriminator(width=3).train()
    for _ in range(60):  # one power iteration each
        discriminator(torch.randn(2, 3, 16, 16), torch.randn(2, 1, 16, 16))
    discriminator.eval()
    for layer in discriminator.main:
        if isinstance(layer, torch.nn.Conv2d):
            largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item()
            if layer is discriminator.main[-1]:
                assert largest != pytest.approx(1, abs=0.02)
            else:
                # Power iterations come near the largest singular value, from below.
                assert largest == pytest.approx(1, abs=0.02)


def test_gradient_reaches_picture_and_line_art():
    picture, lines = torch.randn(1, 3, 32, 32, requires_grad=True), torch.randn(1, 1, 32, 32, requires_grad=True)
    Discriminator(width=2).eval()(picture, lines).square().sum().backward()
    assert picture.grad.abs().max() > 0 and lines.grad.abs().max() > 0
