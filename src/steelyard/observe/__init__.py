"""Looking at what runs from outside of it: the watchdog."""
