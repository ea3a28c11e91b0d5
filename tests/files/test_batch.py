import hashlib
import json
import os
from pathlib import Path

import pytest

from nurie.errors import InputError, OutputError
from nurie.files.batch import Job, Run, digest_of, passed_over, pictures_of, plan, unreadable


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """A folder as people have them; planning never opens a picture."""
    folder = tmp_path / "chapter"
    (folder / "inner.png").mkdir(parents=True)
    for name in ("b.PNG", "a.png", "c.jpeg", ".DS_Store", "._a.png", "Thumbs.db", "notes.txt"):
        (folder / name).write_bytes(b"x")
    return folder


def test_a_folder_s_pictures_by_name(chapter: Path) -> None:
    assert [path.name for path in pictures_of([chapter])] == ["a.png", "b.PNG", "c.jpeg"]


def test_none_twice_and_named_files_whatever_their_suffix(chapter: Path) -> None:
    paths = [chapter / "c.jpeg", chapter, chapter / ".." / "chapter" / "a.png", chapter / "notes.txt"]
    assert [path.name for path in pictures_of(paths)] == ["c.jpeg", "a.png", "b.PNG", "notes.txt"]


def test_names_are_ordered_as_people_count(tmp_path: Path) -> None:
    names = ["1-9.png", "2.png", "10.png", "p\u0663.png", "p 2.png", "P 10.png", "p 10b.png", "p\u00b2.png"]
    for name in reversed(names):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in pictures_of([tmp_path])] == names


def test_folders_with_pictures_in_folders_are_not_looked_into_and_are_told(chapter: Path) -> None:
    for name in ("part 10", "part 2", ".cache", "out", "text"):
        (chapter / name).mkdir()
        (chapter / name / ("a.txt" if name == "text" else "a.png")).write_bytes(b"x")
    assert [path.name for path in pictures_of([chapter])] == ["a.png", "b.PNG", "c.jpeg"]
    two, ten = chapter / "part 2", chapter / "part 10"
    assert passed_over([chapter, two / "a.png"], known=[chapter / ".." / "chapter" / "out"]) == [two, ten]
    assert passed_over([chapter, ten, two], known=[chapter / "out"]) == []
    with pytest.raises(InputError, match=r"no picture in it .*; give those in it that have: .*part 2, .*part 10"):
        for path in (*chapter.glob("*.*"), chapter / "out" / "a.png"):
            if path.is_file():
                path.unlink()
        pictures_of([chapter])


def test_pictures_of_other_kinds_are_told_unless_one_that_is_read_stands_beside(chapter: Path) -> None:
    for name in ("page 10.heic", "page 2.PSD", "a.psd", "b.clip", ".d.gif"):
        (chapter / name).write_bytes(b"x")
    other = [chapter / "page 2.PSD", chapter / "page 10.heic"]
    assert unreadable([chapter, chapter, chapter / "a.psd"]) == other
    assert unreadable([chapter / "page 2.PSD"]) == []


