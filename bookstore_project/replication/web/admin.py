"""The admin over replicated models: every page is a gated read, every change a replicated transaction."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages.storage import default_storage
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse

from bookstore_project.replication import origin, reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.transaction import active_attempt, run
from bookstore_project.replication.web import failover_page

if TYPE_CHECKING:  # Generic for the type checker only.
    ModelAdmin = admin.ModelAdmin[models.Model]
else:
    ModelAdmin = admin.ModelAdmin
View = Callable[..., HttpResponse]


def _through_replication(view: View) -> View:
    """GET and HEAD inside the gate, everything else inside a transaction; pages are rendered in there too.

    A replica that can't promise it says so on a page of its own, with status 503.
    """

    @wraps(view)
    def wrapped(self: "ReplicatedAdmin", request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        def answer() -> HttpResponse:
            response = view(self, request, *args, **kwargs)
            render = getattr(response, "render", None)
            return render() if render is not None else response

        return self.explained(request, lambda: self.through_replication(request, answer))

    return wrapped


class ReplicatedAdmin(ModelAdmin):
    """A ModelAdmin whose model lives in a replicated service; shown on that service's nodes."""

    service: str

    @property
    def is_at_home(self) -> bool:
        """Whether this node has a replica of the model's service; without a node (a test), always."""
        return replication_settings.node == "" or replication_settings.service_of_node == self.service

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.is_at_home and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.is_at_home and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_at_home and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.is_at_home and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.is_at_home and super().has_delete_permission(request, obj)

    def through_replication(self, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            with reads.reading(self.service):
                return answer()

        def attempt() -> HttpResponse:
            _forget_messages(request)  # Of an attempt that was taken back.
            return answer()

        with origin.made_by(request.user.get_username(), way=origin.PAGE):
            return run(self.service, attempt).value

    def explained(self, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
        """The answer, or why there is none: for people as a page that offers the other replica."""
        try:
            return answer()
        except (Unavailable, OutcomeUnknown) as error:
            if not request.accepts("text/html"):
                raise
            if request.method not in ("GET", "HEAD"):
                _forget_messages(request)
            return failover_page.refusal(self.service, request, error, self.admin_site.each_context(request))

    changelist_view = _through_replication(admin.ModelAdmin.changelist_view)
    changeform_view = _through_replication(admin.ModelAdmin.changeform_view)
    delete_view = _through_replication(admin.ModelAdmin.delete_view)
    history_view = _through_replication(admin.ModelAdmin.history_view)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        return _once(lambda: super(ReplicatedAdmin, self).log_addition(request, obj, message), self.service)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        return _once(lambda: super(ReplicatedAdmin, self).log_change(request, obj, message), self.service)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        assert request.user.pk is not None, "only staff come here"
        # Django calls it before it deletes: later there is nothing left to look at.
        entries = [
            LogEntry(
                user_id=request.user.pk,
                content_type_id=ContentType.objects.get_for_model(obj, for_concrete_model=False).pk,
                object_id=obj.pk,
                object_repr=str(obj)[:200],
                action_flag=DELETION,
            )
            for obj in queryset
        ]
        return _once(lambda: LogEntry.objects.bulk_create(entries), self.service)


def _forget_messages(request: HttpRequest) -> None:
    """What this request has said so far of what it did; what earlier ones left to be shown stays."""
    request._messages = default_storage(request)  # type: ignore[attr-defined]  # Django's stubs leave it out.


def _once(record: Callable[[], Any], service: str) -> None:
    """The admin's own journal lives in another database: it is written when the change is acknowledged."""
    attempt = active_attempt()
    if attempt is None:
        record()
    else:
        transaction.on_commit(record, using=attempt.lead_alias)


class ReadOnlyAdmin(ReplicatedAdmin):
    """For rows that are never edited by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
