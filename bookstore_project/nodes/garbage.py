"""When Python looks for garbage in a node: seldom, and not among what was loaded."""

import gc


def settle_in() -> None:
    """Once all is loaded: that stays for good, and the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    # What a request leaves behind goes without the collector: it need not look after every few of them.
    gc.set_threshold(20_000, 20, 20)
