"""Signals of the protocol, in Django's sense: how the services take part without being known."""

from django.dispatch import Signal

changes_noted = Signal()
"""Sent inside the transaction with `changes`, whichever way they were made: `save()`, `update()`, SQL.

A receiver that has rows to write about them gives back a function that does, and None otherwise: that function runs
as a part of the change.
"""

changes_ready = Signal()
"""Sent inside the transaction with `changes`; a receiver that raises takes everything back."""

published = Signal()
"""Sent after the write is visible, with `changes`, `position` and `timeline`; receivers wait for nobody."""

history_chosen = Signal()
"""Sent when an operator is about to decide that one file's history counts, with `kept`, a connection to that file.

Receivers give back sentences (a list of str) on what that means for what they know of the rest of the store.
"""
