"""Requests as Django REST framework reads them, with Waldur's fields of a renewal."""

import django
from django.conf import settings as django_settings

if not django_settings.configured:
    django_settings.configure()
    django.setup()

from typing import Any

from django.test import RequestFactory
from rest_framework import serializers
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request


class RenewalSerializer(serializers.Serializer):  # type: ignore[misc]
    """The fields of a renewal."""

    extension_months = serializers.IntegerField(min_value=1)
    limits = serializers.DictField(child=serializers.IntegerField(min_value=0), required=False)
    request_comment = serializers.CharField(required=False, allow_blank=True)
    attachment = serializers.FileField(required=False)


def read_renewal(media_type: str, content: bytes) -> dict[str, Any]:
    """Return the values of a request's body, which must be valid."""
    request = Request(
        RequestFactory().post("/", data=content, content_type=media_type),
        parsers=[JSONParser(), FormParser(), MultiPartParser()],
    )
    serializer = RenewalSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
