"""What training does to pictures: lines, warps, colours, scenes, light."""
