"""The panels of a comic page, found by its gutters and frames, and the paper between them.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black, without its screentone. Lines are looked for on a
    small copy of it, bool h x w, where a frame is a pixel or two thick and a gutter some pixels wide. Points are (x, y)
    in its pixels, N x 2. The page is cut into *cells*, convex polygons, float N x 2.
"""

from nurie.seeing.panels.page import Panels, find_panels, on_page

__all__ = ["Panels", "find_panels", "on_page"]
