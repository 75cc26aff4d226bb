"""Tests of the whole system: parity with REST, generated documents, query plans, chaos."""
