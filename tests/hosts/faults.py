"""What can happen to a host, and how it is undone. `USUAL` is for each run; the others are asked for by name."""

import signal
from dataclasses import dataclass

from tests.hosts.expiry import expire, renew
from tests.hosts.harms import (
    FAR_S,
    LOSS,
    SLOW_S,
    Act,
    deafen,
    fill_disk,
    kill,
    kill_redis_and_sentinel,
    kill_without_quorum,
    let_redis_go_on,
    let_speak,
    lose_quorum,
    nothing,
    part_from_etcd,
    part_from_postgresql,
    regain_quorum,
    regain_quorum_then_host,
    set_clock,
    silence,
    slow_down,
    stop_elected_redis,
)
from tests.hosts.upgrades import upgrade_all

POSTMASTER = "/postgres -D"
PATRONI = "-m patroni"
HOST_S, PROCESS_S, STANDBY_OR_FRONT_S = 25.0, 5.0, 1.0
"""So long may nobody write or read rows, buy, or look at a book: by what is lost, on a machine that is quiet.

The last also if it is something that nobody asks for rows, as the third host.
"""


@dataclass(frozen=True)
class Fault:
    """Of one host: the primary's, the standby's, or the one without rows."""

    name: str
    what: str
    of: str
    harm: Act
    heal: Act = nothing
    moves_primary: bool = False
    """Another host has to have it before this one is healed."""
    is_masked: bool = True
    """Rows are written, and books bought, while it lasts."""
    back_s: float = HOST_S
    """What it may cost at most, if it is masked."""
    is_unnoticed: bool = False
    """No request of a customer fails."""
    fills_disk: bool = False
    """The machines need disks of their own."""
    sets_clock: bool = False
    """The machines need clocks of their own."""
    shares_cache: bool = False
    """The fronts have to keep theirs in the hosts' Redis: otherwise nobody would notice."""
    hits: int = 1
    """So many times at least are fronts to answer by themselves while it lasts, if it is masked."""
    rows: int = 100
    """So many are written at least while it lasts, if it is masked."""


