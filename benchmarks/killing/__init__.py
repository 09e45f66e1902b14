"""Kill tests: a busy app is killed again and again, and what is left each time is compared with what others saw of it."""
