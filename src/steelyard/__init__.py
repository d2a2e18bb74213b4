"""Everything between a Python strategy and a crypto exchange's API; an exchange to practise on."""

__version__ = "0.1.0"
