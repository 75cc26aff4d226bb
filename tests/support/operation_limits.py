"""Limits of operations for tests of what is behind them."""

from gateway.execution.admission.operation_limits import OperationLimits
from gateway.execution.operation_admission import AdmissionPolicy

_LARGE_LIMITS = OperationLimits(
    depth=10**30,
    aliases=10**30,
    directives=10**30,
    root_fields=10**30,
    selections=10**30,
    filter_conditions=10**30,
    cost=10**30,
)
LARGE_POLICY = AdmissionPolicy(_LARGE_LIMITS)
"""Policy whose limits only the number of tokens can exceed."""
