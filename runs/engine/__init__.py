"""The engine, pure: what has happened (state), what happens next (decide). No clock, no I/O, no Django."""
