"""What the shop is called, on pages that know of no request, too."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def shop_name() -> str:
    name: str = settings.SHOP_NAME
    return name
