"""The corpus: documents that both executions run, and the tools to run them.

The .graphql files here have documents without errors, by subject; those in failing/
have mistakes of clients, and those in faulty/ meet invalid data and missing tables.
"""
