"""The program `steelyard`: finds the command, and turns its end into an exit code.

0 done, 1 a check failed, 2 usage, 3 venue or network. Commands are imported when they are
called, so that none pays for another's imports. Errors that were foreseen print one sentence,
and with --json a document `{"error": {"type", "message", "exit_code"}}` on standard output;
anything else is a bug and shows its traceback.
"""

import json
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from rich.console import Console

from steelyard import __version__
from steelyard.domain.errors import PeerError, SteelyardError, TransportError

DONE, CHECK_FAILED, USAGE, VENUE = 0, 1, 2, 3
INTERRUPTED = CHECK_FAILED  # it was not done
HELP = ("--help", "-h")

app = App(
    name="steelyard",
    version=__version__,
    help=(
        "An exchange to practise on, and a trader that cannot hurt you.\n\n"
        "Start with `steelyard demo`: an exchange, a market that moves, and a bot that trades "
        "on it over the real API, on one page in your browser."
    ),
)

account = App(name="account", help="Accounts of an exchange, and what is in them.")
key = App(name="key", help="API keys: who may do what, from where, until when.")
fees = App(name="fees", help="What trading costs: schedules of tiers, tokens, and who pays what.")

for name in ("demo", "trade", "status", "kill", "env"):
    app.command(f"steelyard.cli.{name}:{name}", name=name)
# Both a command, which runs an exchange, and a group of commands on it.
app.command("steelyard.cli.exchange:group", name="exchange")
for name in ("create", "list", "balance", "deposit"):
    account.command(f"steelyard.cli.account:{name}_account", name=name)
for name in ("statement", "transfer"):
    account.command(f"steelyard.cli.{name}:{name}_account", name=name)
for name in ("set", "token", "assign", "list"):
    fees.command(f"steelyard.cli.fees:{name}_fees", name=name)
for name in ("create", "list", "revoke"):
    key.command(f"steelyard.cli.key:{name}_key", name=name)
app.command(account)
app.command(key)
app.command(fees)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    if not __debug__:
        errors.print("steelyard checks its books with assert: do not run it with python -O")
        return USAGE
    if not arguments or arguments[-1] in (*HELP, "account", "key", "fees"):
        load_commands(app)
    try:
        code = app(
            list(arguments),
            exit_on_error=False,
            print_error=True,
            result_action="return_value",
            error_console=errors,
        )
    except CycloptsError:
        return USAGE
    except SteelyardError as error:
        errors.print(f"steelyard: {error}", markup=False)
        code = VENUE if isinstance(error, PeerError | TransportError) else USAGE
        if "--json" in arguments:
            _print_error(error, code)
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else DONE


def _print_error(error: SteelyardError, code: int) -> None:
    """Give the program that asked for a document one that says why there is none."""
    document = {"type": type(error).__name__, "message": str(error), "exit_code": code}
    print(json.dumps({"error": document}), flush=True)


def load_commands(group: App) -> None:
    """Import every command below a group: a list of them shows what each one says of itself."""
    for name in group:
        if not name.startswith("-"):
            load_commands(group[name])


if __name__ == "__main__":
    main()
