import json
from importlib.metadata import version

import numpy as np
import pytest
from torch import nn

from nurie.errors import ConfigError, DataError, InputError
from nurie.lab.evaluation import similarity
from nurie.lab.evaluation.distances import frechet_distance, kernel_distance
from nurie.lab.evaluation.extractors import Absent, Extractor, Extractors
from nurie.lab.evaluation.pairs import draw_lines, make_pairs, pairs_sha256
from nurie.lab.evaluation.pictures import Picture, pictures_sha256
from nurie.lab.evaluation.protocols import SCORES, Score, draw_pairs, score_pictures

SIZE = 13


class Corner(nn.Module):
    """Five features that a computer has no trouble with."""

    def __init__(self, start):
        super().__init__()
        self.start = start

    def forward(self, image):
        return image.float().flatten(1)[:, self.start : self.start + 5]


class Lightness:
    library = "by hand 1"

    def __call__(self, results, truths):
        return np.abs(results.mean((1, 2, 3)) - truths.mean((1, 2, 3)))


@pytest.fixture
def extractors():
    return Extractors(
        inception=Extractor(lambda: Corner(0), dim=5, library="corner 1"),
        efficientnet=Extractor(lambda: Corner(40), dim=5, library="corner 2"),
        lpips=Lightness(),
    )


@pytest.fixture(scope="module")
def pictures():
    arrays = np.random.default_rng(0).integers(0, 256, (19, SIZE, SIZE, 3), np.uint8)
    return [Picture(name=f"noise/{number:02d}", array=array) for number, array in enumerate(arrays)]


def darker(line_art, reference):
    return reference // 2


def test_cases_are_the_pairs_with_their_pictures(pictures):
    by_name = {picture.name: picture.array for picture in pictures}
    cases = list(draw_pairs(pictures[::-1], "standard"))
    assert [case.pair for case in cases] == make_pairs("standard", sorted(by_name))
    for case in cases:
        assert np.array_equal(case.truth, by_name[case.pair.line_art])
        assert np.array_equal(case.reference, by_name[case.pair.reference])
        assert np.array_equal(case.line_art, draw_lines(case.truth, case.pair.sigma))


@pytest.mark.parametrize("protocol", ["paper", "standard"])
def test_scores_are_those_of_results_and_originals(pictures, extractors, protocol):
    cases = list(draw_pairs(pictures, protocol))
    results = np.stack([darker(case.line_art, case.reference) for case in cases])
    truths = np.stack([case.truth for case in cases])
    features = {
        name: (extractor(list(results)), extractor(list(truths)))
        for name, extractor in (("I", extractors.inception), ("E", extractors.efficientnet))
    }
    expected = {
        "FID": frechet_distance(*features["I"]),
        "KID": kernel_distance(*features["I"]),
        "FD-EfficientNet-Lite0": frechet_distance(*features["E"]),
        "KD-EfficientNet-Lite0": kernel_distance(*features["E"]),
        "global SSIM": similarity.global_ssim(results, truths).mean(),
        "SSIM": similarity.windowed_ssim(results, truths).mean(),
        "PSNR": similarity.psnr(results, truths).mean(),
        "LPIPS": Lightness()(results, truths).mean(),
    }
    report = score_pictures(darker, pictures, protocol=protocol, extractors=extractors)
    assert tuple(report.scores) == SCORES[protocol]
    for name, score in report.scores.items():
        if name == "MS-SSIM":
            assert score.value is None and "176 pixels a side" in score.reason
        else:
            assert score.value == pytest.approx(expected[name], rel=1e-9), name
    assert expected["FID"] != pytest.approx(expected["FD-EfficientNet-Lite0"], rel=1e-3)
    assert report.scores["FID"].library == f"torchmetrics {version('torchmetrics')}, corner 1"


