"""Gaps in lines, and what is done about them: four ways, in the order in which a page meets them.

Before anything is known of colours, by the lines alone:

* `closing`: a gap a few pixels wide is no way from one region to the next;
* `necks`: what touches the page's border is cut where it is narrow, since a figure with a gap in its contour is one
  region with the paper around it.

Then by what the network sees:

* `patches`: a large patch of another flat colour in a region becomes a part of its own (a contour that is open wide, or
  not drawn);
* `bays`: white ground between lines on most sides that does not look like ground (a lock of hair with an open end).
"""
