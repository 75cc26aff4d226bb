"""Documents made to cost a server much: each class of attack, at about 1,000 tokens.

`python -m benchmarks.abuse` measures the CPU time until they are refused or admitted;
`tests/execution/test_executor_adversarial_documents.py` counts the work.
"""

from collections.abc import Mapping

from benchmarks.adversarial_documents.adversarial_document import AdversarialDocument
from benchmarks.adversarial_documents.structures import (
    COUNT_DOCUMENTS,
    FRAGMENT_DOCUMENTS,
    NESTING_DOCUMENTS,
    OVERLAP_DOCUMENTS,
)
from benchmarks.adversarial_documents.values import COST_DOCUMENTS, NAME_DOCUMENTS, VALUE_DOCUMENTS

ADVERSARIAL_DOCUMENTS: Mapping[str, AdversarialDocument] = {
    **FRAGMENT_DOCUMENTS,
    **OVERLAP_DOCUMENTS,
    **COUNT_DOCUMENTS,
    **NESTING_DOCUMENTS,
    **COST_DOCUMENTS,
    **NAME_DOCUMENTS,
    **VALUE_DOCUMENTS,
}
"""The documents by description."""
