"""What is on a page: its lines, paper, tone, balloons and panels; and what the network sees of it."""
