"""The admin's view of tasks and workers: to look at, never to edit. Rows change by transitions only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from tasks_app.access import access_of
from tasks_app.batch_selectors import visible_batches
from tasks_app.bulk import Act, act_on_ids
from tasks_app.documents import dump_json
from tasks_app.errors import InvalidArguments, InvalidDocument
from tasks_app.functions import registry
from tasks_app.models import QueuePause, Task, TaskAttempt, TaskBatch, Worker
from tasks_app.pauses import check_pause, pause, resume
from tasks_app.sealing import mask
from tasks_app.selectors import visible_tasks


class ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def console_link(page: str, key: UUID) -> str:
    """Where it is watched live; a site may have mounted no console."""
    try:
        return format_html('<a href="{}{}/{}">watch</a>', reverse("console"), page, key)
    except NoReverseMatch:
        return ""


class FunctionFilter(admin.SimpleListFilter):
    """From the registry: asking the table for its distinct functions would read all of it."""

    title = "function"
    parameter_name = "function"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(function.path, function.slug) for function in registry.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        value = self.value()
        return queryset.filter(function=value) if value else queryset


# Django's admin classes are generic for type checkers only.
class AttemptInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = TaskAttempt
    extra = 0
    fields = (
        "attempt",
        "kind",
        "worker_name",
        "error_class",
        "place",
        "message",
        "started_at",
        "finished_at",
    )
    ordering = ("attempt",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever sees the task


@admin.register(Task)
class TaskAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "id",
        "in_console",
        "function",
        "state",
        "queue",
        "owner",
        "last_worker",
        "attempt",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", FunctionFilter, "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "function", "queue", "error")
    search_help_text = "id, function, queue or error"
    ordering = ("-id",)
    list_per_page = 50
    show_full_result_count = False
    inlines = (AttemptInline,)
    exclude = ("arguments",)
    readonly_fields = ("in_console", "masked_arguments")
    actions = ("cancel_tasks", "retry_tasks")

    @admin.display(description="console")
    def in_console(self, task: Task) -> str:
        return console_link("tasks", task.pk)

    @admin.action(description="Cancel selected tasks", permissions=["cancel"])
    def cancel_tasks(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self._act(request, queryset, "cancel")

    @admin.action(description="Retry selected tasks", permissions=["retry"])
    def retry_tasks(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self._act(request, queryset, "retry")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return access_of(request.user).cancel

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return access_of(request.user).retry

    def _act(self, request: HttpRequest, queryset: QuerySet[Task], act: Act) -> None:
        chosen = list(queryset.values_list("pk", flat=True))
        acted = act_on_ids(access=access_of(request.user), act=act, ids=chosen)
        done = "cancelled or asked to stop" if act == "cancel" else "sent back to their queues"
        text = f"{acted.changed} of {len(chosen)} tasks {done}."
        if acted.changed < len(chosen):
            text += " The state of the others does not allow it."
        self.message_user(request, text)

    @admin.display(description="arguments")
    def masked_arguments(self, task: Task) -> str:
        return dump_json(mask(task.arguments))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        access = access_of(request.user)
        if not access.view:
            return Task.objects.none()
        tasks = visible_tasks(access)
        # the list needs neither; both may be large
        return (
            tasks.defer("result", "arguments")
            if _is_list(request)
            else tasks.select_related("worker", "owner")
        )


@admin.register(TaskBatch)
class BatchAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "in_console", "owner", "size", "then_task", "created_at")
    readonly_fields = ("in_console",)
    raw_id_fields = ("then_task",)
    search_fields = ("id",)
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="console")
    def in_console(self, batch: TaskBatch) -> str:
        return console_link("batches", batch.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaskBatch]:
        access = access_of(request.user)
        return visible_batches(access) if access.view else TaskBatch.objects.none()


class PauseForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = QueuePause
        fields = ("queue", "reason", "ends_at")
        widgets = {"queue": AdminTextInputWidget, "reason": AdminTextInputWidget}

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if self.errors:
            return given
        queue = given.get("queue") or self.instance.queue
        try:
            check_pause(queue=queue, reason=given["reason"], until=given["ends_at"])
        except (InvalidArguments, InvalidDocument) as refused:
            for fault in refused.field_errors:
                self.add_error("ends_at" if fault.field == "until" else fault.field, fault.message)
        return given


@admin.register(QueuePause)
class PauseAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To add is to pause, to delete is to resume, by the services and with their permission."""

    form = PauseForm
    list_display = ("queue", "paused_by", "paused_at", "ends_at", "reason")
    ordering = ("queue",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("queue",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request.user).operate

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request.user).operate

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission

    def save_model(self, request: HttpRequest, obj: QueuePause, form: Any, change: bool) -> None:
        pause(
            access=access_of(request.user),
            queue=obj.queue,
            reason=obj.reason,
            by=request.user.get_username(),
            until=obj.ends_at,
        )

    def delete_model(self, request: HttpRequest, obj: QueuePause) -> None:
        resume(access=access_of(request.user), queue=obj.queue)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[QueuePause]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


@admin.register(Worker)
class WorkerAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "node",
        "state",
        "is_quiet",
        "host",
        "pid",
        "concurrency",
        "async_concurrency",
        "claims_by_message",
        "claims_direct",
        "messages",
        "version",
        "started_at",
        "heartbeat_at",
    )
    list_filter = ("state", "is_quiet")
    search_fields = ("node", "host")
    ordering = ("state", "-started_at")
    show_full_result_count = False


def _is_list(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and (match.url_name or "").endswith("_changelist")
