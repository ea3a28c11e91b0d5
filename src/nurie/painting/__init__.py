"""How the network's colours come to the page: regions, gaps, flats, palettes, light and shade."""
