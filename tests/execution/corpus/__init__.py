"""Documents that both executions answer, and what is needed to ask them.

The .graphql files here hold documents that are answered without an error, by
their subject; failing/ those that clients got wrong, and faulty/ those that
meet what a database should not hold.
"""