def test_what_is_missing_is_named(chapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"none\.png does not exist"):
        pictures_of([chapter, tmp_path / "none.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture"):
        pictures_of([tmp_path / "empty"])

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        pictures_of([chapter])


def test_one_file_to_a_file_or_a_folder(chapter: Path, tmp_path: Path) -> None:
    source = chapter / "c.jpeg"
    assert [job.target for job in plan([source], tmp_path / "o.tif")] == [tmp_path / "o.tif"]
    assert [job.target for job in plan([source], tmp_path / "out")] == [tmp_path / "out" / "c.png"]
    (tmp_path / "v1.2").mkdir()
    assert [job.target for job in plan([source], tmp_path / "v1.2")] == [tmp_path / "v1.2" / "c.png"]
    assert not (tmp_path / "out").exists()


def test_a_folder_to_a_folder(chapter: Path, tmp_path: Path) -> None:
    jobs = plan([chapter], tmp_path / "out")
    assert [(job.source.name, job.target.name) for job in jobs] == [
        ("a.png", "a.png"),
        ("b.PNG", "b.png"),
        ("c.jpeg", "c.png"),
    ]


def test_a_format_that_a_file_contradicts(chapter: Path, tmp_path: Path) -> None:
    source = chapter / "a.png"
    with pytest.raises(OutputError, match=r"o\.png is not \.psd, the format asked for"):
        plan([source], tmp_path / "o.png", suffix="psd", further=[".psd"])
    for suffix in ("PNG", ".png", None):
        assert plan([source], tmp_path / "o.png", suffix=suffix)[0].target == tmp_path / "o.png"
    assert plan([source], tmp_path / "out", suffix="psd", further=[".psd"])[0].target == tmp_path / "out" / "a.psd"
    with pytest.raises(OutputError, match="cannot write '.xcf'"):
        plan([source], tmp_path / "out", suffix="xcf")


@pytest.mark.parametrize("name", ["o.xcf", "o.gif", "o.v2"])
def test_a_suffix_that_is_not_written(chapter: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        plan([chapter / "a.png"], tmp_path / name)


def test_several_need_a_folder(chapter: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="give a folder"):
        plan([chapter], tmp_path / "o.png")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        plan([chapter], tmp_path / "file")
    with pytest.raises(OutputError, match="is a file"):
        plan([chapter / "a.png"], tmp_path / "file" / "deep" / "o.png")


@pytest.mark.parametrize("other", ["chapter/a.jpg", "chapter/A.png", "second/a.png"])
def test_two_drawings_never_become_one_file(chapter: Path, tmp_path: Path, other: str) -> None:
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).write_bytes(b"x")
    with pytest.raises(OutputError, match="would both become"):
        plan([chapter / "a.png", tmp_path / other], tmp_path / "out")


def test_no_output_replaces_an_input(chapter: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="would replace an input"):
        plan([chapter], chapter)
    with pytest.raises(OutputError, match="would replace an input"):
        plan([chapter / "a.png"], chapter / "a.png")
    os.link(chapter / "a.png", tmp_path / "same.png")
    with pytest.raises(OutputError, match="would replace an input"):
        plan([chapter / "a.png"], tmp_path / "same.png")
    (tmp_path / "ref.png").write_bytes(b"x")
    with pytest.raises(OutputError, match="would replace an input"):
        plan([chapter / "a.png"], tmp_path / "ref.png", keep=[tmp_path / "ref.png"])
    # beside the inputs under another name is fine
    assert plan([chapter / "c.jpeg"], chapter)[0].target == chapter / "c.png"


SETTINGS = {"references": "abc", "palette": ["#c8283c"], "scale": None}


@pytest.fixture
def jobs(chapter: Path, tmp_path: Path) -> list[Job]:
    (tmp_path / "out").mkdir()
    for file in chapter.glob("*.*"):
        if file.is_file():
            file.write_text(file.name)
    return plan([chapter], tmp_path / "out")


def make(job: Job, *, overwrite: bool = False, begin: bool = True, **settings: object) -> None:
    run = Run(job.target.parent, SETTINGS | settings, begin=begin)
    with run.making(job, overwrite=overwrite):
        job.target.write_text("made")


def a_run(jobs: list[Job], **settings: object) -> Run:
    return Run(jobs[0].target.parent, SETTINGS | settings, begin=True)


def test_an_output_is_there_when_all_it_was_made_with_is_the_same(jobs: list[Job]) -> None:
    make(jobs[0])
    jobs[1].target.write_text("somebody else's")
    run = a_run(jobs)
    assert [run.has(job) for job in jobs] == [True, False, False]
    run.check(jobs)
    # somebody painted in it since, or deleted it
    jobs[0].target.write_text("painted over")
    assert a_run(jobs).has(jobs[0])
    jobs[0].target.unlink()
    assert not a_run(jobs).has(jobs[0])
    a_run(jobs, references="other").check(jobs)
    with pytest.raises(OutputError, match=r"b\.png exists; give --overwrite"):
        make(jobs[1])
    assert jobs[1].target.read_text() == "somebody else's"


def test_the_record_says_what_an_output_was_made_with(jobs: list[Job]) -> None:
    make(jobs[0])
    (line,) = (jobs[0].target.parent / ".nurie-run.jsonl").read_text().splitlines()
    inner = hashlib.sha256(b"a.png").digest()
    assert json.loads(line) == {
        "output": "a.png",
        "drawing": hashlib.sha256(inner).hexdigest(),
        "corrections": None,
        **SETTINGS,
    }


def test_a_changed_drawing_or_correction_is_not_passed_off(jobs: list[Job]) -> None:
    for job in jobs:
        make(job)
    jobs[0].source.write_text("redrawn")
    jobs[1].target.with_name("b.png.nurie.json").write_text("{}")
    run = a_run(jobs)
    assert [run.has(job) for job in jobs] == [False, False, True]
    # those are for each page; the others go on
    run.check(jobs)
    for job, what in zip(jobs, ["drawing", "corrections"], strict=False):
        with pytest.raises(OutputError, match=f"exists, but {what} changed since; give --overwrite"):
            make(job)
        make(job, overwrite=True)
        assert a_run(jobs).has(job)


def test_other_settings_are_refused_before_any_work(jobs: list[Job]) -> None:
    make(jobs[0])
    make(jobs[1], palette=None)
    with pytest.raises(OutputError, match=r"^a\.png, b\.png in .*out: references and palette changed since\. Give"):
        a_run(jobs, references="other", palette=["#000000"]).check(jobs)
    a_run(jobs, references="other").check(jobs[2:])
    with pytest.raises(OutputError, match=r"^b\.png in .*out: palette changed"):
        a_run(jobs).check(jobs)
    # a setting that the record does not know is one that changed; one that is not asked for any more is none
    with pytest.raises(OutputError, match="mode changed"):
        a_run(jobs, mode="soft").check(jobs[:1])
    make(jobs[2], mode="soft")
    assert a_run(jobs).has(jobs[2])
    make(jobs[1], overwrite=True)
    a_run(jobs).check(jobs)
    assert a_run(jobs).has(jobs[1])


def test_a_record_of_version_0_1_is_understood(jobs: list[Job]) -> None:
    settings = {"layer_per_color": True}
    with Run(jobs[0].target.parent, settings, begin=True).making(jobs[0], overwrite=False):
        jobs[0].target.parent.mkdir(exist_ok=True)
        jobs[0].target.write_text("made")
    record = jobs[0].target.parent / ".nurie-run.jsonl"
    record.write_text(record.read_text().replace("layer_per_color", "layer_per_colour"))
    assert Run(jobs[0].target.parent, settings, begin=True).has(jobs[0])
    assert not Run(jobs[0].target.parent, {"layer_per_color": False}, begin=True).has(jobs[0])


def test_only_what_was_finished_is_recorded(jobs: list[Job]) -> None:
    for error in (KeyboardInterrupt, OutputError):
        with pytest.raises(error), a_run(jobs).making(jobs[0], overwrite=False):
            raise error
    assert not list(jobs[0].target.parent.iterdir())
    # a drawing that is saved while it is coloured counts as it was before
    with a_run(jobs).making(jobs[0], overwrite=False):
        jobs[0].source.write_text("redrawn")
        jobs[0].target.write_text("made")
    assert not a_run(jobs).has(jobs[0])


def test_one_file_is_recorded_only_where_there_is_a_record(jobs: list[Job]) -> None:
    make(jobs[0], begin=False)
    assert [path.name for path in jobs[0].target.parent.iterdir()] == ["a.png"]
    make(jobs[1])
    make(jobs[0], overwrite=True, begin=False)
    assert a_run(jobs).has(jobs[0])


@pytest.mark.parametrize("damage", [b"", b"{", b"[]\n", b'"x"\n', b'{"output": []}\n', b"\xff\xfe\n", b"null\n{}\n"])
def test_a_damaged_line_says_nothing(jobs: list[Job], damage: bytes) -> None:
    make(jobs[0])
    record = jobs[0].target.parent / ".nurie-run.jsonl"
    record.write_bytes(damage + b"\n" + record.read_bytes() + damage)
    jobs[1].target.write_text("x")
    run = a_run(jobs)
    assert [run.has(job) for job in jobs] == [True, False, False]
    record.unlink()
    record.mkdir()
    assert not a_run(jobs).has(jobs[0])
    with pytest.raises(OutputError, match=r"cannot write .*nurie-run\.jsonl: Is a directory"):
        make(jobs[2])


def test_a_digest_is_of_what_is_in_files_and_of_their_order(chapter: Path) -> None:
    a, b = chapter / "a.png", chapter / "b.PNG"
    assert digest_of([a, b]) == digest_of([a, a])
    b.write_bytes(b"y")
    assert len({digest_of(files) for files in ([], [a], [b], [a, b], [b, a])}) == 5
    with pytest.raises(InputError, match=r"no\.png cannot be read: No such file"):
        digest_of([a, chapter / "no.png"])
