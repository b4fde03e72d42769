"""Watches how zones fare, says which is broken, since when and why, and proposes what to do. It never acts itself."""
