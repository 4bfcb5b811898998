"""The one view of Celery behind Django REST framework."""

from __future__ import annotations

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.peers.celery_app import noop


class Body(serializers.Serializer):
    number = serializers.IntegerField()


class SubmitView(APIView):
    def post(self, request: Request) -> Response:
        body = Body(data=request.data)
        body.is_valid(raise_exception=True)
        return Response({"task_id": noop.delay(**body.validated_data).id}, 202)


urlpatterns = [path("tasks/", SubmitView.as_view())]
