"""Staff takes replicas out of the rotation, and lets them in again."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from bookstore_project.api import permissions
from bookstore_project.api.fields import StrictFields, YesNoField
from bookstore_project.api.parameters import REPLICA
from bookstore_project.api.schema_notes import described
from bookstore_project.api.views import StoreView
from frontend_app import services
from frontend_app.dashboard import state
from frontend_app.dashboard.serializers import NodeFields
from frontend_app.runtime import front


class DrainInput(StrictFields):
    """How a replica is drained."""

    force = YesNoField(default=False, help_text="Also if no other replica of the service is left in rotation.")


class NodeView(StoreView):
    """A node of the store."""

    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.DRAIN_REPLICA}

    def show(self, name: str) -> Response:
        (node,) = [each for each in state.nodes(front(), is_for_staff=True) if each["name"] == name]
        return Response(node)


class DrainView(NodeView):
    """Takes a replica out of the rotation."""

    serializer_class = DrainInput

    @described(operation_id="cluster_drain", request=DrainInput, responses=NodeFields, parameters=[REPLICA])
    def post(self, request: Request, name: str) -> Response:
        """Gives a replica no new requests, from any front, until it is let in again. For staff."""
        is_forced = self.checked(request)["force"]
        services.drain(front(), name, username=request.user.get_username(), is_forced=is_forced)
        return self.show(name)


class UndrainView(NodeView):
    """Lets a drained replica in again."""

    @described(operation_id="cluster_undrain", request=None, responses=NodeFields, parameters=[REPLICA])
    def post(self, request: Request, name: str) -> Response:
        """Lets a drained replica take its turns again. For staff."""
        self.checked(request)
        services.undrain(front(), name)
        return self.show(name)
