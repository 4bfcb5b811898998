"""One act on many tasks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.api.filters import filter_of_body, id_of
from tasks_app.api.permissions import TaskdeckView
from tasks_app.api.schema import ACTION, BULK_ACTED
from tasks_app.bulk import Act, act_on_filter, act_on_ids
from tasks_app.errors import FieldError, InvalidArguments

FIELDS = frozenset({"action", "ids", "filter", "cursor"})
MOST_IDS = 1000


class TaskActionsView(TaskdeckView):
    @extend_schema(operation_id="act", request=ACTION, responses=BULK_ACTED, tags=["tasks"])
    def post(self, request: Request) -> Response:
        """Cancel or retry the tasks named by ids, or those that match a filter.

        A filter is worked through newest first, up to 5,000 tasks a call; go on with ``next`` as the cursor.
        """
        access = self.access
        body = self.body(request, known=FIELDS)
        act = _act(body)
        access.require(act)
        if ("ids" in body) == ("filter" in body):
            raise InvalidArguments([FieldError("ids", "give either ids or filter")])
        if "ids" in body:
            acted = act_on_ids(access=access, act=act, ids=_ids(body["ids"]))
        else:
            cursor = body.get("cursor")
            acted = act_on_filter(
                access=access,
                act=act,
                wanted=filter_of_body(body["filter"]),
                cursor=id_of(str(cursor), "cursor") if cursor else None,
            )
        return Response({"changed": acted.changed, "next": str(acted.next) if acted.next else None})


def _act(body: dict[str, Any]) -> Act:
    match body.get("action"):
        case "cancel":
            return "cancel"
        case "retry":
            return "retry"
    raise InvalidArguments([FieldError("action", "must be cancel or retry")])


def _ids(value: Any) -> list[UUID]:
    if not isinstance(value, list) or len(value) > MOST_IDS:
        raise InvalidArguments([FieldError("ids", f"must be a list of at most {MOST_IDS} ids")])
    return [id_of(str(item), f"ids.{index}") for index, item in enumerate(value)]
