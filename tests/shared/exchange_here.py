"""An exchange in a process of its own, whose commands run in this one: as they are, at once."""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

from steelyard.cli.main import run
from steelyard.testing import LocalExchange


class ExchangeHere(LocalExchange):
    """A `LocalExchange` that does not start Python anew for each command."""

    def steelyard(self, *arguments: str) -> Any:
        """Run a command of the program on this exchange and return its JSON document."""
        said, complained = StringIO(), StringIO()
        with redirect_stdout(said), redirect_stderr(complained):
            code = run([*arguments, "--data", str(self.data), "--json"])
        if code:
            words = " ".join(arguments)
            raise RuntimeError(f"steelyard {words}: {complained.getvalue().strip()}")
        return json.loads(said.getvalue())
