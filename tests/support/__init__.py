"""Support code of the tests, with tests of its own."""
