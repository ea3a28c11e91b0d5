"""Where the drawn art comes from: one public repository a source, with commit and licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class ArtSource:
    """Pictures of one public repository (or of a few that belong together)."""

    folder: str
    """Sub-folder of ``--art`` that holds its files."""
    repositories: Mapping[str, str]
    """Public repository on GitHub -> the commit that the pictures are of."""
    title: str
    """What the pictures are, and who made them."""
    license: str
    """As the repository gives it."""
    made: str
    """What was done to the files before they came into the folder; "" for byte copies."""
    upstream: Mapping[str, str] = field(default_factory=dict)
    """Where byte copies lie in clones: a pattern of a file's name in the list -> a glob pattern below ``folder``."""
    drawing: bool = False
    """Whether its files are flat SVGs, which become drawings with slots; else they are painted pictures."""
    ink: str = ""
    """Colour of a drawing's outlines beside black; it becomes black."""
    outlined_by: tuple[str, ...] = ()
    """Artists who draw outlines round all parts; of the others' drawings the lines are the borders of the shapes."""
    by_artist: bool = False
    """Whether artists are left out of training; else groups are."""

    @property
    def credit(self) -> str:
        """The line in CREDITS; the names of the artists are added to it where the list has several."""
        links = [f"https://github.com/{name}" for name in self.repositories]
        where = " and ".join(links) if len(links) < 3 else f"{links[0]} to {links[-1]}"
        changed = "recoloured" if self.drawing else "made smaller, an even ground made white"
        return f"{self.title}, {where}, {self.license}; {changed}."


