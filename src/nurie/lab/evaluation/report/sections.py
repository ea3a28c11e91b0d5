"""The sections of the report. A further one is one more entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nurie.errors import ConfigError
from nurie.lab.evaluation.report import anime, characters, drawings, figures, left_out, margins, widths
from nurie.lab.evaluation.report.cases import Draw
from nurie.lab.evaluation.report.material import Material


@dataclass(frozen=True, kw_only=True)
class Section:
    """A kind of drawing and reference."""

    name: str
    """What it is asked for by."""
    about: str
    """One sentence that defines it."""
    plan: Callable[[Material], list[Draw]]
    """The cases that a material gives, not drawn yet; raises NotHere where it lacks what is needed."""
    exact: bool = True
    """Whether the truth is what a perfect answer gives; only then can a case be one of the worst."""


class Sections:
    """Sections by name, in the order of the report."""

    def __init__(self, sections: Iterable[Section] = ()) -> None:
        """Start with these."""
        self._sections: dict[str, Section] = {}
        for section in sections:
            self.add(section)

    def add(self, section: Section) -> None:
        """Add one at the end.

        Raises:
            ConfigError: its name is taken; nothing is changed.
        """
        if section.name in self._sections:
            raise ConfigError(f"There is a section {section.name!r} already; give the new one another name.")
        self._sections[section.name] = section

    def __iter__(self) -> Iterator[Section]:
        """In the order of the report."""
        return iter(self._sections.values())

    def choose(self, names: Sequence[str]) -> list[Section]:
        """The sections of these names, in the order of the report; all where none is named.

        Raises:
            ConfigError: no such section.
        """
        unknown = [name for name in names if name not in self._sections]
        if unknown:
            raise ConfigError(f"No section {unknown[0]!r}; there are: {', '.join(self._sections)}.")
        return [section for section in self if not names or section.name in names]


SECTIONS = Sections(
    (
        Section(
            name="seen",
            about="Held-out characters of the training styles, the reference another character of the style in the "
            "same palette: the first rows of the palette list of this name, as that protocol draws and scores them.",
            plan=characters.from_list("seen"),
        ),
        Section(
            name="seen-drawn",
            about="The same rows without the regions that the line art does not show (less than a third of whose "
            "border has ink within two pixels, such as loose coloured hairs): nobody could know of them.",
            plan=characters.changed("seen-drawn", characters.drawn_only),
        ),
        Section(
            name="cross",
            about="As seen with a reference of another training style: the first rows of the palette list.",
            plan=characters.from_list("cross"),
        ),
        Section(
            name="cross-drawn",
            about="The rows of cross without the regions that the line art does not show, as in seen-drawn.",
            plan=characters.changed("cross-drawn", characters.drawn_only, rows="cross"),
        ),
        Section(
            name="reserved",
            about="As seen in the two styles that no training sees (big-ears, avataaars): the first rows of the "
            "palette list.",
            plan=characters.from_list("reserved"),
        ),
        Section(
            name="emoji",
            about="Emoji of the test split (concepts that no training saw), the reference the same emoji in the same "
            "fresh palette, placed independently.",
            plan=drawings.emoji_cases,
        ),
        Section(
            name="animals",
            about="Animal heads and critters of the test split, the reference another one of the source in the same "
            "fresh palette, placed independently.",
            plan=drawings.animal_cases,
        ),
        Section(
            name="whole-figures",
            about="People in poses of the test split, whole or cut off at knees, waist or chest, the reference another "
            "one in the same fresh palette, placed independently.",
            plan=drawings.whole_figure_cases,
        ),
        Section(
            name="cats",
            about="Painted cats of the test split, lines by XDoG, the reference the cat itself, placed independently; "
            "colour error is over all pixels of the figure, which is shaded and has no slots.",
            plan=drawings.cat_cases,
        ),
        Section(
            name="anime",
            about="Shaded anime figures by hands that no training saw (Ren'Py's characters), whole and as busts, lines "
            "by XDoG at twice the size; the reference is another picture of the same figure in the same clothes, "
            "with another face or in another pose, bent by a mild thin-plate spline and placed independently; colour "
            "error as for cats. Four figures in thirteen pictures: no more than a sample.",
            plan=anime.anime_cases,
        ),
        Section(
            name="left-out-self",
            about="Drawn art of the validation split, of which artists, characters, stories and episodes are left out "
            "of the training as a whole, lines by XDoG at twice the size; the reference is the picture itself, bent by "
            "a mild thin-plate spline and placed independently. Colour error as for cats; where the ground is painted, "
            "over all of the picture.",
            plan=left_out.self_cases,
        ),
        Section(
            name="left-out-other",
            about="The same, the reference that other picture of the same character, story or episode which shows most "
            "of its colours: two pictures of a figure differ in light, and not all that one shows is in the other.",
            plan=left_out.other_cases,
            exact=False,
        ),
        Section(
            name="openmoji",
            about="OpenMoji's artist-drawn lines, the reference the picture's own colours, bent by a mild thin-plate "
            "spline and placed independently.",
            plan=drawings.openmoji_cases,
        ),
        Section(
            name="openmoji-other",
            about="OpenMoji's lines, the reference the same concept from another emoji set, scored against OpenMoji's "
            "own colours: two hands choose different colours, so this error has a floor that is not the model's.",
            plan=drawings.openmoji_other_cases,
            exact=False,
        ),
        Section(
            name="painted-reference",
            about="Rows of seen whose reference is shaded (gradients, shadows, highlights); lines, truth and palette "
            "stay flat.",
            plan=characters.changed("painted-reference", characters.painted_reference),
        ),
        Section(
            name="painted-truth",
            about="Rows of seen whose lines are XDoG's of the shaded truth; the reference is flat, and the median of "
            "every region is scored against its flat colour.",
            plan=characters.changed("painted-truth", characters.painted_truth),
        ),
        Section(
            name="several-references",
            about="Rows of seen with a third character of the style in the same palette as second reference; what "
            "either of the two shows is scored.",
            plan=characters.changed("several-references", characters.several_references),
        ),
        Section(
            name="with-stranger",
            about="Rows of seen with a character of another style in another palette as second reference; its colours "
            "are wrong choices, though nothing but likeness says so.",
            plan=characters.changed("with-stranger", characters.with_stranger),
        ),
        Section(
            name="same-hand",
            about="Rows of seen with two references: the drawing's own character, told by its leading part (hair or "
            "head), with other eyes, mouth and clothes, and a stranger of the same style that looks different, in "
            "another palette; styles with one held-out look (micah, toon-head) are passed over.",
            plan=characters.changed("same-hand", characters.same_hand, fits=characters.has_look),
        ),
        Section(
            name="two-figures",
            about="Two rows of seen in one drawing, side by side or one over a quarter of the other, and one reference "
            "with both in their own palettes, placed independently and in either order: of two styles, where it shows "
            "other characters of these, or of one style, where it shows the two characters themselves as in same-hand.",
            plan=figures.two_figure_cases,
        ),
        Section(
            name="two-references",
            about="The drawings of two-figures, each figure with a reference of its own.",
            plan=figures.two_reference_cases,
        ),
        Section(
            name="small-figures",
            about="Rows of seen at 40 % of the picture among three or four emoji and animals of the test split; the "
            "reference shows another character of the style in the same palette and the same things in the same fresh "
            "palettes, each placed independently.",
            plan=figures.small_figure_cases,
        ),
        Section(
            name="missing-part",
            about="Rows of seen whose reference lacks a third to a half of its figure, cut from one side; only what "
            "is left of it is scored.",
            plan=characters.changed("missing-part", characters.missing_part),
        ),
        Section(
            name="widths",
            about="Rows of seen whose lines come by stylesheet, drawn at 256, 512 and 1024 pixels with lines of 1 to "
            "12 pixels, scored at 256 x 256 of their pixels; the bare network answers at 256 alone.",
            plan=widths.width_cases,
        ),
        Section(
            name="scan",
            about="Rows of seen whose lines are seen as a scanned pencil drawing: grey or yellowish paper with a "
            "gradient, grain and dust, soft pale lines.",
            plan=characters.changed("scan", characters.scanned),
        ),
        Section(
            name="margins",
            about="Rows of seen and of emoji on a sheet of twice the width and height: the drawing lies anywhere on "
            "white paper, or the reference on more of its ground; the bare network answers with the reference alone.",
            plan=margins.margin_cases,
        ),
        Section(
            name="foreign",
            about="Rows of seen with a painted cat as reference: there is no truth, and only the paper is scored, "
            "which should stay paper.",
            plan=drawings.foreign_cases,
        ),
    )
)
