"""The child side of the process runner. Imports little, sends data, never raises: nobody above could catch it."""