SOURCES: Mapping[str, ArtSource] = MappingProxyType(
    {
        "african-storybook": ArtSource(
            folder="african_storybook",
            repositories={
                "global-asp/asp-imagebank": "a56e6dbe7aeeb8ea3e53d9941664416e2e7356ad",
                "global-asp/asp-source": "99e022369a980bd52bce8c6f86d5f24e9a4ada9d",
            },
            title="African Storybook (picture-book pages)",
            license="CC BY, version not stated (stories under CC BY alone)",
            made="",
            upstream={r"(\d{4})_(\d{2}\.jpg)": r"medium/\1/\2"},
            by_artist=True,
        ),
        "bookdash": ArtSource(
            folder="bookdash",
            repositories={"bookdash/bookdash-books": "54916310c5c06a5282e2d5d4add18d64f90e5fde"},
            title="Book Dash (picture-book pages)",
            license="CC BY 4.0",
            made="850 pixels, JPEG 88",
        ),
        "duelyst": ArtSource(
            folder="duelyst",
            repositories={"t73liu/open-duelyst-assets": "9fd0a16b611be8c9b991806ec5a6f602aa981823"},
            title="Duelyst by Counterplay Games (heads, figures and portraits)",
            license="CC0 1.0",
            made="cropped, on white, JPEG 90",
        ),
        "gophers": ArtSource(
            folder="gophers",
            repositories={
                "egonelbre/gophers": "63b1f5a9f334f9e23735c6e09ac003479ffe5df5",
                "MariaLetta/free-gophers-pack": "000c33f966d7d392ae8fe7df612686eadd4debed",
            },
            title="Gophers by Egon Elbre and Maria Letta, after the Go gopher by Renee French (CC BY 3.0)",
            license="CC0 1.0",
            made="",
            upstream={
                r"(egonelbre)/(.+)": r"\1/vector/*/\2",
                r"(marialetta)/(.+)": r"\1/characters/svg/\2",
            },
            drawing=True,
            ink="#394655",
            outlined_by=("Maria Letta",),
        ),
        "mikanixonable": ArtSource(
            folder="mikanixonable_illusts",
            repositories={"Mikanixonable/illusts": "a48e5f319a1faabd8cf31700b05a3b143b626f48"},
            title="Anime drawings by Mikanixonable",
            license="CC0 1.0",
            made="1280 pixels, lossless WebP",
        ),
        "peppercarrot": ArtSource(
            folder="peppercarrot_pages",
            repositories={
                f"Deevad/peppercarrot_ep{number:02d}_translation": commit
                for number, commit in enumerate(
                    """cf2066226b52ccd429e6d8a1edea933fd8f27e06 dca122a3381bf69effeb5ee1d440bd04b7d7d99a
                    a787763e48ef6e7c2e0975aa703409f601155b72 b6046b513e6e46552178638757696c2f6f589fd3
                    f2abaa4c9cdb352f2d8aed0084bb8d1ce484bce8 060a173989b11642c69d3ab0148577d6be615a60
                    be64f431bed67fa34f2741536cc29dd99e693210 06c3853f71e5c4f4a814e4867278e1aae5519068
                    650390ee50d1800ac0493d21a36a83bfc4d4aa25 5ce0ebb86179f4ebc38519c1fb75ec8623b11d32
                    ba69871a915d61cd575d765621126b55436922ad 163519f2d999d3b24d4cb90550431896443ec152
                    a0cf0f486feb4e449d7e9ecbce463be90c729c2e 44bbd344f5917ac5c3b22c90eb5f93bb169784f0
                    6b28712bdfd28ffeae54f82b205a90af9d4ad0bd 363d058bde370addf1ce0f7c43000e2e3191f419
                    a1591da4478496cd54d03d70a9171cf3d2c8bd5d 412cd76e5f38aae9ea44441d8fcc5a3fb15f4acf
                    8f7d65d58fdaf1ed1de479c40cf445e78e877923 8dae62d6e97730d74335093faad43d3caa4a89de
                    06b720e8037ac73a3b4fff0b301f9942c4f7cd9e 541481db52d61c217233625715817f647ef3af36
                    4461b08ee19b5329db8f293dcdffaf102b9df1ad""".split(),
                    1,
                )
            },
            title="Pepper&Carrot by David Revoy, www.peppercarrot.com (panels of episodes 1 to 23, without text)",
            license="CC BY 4.0",
            made="992 pixels, JPEG 86",
        ),
        "sembrando-libertad": ArtSource(
            folder="sembrando_libertad",
            repositories={"zephyr/sembrando-libertad-comic": "5aeb2614ae52aea64cd9d124382ec483ddc2671d"},
            title="Software Libre para gente pequeña by the project Sembrando Libertad (panels of a comic)",
            license="CC BY 3.0",
            made="drawn by resvg, cut into panels, 1000 pixels, JPEG 91",
        ),
        "tysontan": ArtSource(
            folder="tysontan_mascots",
            repositories={
                "squishy-scsi/squishy": "2b7d3647d4f8a7a55f50990ed0ad516d8fdf7ec6",
                "IppClub/YueScript": "b24f516c4374016c2662b12426c94d95827bf98a",
            },
            title="Sachi and Xiaoyu by Tyson Tan, tysontan.com (mascots)",
            license="BSD-3-Clause (Sachi) and MIT (Xiaoyu)",
            made="on white, 1000 pixels, JPEG 91",
        ),
        "xenia": ArtSource(
            folder="xenia_chimmie",
            repositories={"DynTylluan/xenia.chimmie.k.vu": "462e82ed24cb3d7b006ee311a71dbe6ee0f268cf"},
            title="Xenia by Chimmie Firefly, after the fox by Alan Mackey (mascot)",
            license="CC0 1.0",
            made="drawn by resvg, 1000 pixels, JPEG 91",
        ),
        "zig-mascots": ArtSource(
            folder="zig_mascots",
            repositories={"ziglang/logo": "4f97e7a9ebce12fa48511c0b6502b6190005bc0e"},
            title="Mascots of the Zig programming language",
            license="CC BY 4.0",
            made="drawn by resvg",
        ),
    }
)
"""Name of the source, and of its folder in a corpus -> what it is."""
