"""Numbers, as people read them."""

from django import template

register = template.Library()


@register.filter
def grouped(number: int) -> str:
    """`9,996`."""
    return f"{number:,}"
