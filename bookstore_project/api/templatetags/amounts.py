"""Numbers, as people read them."""

from decimal import Decimal, InvalidOperation

from django import template

register = template.Library()


@register.filter
def grouped(number: int) -> str:
    """`9,996`."""
    return f"{number:,}"


@register.filter
def money(amount: Decimal | str) -> str:
    """`1,234.50` of an amount or its text; what is none is shown as it is."""
    try:
        return f"{Decimal(amount):,.2f}"
    except InvalidOperation:
        return str(amount)
