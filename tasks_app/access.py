"""Who may do what. Every read and every write asks here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks_app.conf import ANONYMOUS_LEVELS, get_conf
from tasks_app.errors import NotAllowed

KEPT = "_taskdeck_access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rights of one caller. ``view`` without ``view_all`` sees only the caller's own tasks."""

    user_id: int | None
    view: bool
    submit: bool
    cancel: bool
    retry: bool
    operate: bool
    view_all: bool

    def require(self, right: str) -> None:
        """Raises NotAllowed unless the right is held."""
        if not getattr(self, right):
            raise NotAllowed(right.replace("_", " ") + " tasks" if right != "operate" else right)


def access_of(user: Any) -> Access:
    """The rights of a Django user; a logged-in user has at least those of an anonymous one.

    They are kept with the user object, as Django keeps its permissions there.
    """
    level = ANONYMOUS_LEVELS.index(get_conf().anonymous)
    known = bool(getattr(user, "is_authenticated", False)) and user.is_active
    kept: tuple[tuple[int, bool], Access] | None = getattr(user, KEPT, None)
    if kept and kept[0] == (level, known):
        return kept[1]

    def has(permission: str) -> bool:
        return known and bool(user.has_perm(f"tasks_app.{permission}"))

    access = Access(
        user_id=user.pk if known else None,
        view=level >= 1 or has("view_task") or has("view_all_tasks"),
        submit=level >= 2 or has("submit_task"),
        cancel=level >= 3 or has("cancel_task"),
        retry=level >= 3 or has("retry_task"),
        operate=level >= 3 or has("operate_taskdeck"),
        view_all=level >= 1 or has("view_all_tasks"),
    )
    if known:
        setattr(user, KEPT, ((level, known), access))
    return access
