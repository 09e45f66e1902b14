"""The commands of the command line that only look: at the run log, and at what will start. They are loaded at first use."""