def test_a_report_says_what_it_is(pictures, extractors, tmp_path):
    seen = []
    arguments = dict(protocol="paper", extractors=extractors, checkpoint="abc", dataset="noise")
    report = score_pictures(darker, pictures, progress=lambda *state: seen.append(state), **arguments)
    assert seen == [(number, 16) for number in range(1, 17)]
    report.to_json(tmp_path / "a" / "report.json")
    stored = json.loads((tmp_path / "a" / "report.json").read_text())
    assert stored["protocol"] == "paper-1" and stored["pictures"] == 16 and stored["size"] == [SIZE, SIZE]
    assert stored["checkpoint"] == "abc" and stored["dataset"] == "noise"
    assert stored["pictures_sha256"] == pictures_sha256(pictures)
    assert stored["pairs_sha256"] == pairs_sha256(report.pairs) and len(stored["pairs"]) == 16
    assert {"nurie", "torch", "torchmetrics", "numpy"} <= set(stored["versions"])
    assert stored["scores"]["FID"]["value"] == report.scores["FID"].value
    assert any("3 of 19 pictures are not in a whole batch" in note for note in stored["notes"])
    assert any("reference has other colours" in note for note in stored["notes"])
    # Once more, from another order and with features that were kept: the same bytes.
    score_pictures(darker, pictures[::-1], **arguments).to_json(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "a" / "report.json").read_bytes()
    text = report.to_markdown()
    assert f"| global SSIM | {report.scores['global SSIM'].value:.4f} | more |" in text and "| FID |" in text


def test_what_is_absent_says_why(pictures):
    absent = Extractors(
        inception=Absent("no weights"),
        efficientnet=Extractor(lambda: Corner(0), dim=99, library="c"),
        lpips=Absent("no"),
    )
    report = score_pictures(darker, pictures[:5], protocol="standard", extractors=absent)
    for name, reason in (("FID", "no weights"), ("KID", "no weights"), ("LPIPS", "no")):
        assert report.scores[name] == Score(reason=reason, library=report.scores[name].library)
        assert report.to_dict()["scores"][name]["value"] is None
        assert (
            f"| {name} | absent |" in report.to_markdown() and f"* {name} is absent: {reason}" in report.to_markdown()
        )
    assert any("FD-EfficientNet-Lite0 of 5 pictures, fewer than its 99 features" in note for note in report.notes)
    assert not any("FID of" in note for note in report.notes)
    report = score_pictures(darker, pictures[:5], protocol="paper", extractors=absent)
    assert any("5 pictures are fewer than a batch of 16" in note for note in report.notes)


def test_a_result_that_is_the_truth(pictures, extractors):
    truths = {case.line_art.tobytes(): case.truth for case in draw_pairs(pictures, "standard")}
    report = score_pictures(
        lambda line_art, reference: truths[line_art.tobytes()], pictures, protocol="standard", extractors=extractors
    )
    assert report.scores["SSIM"].value == pytest.approx(1)
    assert report.scores["FID"].value == pytest.approx(0, abs=1e-3)  # of distances of some ten thousand
    assert "no finite value" in report.scores["PSNR"].reason
    json.dumps(report.to_dict(), allow_nan=False)


def test_bad_input_is_refused(pictures, extractors):
    arguments = dict(protocol="paper", extractors=extractors)
    with pytest.raises(InputError, match=r"A result is float64 \(13, 13, 3\); it should be uint8 \(13, 13, 3\)"):
        score_pictures(lambda line_art, reference: reference / 2, pictures, **arguments)
    with pytest.raises(DataError, match="2 pictures or more; received 1"):
        score_pictures(darker, pictures[:1], **arguments)
    other = Picture(name="z/other", array=np.zeros((5, 7, 3), np.uint8))
    with pytest.raises(DataError, match="one size"):
        score_pictures(darker, [*pictures, other], **arguments)
    with pytest.raises(ConfigError, match="No protocol 'fid'"):
        score_pictures(darker, pictures, protocol="fid", extractors=extractors)
