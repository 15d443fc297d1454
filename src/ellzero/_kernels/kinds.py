"""Numbers of the concave parts that `threshold` knows: apart from it, so that naming a penalty compiles nothing."""

PLAIN, FIRM, CLIPPED, POWER, LOG = range(5)  # none, minimax concave (MCP), smoothly clipped (SCAD), power, logarithm
