"""Signals of the protocol, in Django's sense: how the services take part without being known."""

from django.dispatch import Signal

changes_ready = Signal()
"""Sent inside the transaction with `changes`; a receiver that raises takes everything back."""

published = Signal()
"""Sent after the write is visible, with `changes`, `position` and `timeline`; receivers wait for nobody."""
