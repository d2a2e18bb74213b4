"""`python -m bench.weigh COUNT`: print what a process with so many symbols weighs, in MiB.

It has imported all that `steelyard trade` imports. Each symbol is a machine of its own, which has
taken the five minutes of the recording.
"""

import gc
import sys
from pathlib import Path

from bench.client import MARKET, first_update
from bench.measure import resident_peak_mib
from bench.tick import recorded
from bench.trader import STEP_NS, Machine, Watcher
from steelyard.cli import trader_process


def main() -> None:
    """Make the machines, and print."""
    assert trader_process.run_trader is not None, "it is imported for its weight"
    frames = recorded()
    machines = []
    for _ in range(int(sys.argv[1])):
        machine = Machine(MARKET, first_update(frames) - 1, Watcher(), is_native=True)
        for frame in frames:
            machine.now_ns += STEP_NS
            machine.frame(frame)
        machines.append(machine)
    del frames
    gc.collect()
    print(resident_mib())


def resident_mib() -> float:
    """Return the resident memory of this process; where nobody tells it, the most it has had."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resident_peak_mib()
    line = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
