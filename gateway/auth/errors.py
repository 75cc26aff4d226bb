"""Errors of credentials that are refused."""

from gateway.error_table import ErrorKind


class RefusedCredentialsError(Exception):
    """The credentials are refused; the message gives the reason. It is one of the classes below."""


class UnauthenticatedError(RefusedCredentialsError):
    """The credentials are invalid."""

    error_kind = ErrorKind.UNAUTHENTICATED


class ForbiddenSenderError(RefusedCredentialsError):
    """The sender of the request may not send it as the user whom it names."""

    error_kind = ErrorKind.FORBIDDEN_SENDER
