"""Files in and out: pictures, profiles, palettes, corrections, many at once; written whole or not at all."""
