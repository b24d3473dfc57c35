"""What fronts keep of the shelf: an article, and the titles of a kind."""

from bookstore_project.api.cached_resources import CachedResource
from bookstore_project.text.canonical import canonical_or_same

ARTICLE = CachedResource("article", ("articles/<int:article_id>",), model="shelf.Article", column="id")
KIND = CachedResource(
    "kind",
    ("kinds/<path:kind>",),
    model="shelf.Article",
    column="kind",
    shows=("id", "title", "kind"),
    has_pages=True,
    one_form=canonical_or_same,
)
