"""The program `steelyard`: finds the command, and turns its end into an exit code.

0 done, 1 a check failed, 2 usage, 3 venue or network. Commands are imported when they are
called, so that none pays for another's imports. Errors that were foreseen print one sentence,
and with --json a document `{"error": {"type", "message", "exit_code"}}` on standard output;
anything else is a bug and shows its traceback. SIGTERM is heeded as Ctrl-C is, from the first
moment on; commands that have something to end in order take both over.
"""

import os
import signal
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from rich.console import Console

from steelyard import __version__
from steelyard.cli.options import print_error
from steelyard.cli.terminal import harmless
from steelyard.domain.errors import (
    ConfigError,
    PeerError,
    SteelyardError,
    TransportError,
    UsageError,
)
from steelyard.vault.memory import keep_out_of_dumps

DONE, CHECK_FAILED, USAGE, VENUE = 0, 1, 2, 3
INTERRUPTED = CHECK_FAILED  # it was not done
# They hold keys.
SECRETIVE = frozenset({"trade", "kill", "key", "vault", "watch", "alerts", "drill"})
HELP = ("--help", "-h")
EXTRA = frozenset({"numpy", "polars"})  # of `steelyard[data]`; some commands are nothing without
GROUPS = (
    *("account", "key", "vault", "alerts", "person", "fees", "faults", "clock", "order"),
    *("breaker", "data"),
)

app = App(
    name="steelyard",
    version=__version__,
    suppress_keyboard_interrupt=False,  # it would exit with 130
    help=(
        "An exchange to practise on, and a trader that cannot hurt you.\n\n"
        "Start with `steelyard demo`: an exchange, a market that moves, and a bot that trades "
        "on it over the real API, on one page in your browser."
    ),
)

account = App(name="account", help="Accounts of an exchange, and what is in them.")
key = App(name="key", help="API keys: who may do what, from where, until when.")
person = App(name="person", help="People: who has signed up, and letting them in again.")
faults = App(name="faults", help="Have a running exchange misbehave on purpose.")
fees = App(name="fees", help="What trading costs: schedules of tiers, tokens, and who pays what.")

data = App(name="data", help="Market data for backtests: bring it in, list it, check it.")

order = App(name="order", help="Orders of a bot that a person has to decide about.")
vault = App(name="vault", help="Keys and other secrets: kept sealed, told apart, changed in time.")
alerts = App(name="alerts", help="Alerts of bots to Slack, mail and elsewhere.")
breaker = App(name="breaker", help="Breakers of a bot: which have tripped, and let them resume.")


COMMANDS = ("demo", "init", "doctor", "reset", "trade", "promote", "env")
TESTING = ("backtest", "compare", "sweep")
OF_BOTS = (
    *("status", "why", "logs", "replay", "query", "export", "kill", "watch", "reconcile"),
    *("backup", "drill"),
)
for name in (*COMMANDS, *TESTING, *OF_BOTS):
    app.command(f"steelyard.cli.{name}:{name}", name=name)
app.command("steelyard.cli.backup:restore", name="restore")
app.command("steelyard.cli.clock:group", name="clock")
# Both a command, which runs an exchange, and a group of commands on it.
app.command("steelyard.cli.exchange:group", name="exchange")
for name in ("create", "list", "balance", "deposit"):
    account.command(f"steelyard.cli.account:{name}_account", name=name)
for name in ("statement", "transfer"):
    account.command(f"steelyard.cli.{name}:{name}_account", name=name)
for name in ("set", "token", "assign", "list"):
    fees.command(f"steelyard.cli.fees:{name}_fees", name=name)
for name in ("set", "clear", "list"):
    faults.command(f"steelyard.cli.faults:{name}_faults", name=name)
for name in ("create", "list", "show", "history", "revoke"):
    key.command(f"steelyard.cli.key:{name}_key", name=name)
key.command("steelyard.cli.key_audit:audit_key", name="audit")
for name in ("rotate", "change"):
    key.command(f"steelyard.cli.key_change:{name}_key", name=name)
for name in ("list", "unlock", "reset-totp", "reset-password"):
    person.command(f"steelyard.cli.person:{name.replace('-', '_')}_person", name=name)
for name in ("import", "download", "record", "list", "check"):
    data.command(f"steelyard.cli.data:{name}_data", name=name)
for name in ("add", "list", "remove", "lease", "passphrase"):
    vault.command(f"steelyard.cli.vault:{name}_vault", name=name)
for name in ("rotate", "audit", "scan"):
    vault.command(f"steelyard.cli.vault_{name}:{name}_vault", name=name)
alerts.command("steelyard.cli.alerts:try_alerts", name="test")
order.command("steelyard.cli.order:resolve_order", name="resolve")
for name in ("list", "resume"):
    breaker.command(f"steelyard.cli.breaker:{name}_breaker", name=name)
app.command(account)
app.command(key)
app.command(person)
app.command(fees)
app.command(faults)
app.command(order)
app.command(breaker)
app.command(data)
app.command(vault)
app.command(alerts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] and words[0] in SECRETIVE:
        keep_out_of_dumps()
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(words))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    as_document = "--json" in arguments

    def fail(error: BaseException, text: str, code: int) -> int:
        if as_document:
            print_error(type(error).__name__, text, code)
        return code

    if not __debug__:
        text = "steelyard checks its books with assert: do not run it with python -O"
        errors.print(text)
        return fail(UsageError(text), text, USAGE)
    if not arguments or arguments[-1] in (*HELP, *GROUPS):
        load_commands(_named(arguments))
    try:
        code = app(
            list(arguments),
            exit_on_error=False,
            print_error=True,
            result_action="return_value",
            error_console=errors,
        )
        sys.stdout.flush()
    except CycloptsError as error:
        return fail(UsageError(), str(error), USAGE)
    except ImportError as error:
        if (name := _missing(error)) is None:
            raise
        text = f"this needs {name}: pip install 'steelyard[data]'"
        errors.print(f"steelyard: {text}", markup=False)
        return fail(ConfigError(), text, USAGE)
    except SteelyardError as error:
        errors.print(harmless(f"steelyard: {error}"), markup=False)
        code = VENUE if isinstance(error, PeerError | TransportError) else USAGE
        return fail(error, str(error), code)
    except BrokenPipeError:
        # Whoever reads has seen enough; nothing more is to be flushed at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = DONE
    except KeyboardInterrupt as error:
        errors.print("steelyard: interrupted before it was done")
        return fail(error, "interrupted before it was done", INTERRUPTED)
    return code if isinstance(code, int) else DONE


def load_commands(group: App) -> None:
    """Import every command below a group: a list of them shows what each one says of itself."""
    for name in [*group]:
        if name.startswith("-"):
            continue
        try:
            load_commands(group[name])
        except ImportError as error:
            if _missing(error) is None:
                raise
            del group[name]  # it could not even say what it does


def _named(arguments: Sequence[str]) -> App:
    """Return the command that the words name, of which a help lists what is below."""
    found = app
    for word in arguments:
        if word.startswith("-") or word not in found:
            break
        found = found[word]
    return found


def _missing(error: BaseException | None) -> str | None:
    """Return which library of `EXTRA` an import has failed for, if it is one of them."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name in EXTRA:
            return error.name
        error = error.__cause__
    return None


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
