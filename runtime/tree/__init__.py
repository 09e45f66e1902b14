"""The tree of actors: what runs them, watches them, restarts them, and passes on what they tell each other."""
