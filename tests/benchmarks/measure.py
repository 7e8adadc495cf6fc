"""What all benchmarks share: two sides in turn, medians, and a table."""

import os
import statistics
import time
from collections.abc import Callable, Iterable


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def paired(
    one: Callable[[], object], other: Callable[[], object], runs: int
) -> list[tuple[float, float]]:
    """Both sides in turn, so that a drift of the machine's speed meets both."""
    one(), other()
    return [(seconds(one), seconds(other)) for _ in range(runs)]


def ratio(pairs: Iterable[tuple[float, float]]) -> float:
    """Median of the pairs' ratios."""
    return statistics.median(a / b for a, b in pairs)


def median_ms(pairs: Iterable[tuple[float, float]], side: int) -> str:
    """Median of one side in milliseconds."""
    return f"{statistics.median(pair[side] for pair in pairs) * 1000:.2f} ms"


def table(rows: list[tuple[str, str, str, str]]) -> None:
    """Print rows under the usual heading."""
    print_rows([("what", "wmctl", "other side", "ratio, target"), *rows])


def print_rows(rows: list[tuple[str, ...]]) -> None:
    """Aligned columns."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def rss_mib() -> float:
    """Resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
