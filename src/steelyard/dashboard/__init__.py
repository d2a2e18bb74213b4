"""The page's server side: the built page, what only the page may ask, and administration."""