ALL = (
    Fault(
        *("killed", "primary's host killed", "primary"),
        harm=lambda _, it: it.power_off(),
        heal=lambda _, it: it.power_on(),
        moves_primary=True,
    ),
    Fault(
        *("cut-off", "primary's host cut off", "primary"),
        harm=lambda hosts, it: hosts.network.cut(it.host.number),
        heal=lambda hosts, it: hosts.network.join(it.host.number),
        moves_primary=True,
    ),
    Fault(
        *("rebuilt", "standby's host rebuilt", "standby"),
        harm=lambda _, it: it.lose_disk(),
        heal=lambda _, it: it.rebuild(),
        back_s=STANDBY_OR_FRONT_S,
    ),
    Fault(
        *("vote-killed", "third host killed", "vote"),
        harm=lambda _, it: it.power_off(),
        heal=lambda _, it: it.power_on(),
        back_s=STANDBY_OR_FRONT_S,
    ),
    Fault(
        *("mute", "primary's host can say nothing", "primary"),
        harm=silence("to", "10.78.0.0/24"),
        heal=let_speak,
        moves_primary=True,
    ),
    Fault(*("deaf", "primary's host hears nothing", "primary"), harm=deafen, heal=let_speak, moves_primary=True),
    Fault(
        *("no-etcd", "primary's host cut off from etcd alone", "primary"),
        harm=part_from_etcd,
        heal=let_speak,
        moves_primary=True,
    ),
    Fault(
        *("no-postgresql", "standby's host cut off from PostgreSQL alone", "standby"),
        harm=part_from_postgresql,
        heal=let_speak,
    ),
    Fault(
        *("patroni", "Patroni killed, its PostgreSQL runs", "primary"),
        harm=kill("patroni", PATRONI),
        back_s=PROCESS_S,
    ),
    Fault(
        *("postmaster", "postmaster killed", "primary"),
        harm=kill("patroni", POSTMASTER),
        back_s=PROCESS_S,
    ),
    Fault(
        *("stopped", "all of the primary's host stopped", "primary"),
        harm=lambda _, it: it.signal(signal.SIGSTOP),
        heal=lambda _, it: it.signal(signal.SIGCONT),
        moves_primary=True,
    ),
    Fault(
        *("standby-gone", "standby's host gone", "standby"),
        harm=lambda _, it: it.power_off(),
        heal=lambda _, it: it.power_on(),
        back_s=STANDBY_OR_FRONT_S,
    ),
    Fault(
        *("standby", "standby's PostgreSQL killed", "standby"),
        harm=kill("patroni", POSTMASTER),
        back_s=STANDBY_OR_FRONT_S,
    ),
    Fault(
        *("killed-no-quorum", "primary's host killed, and etcd without quorum", "primary"),
        harm=kill_without_quorum,
        heal=regain_quorum_then_host,
        is_masked=False,
    ),
    Fault(*("quorum", "etcd without quorum", "primary"), harm=lose_quorum, heal=regain_quorum, is_masked=False),
    Fault(*("expired", "certificates expired", "primary"), harm=expire, heal=renew, is_masked=False),
    *(
        Fault(
            *(f"clock-{word}", f"primary's clock an hour {word}", "primary"),
            harm=set_clock(by_s),
            heal=set_clock(0),
            sets_clock=True,
            rows=500,
            back_s=STANDBY_OR_FRONT_S,
        )
        for word, by_s in (("fast", 3600), ("slow", -3600))
    ),
    Fault(
        *("slow-link", f"primary's host {SLOW_S * 1000:.0f} ms away, {LOSS:.0%} of frames lost", "primary"),
        harm=slow_down(SLOW_S, LOSS),
        heal=lambda hosts, it: hosts.network.speed_up(it.host.number),
        rows=500,
        back_s=PROCESS_S,
    ),
    Fault(
        *("far", f"standby's host {FAR_S * 1000:.0f} ms away", "standby"),
        harm=slow_down(FAR_S, 0.0),
        heal=lambda hosts, it: hosts.network.speed_up(it.host.number),
        rows=1000,
        back_s=PROCESS_S,
    ),
    Fault(
        *("full-primary", "disk of the primary's host full", "primary"),
        harm=fill_disk,
        heal=lambda _, it: it.free_disk(),
        moves_primary=True,
        fills_disk=True,
    ),
    Fault(
        *("full-standby", "disk of the standby's host full", "standby"),
        harm=fill_disk,
        heal=lambda _, it: it.free_disk(),
        back_s=STANDBY_OR_FRONT_S,
        fills_disk=True,
    ),
    Fault(
        *("upgraded", "store's code exchanged on both hosts", "primary"),
        harm=upgrade_all,
        is_unnoticed=True,
        back_s=PROCESS_S,
    ),
    Fault(
        *("front", "front of the primary's host killed", "primary"),
        harm=lambda _, it: it.kill_node("front*"),
        back_s=STANDBY_OR_FRONT_S,
    ),
    Fault(
        *("redis", "Redis that is written to killed, and its host's Sentinel", "primary"),
        harm=kill_redis_and_sentinel,
        shares_cache=True,
        hits=20,
        back_s=PROCESS_S,
    ),
    Fault(
        *("redis-stopped", "Redis that is written to stopped", "primary"),
        harm=stop_elected_redis,
        heal=let_redis_go_on,
        shares_cache=True,
        hits=20,
        back_s=PROCESS_S,
    ),
)
USUAL = ALL[:4]


def chosen(names: str) -> tuple[Fault, ...]:
    """By their names, separated by commas; `all`. Raises ValueError for a name that nothing has."""
    known = {fault.name: fault for fault in ALL}
    if names == "all":
        return ALL
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise ValueError(f"no fault is called {', '.join(unknown)}: {', '.join(known)}, all")
    return tuple(known[name] for name in names.split(","))
