"""Controls of a store that is there to be broken: as API, and as pages that say first what will happen."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from bookstore_project.api import accounts, errors, permissions, problems
from bookstore_project.api.fields import StrictFields, WholeNumberField
from bookstore_project.api.representations import MAX_BOOK_ID
from bookstore_project.api.schema_notes import described
from bookstore_project.api.views import StoreView
from bookstore_project.nodes import supervisor_client
from frontend_app.dashboard import fault_injection, file_faults
from frontend_app.dashboard.fault_injection import Target
from frontend_app.runtime import front


class LoadBurstInput(StrictFields):
    """Which book everybody wants."""

    book = WholeNumberField(min_value=1, max_value=MAX_BOOK_ID)


class DoneFields(serializers.Serializer[Any]):
    """What was done."""

    detail = serializers.CharField()


class ControlView(StoreView):
    """Does one thing to the store, where it is there to be broken."""

    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.BREAK_STORE}

    def perform(self, request: Request, kind: str, action: str, name: str = "") -> Response:
        fields = self.checked(request)
        target = fault_injection.find(kind, action, name)
        by = request.user.get_username()
        told = fault_injection.perform(front(), target, by=by, **_options(fields))
        return Response({"detail": told})


def _options(fields: dict[str, Any]) -> dict[str, int]:
    return {"book_id": fields["book"]} if "book" in fields else {}


class NodeControlView(ControlView):
    """A node's process."""

    @described(
        operation_id="cluster_node_control",
        request=None,
        responses=DoneFields,
        parameters=[OpenApiParameter("action", str, OpenApiParameter.PATH, enum=supervisor_client.COMMANDS)],
    )
    def post(self, request: Request, name: str, action: str) -> Response:
        """Does `stop`, `start`, `kill`, `pause` or `continue`. For staff, with BOOKSTORE_BREAKABLE."""
        return self.perform(request, fault_injection.NODE, action, name)


class FileControlView(ControlView):
    """A replica's database file."""

    @described(
        operation_id="cluster_file_control",
        request=None,
        responses=DoneFields,
        parameters=[OpenApiParameter("action", str, OpenApiParameter.PATH, enum=tuple(file_faults.KINDS))],
    )
    def post(self, request: Request, name: str, action: str) -> Response:
        """Does `delete`, `truncate`, `flip` or `lock`. For staff, with BOOKSTORE_BREAKABLE."""
        return self.perform(request, fault_injection.FILE, action, name)


class LoadBurstView(ControlView):
    """Many customers at once."""

    serializer_class = LoadBurstInput

    @described(operation_id="cluster_rush", request=LoadBurstInput, responses=DoneFields)
    def post(self, request: Request) -> Response:
        """A hundred customers buy the same book; the events tell. For staff, with BOOKSTORE_BREAKABLE."""
        return self.perform(request, fault_injection.STORE, "rush")


class ClearView(ControlView):
    """This front's cache."""

    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.CLEAR_CACHE}

    @described(operation_id="cluster_clear_cache", request=None, responses=DoneFields)
    def post(self, request: Request) -> Response:
        """Empties the cache. For staff, with BOOKSTORE_BREAKABLE."""
        return self.perform(request, fault_injection.STORE, "clear")


def offers(request: HttpRequest) -> dict[str, Any]:
    """What the cluster page needs to offer the controls, to those who may use them."""
    allowed = _allowed(request, {each.permission for each in fault_injection.CONTROLS})
    return {
        **who(request),
        "may_do_something": bool(allowed),
        "is_breakable": settings.IS_BREAKABLE,
        "node_controls": fault_injection.offered(allowed),
        "store_controls": fault_injection.offered_for_store(front(), allowed),
    }


def sees_orders(request: HttpRequest | Request) -> bool:
    """Whether who asks may know which orders were made: what was asked of this front names them."""
    return bool(_allowed(request, {permissions.VIEW_ORDER}))


def _allowed(request: HttpRequest | Request, wanted: set[str]) -> set[str]:
    """Those of the permissions that whoever is logged in has; none while the accounts can't be read."""
    user = _user(request)
    try:
        return {each for each in wanted if permissions.is_allowed(user, each)}
    except Exception as error:
        if accounts.are_at_fault(error):
            return set()
        raise


def who(request: HttpRequest) -> dict[str, str]:
    """Who is logged in, for the head of a page."""
    user = _user(request)
    return {"username": user.get_username() if user else ""}


def _user(request: HttpRequest | Request) -> Any:
    """Whoever is logged in; None for anybody, and while the accounts can't be read: the page is for everybody."""
    try:
        return request.user if request.user.is_authenticated else None
    except Exception as error:
        if accounts.are_at_fault(error):
            return None
        raise


def control_page(request: HttpRequest, kind: str, action: str, name: str = "") -> HttpResponse:
    """Says what will happen, and with a POST does it; then back to the cluster page, which says what was done."""
    if request.method not in ("GET", "HEAD", "POST"):
        return errors.forbidden_method(request, "GET", "HEAD", "POST")
    fault_injection.check_allowed()
    target = fault_injection.find(kind, action, name)
    if not request.user.is_authenticated:
        return redirect(f"{reverse('rest_framework:login')}?next={quote(request.path)}")
    if not permissions.is_allowed(request.user, target.control.permission):
        raise permissions.forbidden(target.control.permission)
    if request.method == "POST":
        return _do(request, target)
    return _ask(request, target)


def _do(request: HttpRequest, target: Target) -> HttpResponse:
    try:
        options = {}
        if target.control.action == "rush":
            form = LoadBurstInput(data={"book": request.POST.get("book")})
            if not form.is_valid():
                raise problems.Invalid(errors.flatten(form.errors))
            options = _options(form.validated_data)
        told = fault_injection.perform(front(), target, by=request.user.get_username(), **options)
    except problems.StoreError as error:
        return _ask(request, target, error)
    messages.info(request, told)
    return redirect("cluster")


def _ask(request: HttpRequest, target: Target, error: problems.StoreError | None = None) -> HttpResponse:
    context = {
        "target": target,
        "obstacle": fault_injection.obstacle(front(), target),
        "book": request.POST.get("book", "1"),
        "problem": error.detail if error else "",
        **who(request),
    }
    status = error.status if error else HTTPStatus.OK
    return render(request, "frontend_app/control.html", context, status=status)
